import type { CatchUp, OnUnknown, Overlap } from '@marquee/contracts';

/** The channels whose campaigns are sent to recipients one by one. */
export type RecipientChannel = 'webhook' | 'null';

/** What the form of a campaign for recipients holds: as typed, so possibly not valid. */
export interface RecipientDraft {
  name: string;
  audience: 'count' | 'all' | 'tags' | 'ids';
  /** Made-up recipients of a rehearsal. */
  count: number | string;
  tagsAny: string[];
  tagsAll: string[];
  tagsNone: string[];
  /** Contact ids, one a line or separated by commas. */
  ids: string;
  url: string;
  secret: string;
  /** A header a line: `Name: value`. */
  headers: string;
  /** A JSON object, or nothing. */
  data: string;
  latencyMs: number | string;
  failurePercent: number | string;
  /** '' = no limit. */
  perSecond: number | string;
  onUnknown: OnUnknown;
  dispatch: 'manual' | 'auto' | 'recurring';
  /** When it recurs; looked at while `dispatch` says so. */
  schedule: { cron: string; timeZone: string; overlap: Overlap; catchUp: CatchUp };
  /** `YYYY-MM-DDTHH:MM` in the reader's zone; '' = none. */
  startAt: string;
  expireAt: string;
  priority: number | string;
}

export function emptyRecipientDraft(channel: RecipientChannel): RecipientDraft {
  return {
    name: '',
    audience: channel === 'null' ? 'count' : 'all',
    count: 50_000,
    tagsAny: [],
    tagsAll: [],
    tagsNone: [],
    ids: '',
    url: '',
    secret: '',
    headers: '',
    data: '',
    latencyMs: 50,
    failurePercent: 0,
    perSecond: '',
    onUnknown: 'hold',
    dispatch: 'manual',
    schedule: {
      cron: '0 9 * * 1-5',
      timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
      overlap: 'skip',
      catchUp: 'one',
    },
    startAt: '',
    expireAt: '',
    priority: 0,
  };
}
