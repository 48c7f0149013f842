import { createCampaign, type CreateRecipientCampaignInput } from '@marquee/contracts';
import { fromLocalInput } from '../draft.js';
import { type FieldErrors, placeBy, type Reason } from '../field-errors.js';
import type { Reading } from '../use-campaign-form.js';
import type { RecipientChannel, RecipientDraft } from './recipient-draft.js';

type Own = Record<string, string>;

/** Reads the form by the contract's own schema, so that what passes here passes the server's validation too. */
export function toRecipientBody(
  draft: RecipientDraft,
  channel: RecipientChannel,
  idempotencyKey: string,
): Reading<CreateRecipientCampaignInput> {
  const own: Own = {};
  const body = {
    name: draft.name,
    channel,
    audience: audienceOf(draft, own),
    content: channel === 'webhook' ? webhookOf(draft, own) : rehearsalOf(draft, own),
    ...optional('rate', draft.perSecond === '' ? undefined : { perSecond: draft.perSecond }),
    ...(channel === 'webhook' ? { onUnknown: draft.onUnknown } : {}),
    ...optional('startAt', momentOf(draft.startAt, 'startAt', own)),
    ...optional('expireAt', momentOf(draft.expireAt, 'expireAt', own)),
    priority: draft.priority === '' ? 0 : draft.priority,
    ...(draft.dispatch === 'recurring'
      ? { schedule: { ...draft.schedule, cron: draft.schedule.cron.trim() } }
      : { dispatch: draft.dispatch }),
    idempotencyKey,
  };
  const parsed = createCampaign.safeParse(body);
  if (parsed.success && parsed.data.channel !== 'screen' && Object.keys(own).length === 0) return { body: parsed.data };
  const issues = parsed.error?.issues ?? [];
  const placed = placeRecipientErrors(
    issues.map((issue) => ({ path: issue.path.join('.'), reason: issue.message })),
    draft.audience,
  );
  // What this form says of a field is clearer than what the schema does.
  return { errors: { fields: { ...placed.fields, ...own }, rest: placed.rest } };
}

/** Reasons of the request's body by this form's fields. */
export function placeRecipientErrors(reasons: Reason[], audience: RecipientDraft['audience']): FieldErrors {
  return placeBy(reasons, (path) => {
    const [root = '', second = ''] = path.split('.');
    if (root === 'audience') return AUDIENCE_FIELDS[audience];
    if (root === 'schedule') return SCHEDULE_FIELDS.includes(second) ? `schedule.${second}` : 'schedule.cron';
    return FIELDS[root === 'content' ? `content.${second}` : root];
  });
}

const AUDIENCE_FIELDS = { count: 'count', all: 'audience', tags: 'tagsAny', ids: 'ids' } as const;
const SCHEDULE_FIELDS = ['cron', 'timeZone', 'overlap', 'catchUp'];
const FIELDS: Record<string, string> = {
  name: 'name',
  rate: 'perSecond',
  onUnknown: 'onUnknown',
  startAt: 'startAt',
  expireAt: 'expireAt',
  priority: 'priority',
  dispatch: 'dispatch',
  'content.url': 'url',
  'content.secret': 'secret',
  'content.headers': 'headers',
  'content.data': 'data',
  'content.latencyMs': 'latencyMs',
  'content.failureRate': 'failurePercent',
};

function optional<Value>(name: string, value: Value | undefined): Record<string, Value> {
  return value === undefined ? {} : { [name]: value };
}

/** The contact ids that are typed. */
export function contactIdsOf(text: string): string[] {
  return [
    ...new Set(
      text
        .split(/[\n,;]+/)
        .map((id) => id.trim())
        .filter((id) => id !== ''),
    ),
  ];
}

/** The audience that the form names; what is missing goes to `own`. */
export function audienceOf(
  draft: Pick<RecipientDraft, 'audience' | 'count' | 'ids' | 'tagsAny' | 'tagsAll' | 'tagsNone'>,
  own: Own,
): unknown {
  switch (draft.audience) {
    case 'all':
      return { all: true };
    case 'count':
      if (draft.count === '') own['count'] = 'Say how many.';
      return { count: draft.count };
    case 'ids': {
      const ids = contactIdsOf(draft.ids);
      if (ids.length === 0) own['ids'] = 'Name at least one contact.';
      return { ids };
    }
    case 'tags': {
      const named = (name: string, tags: string[]) => (tags.length > 0 ? { [name]: tags } : {});
      const tags = { ...named('any', draft.tagsAny), ...named('all', draft.tagsAll), ...named('none', draft.tagsNone) };
      if (Object.keys(tags).length === 0) own['tagsAny'] = 'Name at least one tag.';
      return { tags };
    }
  }
}

function webhookOf(draft: RecipientDraft, own: Own) {
  const url = draft.url.trim();
  if (url === '') own['url'] = 'Enter the address that is posted to.';
  return {
    url,
    ...optional('secret', draft.secret === '' ? undefined : draft.secret),
    ...optional('headers', headersOf(draft.headers, own)),
    ...optional('data', dataOf(draft.data, own)),
  };
}

function headersOf(text: string, own: Own): Record<string, string> | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const wrong = lines.find((line) => !line.includes(':'));
  if (wrong !== undefined) own['headers'] = `“${wrong.trim()}” is not of the form Name: value.`;
  const pairs = lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')).trim(), line.slice(line.indexOf(':') + 1).trim()]);
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}

function dataOf(text: string, own: Own): unknown {
  if (text.trim() === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    own['data'] = 'Must be an object: { … }.';
  } catch (error) {
    own['data'] = `Is not JSON: ${error instanceof Error ? error.message : 'it cannot be read'}.`;
  }
  return undefined;
}

function rehearsalOf(draft: RecipientDraft, own: Own) {
  const percent = Number(draft.failurePercent);
  if (!(percent >= 0 && percent <= 100)) own['failurePercent'] = 'From 0 to 100.';
  return { latencyMs: draft.latencyMs === '' ? 0 : draft.latencyMs, failureRate: percent / 100 };
}

function momentOf(text: string, field: string, own: Own): number | undefined {
  const at = fromLocalInput(text);
  if (text !== '' && at === undefined) own[field] = 'Enter a date and a time.';
  if (field === 'expireAt' && at !== undefined && at <= Date.now()) own[field] = 'Must be in the future.';
  return at;
}
