import {
  type AlertRuleView,
  MIN_GRACE_MS,
  type PutAlertRuleInput,
  putAlertRule,
  type ScreenAudience,
  screenAudience,
} from '@marquee/contracts';
import { type AudienceDraft, audienceOf } from '../parts/audience.js';

/** What the rule's form holds: as typed, so possibly not valid. */
export interface RuleDraft extends AudienceDraft {
  name: string;
  graceMinutes: number | string;
  webhookUrl: string;
  /** '' leaves the secret that is set as it is. */
  secret: string;
  emails: string[];
  enabled: boolean;
}

export function draftOf(rule: AlertRuleView | undefined): RuleDraft {
  const nobody = { groups: [], tagsAny: [], tagsAll: [], tagsNone: [], ids: '' };
  return {
    ...nobody,
    ...audienceDraftOf(rule?.audience),
    name: rule?.name ?? '',
    graceMinutes: (rule?.graceMs ?? 300_000) / 60_000,
    webhookUrl: rule?.webhook?.url ?? '',
    secret: '',
    emails: rule?.emails ?? [],
    enabled: rule?.enabled ?? true,
  };
}

function audienceDraftOf(audience: unknown): Pick<AudienceDraft, 'audience'> & Partial<AudienceDraft> {
  const parsed = screenAudience.safeParse(audience);
  const known: ScreenAudience = parsed.success ? parsed.data : { all: true };
  if ('all' in known) return { audience: 'all' };
  if ('ids' in known) return { audience: 'ids', ids: known.ids.join('\n') };
  if (known.groups !== undefined) return { audience: 'groups', groups: known.groups };
  return { audience: 'tags', tagsAny: known.tags?.any ?? [], tagsAll: known.tags?.all ?? [], tagsNone: known.tags?.none ?? [] };
}

export type RuleBody = { body: PutAlertRuleInput } | { errors: Record<string, string> };

/** The rule that a draft makes, or why it makes none, by field. */
export function bodyOf(draft: RuleDraft): RuleBody {
  const audience = audienceOf(draft);
  const graceMs = Math.round(Number(draft.graceMinutes) * 60_000);
  const url = draft.webhookUrl.trim();
  const body = {
    name: draft.name,
    audience: 'audience' in audience ? audience.audience : { all: true as const },
    graceMs,
    webhook: url === '' ? null : { url, ...(draft.secret === '' ? {} : { secret: draft.secret }) },
    emails: draft.emails,
    enabled: draft.enabled,
  };
  const errors: Record<string, string> = 'errors' in audience ? { ...audience.errors } : {};
  const parsed = putAlertRule.safeParse(body);
  for (const { path, message } of parsed.error?.issues ?? []) errors[fieldOf(path)] ??= wordsOf(fieldOf(path), message);
  return Object.keys(errors).length > 0 ? { errors } : { body };
}

function fieldOf([root, second]: PropertyKey[]): string {
  if (root === 'graceMs') return 'graceMinutes';
  if (root === 'webhook') return second === 'secret' ? 'secret' : 'webhookUrl';
  return String(root ?? 'name');
}

function wordsOf(field: string, message: string): string {
  const own: Record<string, string> = {
    graceMinutes: `From ${MIN_GRACE_MS / 1000} seconds to 30 days.`,
    webhookUrl: 'Must be an http or https address without credentials.',
    emails: 'One of them is no mail address, or there are more than 50.',
  };
  return own[field] ?? `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
