import { z } from 'zod';
import { screenAudience } from './audience.js';
import { deviceId } from './screens.js';
import { epochMs, httpUrl, label, storableText } from './text.js';

export const MIN_GRACE_MS = 10_000;
export const MAX_GRACE_MS = 30 * 86_400_000;
export const DEFAULT_GRACE_MS = 300_000;
export const MAX_ALERT_EMAILS = 50;
const MAX_SNOOZE_MS = 366 * 86_400_000;

/** Kinds of notice: screens went, screens are back, a trial asked for by a person. */
export const NOTICE_KINDS = ['outage', 'recovery', 'test'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];
export const NOTICE_WAYS = ['webhook', 'email'] as const;
export type NoticeWay = (typeof NOTICE_WAYS)[number];
/** `queued` until it is `sent`, `failed` (refused for good, or given up) or `dropped` (never tried: there was no way to). */
export const NOTICE_STATES = ['queued', 'sent', 'failed', 'dropped'] as const;
export type NoticeState = (typeof NOTICE_STATES)[number];
export const OUTAGE_STATES = ['open', 'closed'] as const;
export type OutageState = (typeof OUTAGE_STATES)[number];
/** How an outage ended: the screen came back, was forgotten, or the rule does not mean it any more. */
export const OUTAGE_ENDS = ['back', 'forgotten', 'rule'] as const;

/** `POST /alert-rules`, `PUT /alert-rules/:id`: what is absent is set to its default. */
export const putAlertRule = z.object({
  name: label(200),
  audience: screenAudience.default({ all: true }),
  /** How long a screen may be offline before it is an outage. */
  graceMs: z.int().min(MIN_GRACE_MS).max(MAX_GRACE_MS).default(DEFAULT_GRACE_MS),
  webhook: z
    .strictObject({
      url: httpUrl,
      /** Signs what is posted. Never answered; absent: stays what it was, null: none. */
      secret: storableText(512).min(1).nullable().optional(),
    })
    .nullable()
    .default(null),
  emails: z.array(z.email().max(254)).max(MAX_ALERT_EMAILS).default([]),
  enabled: z.boolean().default(true),
});
export type PutAlertRule = z.output<typeof putAlertRule>;
export type PutAlertRuleInput = z.input<typeof putAlertRule>;

export const alertRuleView = z.object({
  id: z.uuid(),
  name: z.string(),
  audience: z.record(z.string(), z.unknown()),
  graceMs: z.int(),
  webhook: z.object({ url: z.string(), hasSecret: z.boolean() }).nullable(),
  emails: z.array(z.string()),
  enabled: z.boolean(),
  /** Epoch ms until which nothing is sent; null when it is not snoozed. */
  snoozedUntil: z.int().nullable(),
  openOutages: z.int(),
  /** What keeps it from telling everyone whom it names. */
  warnings: z.array(z.string()),
});
export type AlertRuleView = z.infer<typeof alertRuleView>;

/** Until a moment, or for a while from now. */
export const snoozeBody = z.union([z.strictObject({ until: epochMs }), z.strictObject({ forMs: z.int().min(1_000).max(MAX_SNOOZE_MS) })], {
  error: 'must have either until (epoch ms) or forMs (from 1000 to 366 days)',
});
export type SnoozeBody = z.infer<typeof snoozeBody>;
export const snoozeView = z.object({ until: z.int().nullable() });
export type SnoozeView = z.infer<typeof snoozeView>;

/** One time that one screen was away for longer than a rule's grace. Times in epoch ms. */
export const outageView = z.object({
  id: z.uuid(),
  ruleId: z.uuid(),
  ruleName: z.string(),
  deviceId: z.string(),
  groupId: z.string().nullable(),
  state: z.enum(OUTAGE_STATES),
  /** When the screen went. */
  since: z.int(),
  openedAt: z.int(),
  /** When the screen came back, or the outage ended otherwise. */
  closedAt: z.int().nullable(),
  endedBy: z.enum(OUTAGE_ENDS).nullable(),
  /** Until when the screen or the rule is snoozed, whichever is later. */
  snoozedUntil: z.int().nullable(),
  /** True once a notice of it was queued. */
  noticed: z.boolean(),
});
export type OutageView = z.infer<typeof outageView>;

export const alertQuery = {
  state: z.enum(OUTAGE_STATES).optional(),
  ruleId: z.uuid().optional(),
  deviceId: deviceId.optional(),
};

/** One message about one or many screens to one addressee. */
export const noticeView = z.object({
  id: z.uuid(),
  ruleId: z.uuid(),
  ruleName: z.string(),
  kind: z.enum(NOTICE_KINDS),
  way: z.enum(NOTICE_WAYS),
  /** The address it goes to; of a webhook, its URL. */
  target: z.string(),
  /** How many screens it is about, and the first of them by name. */
  screens: z.int(),
  named: z.array(z.string()),
  state: z.enum(NOTICE_STATES),
  attempts: z.int(),
  lastError: z.string().nullable(),
  createdAt: z.int(),
  settledAt: z.int().nullable(),
  /** While it is queued: when it is tried next. */
  nextAttemptAt: z.int().nullable(),
});
export type NoticeView = z.infer<typeof noticeView>;
export const noticeQuery = { ruleId: z.uuid().optional(), state: z.enum(NOTICE_STATES).optional() };

export const queuedNotices = z.object({ notices: z.int() });

/** A screen in a notice; `until` in a recovery only. */
export interface NoticeScreen {
  deviceId: string;
  groupId: string | null;
  since: number;
  until?: number;
}

/** What a webhook is posted. `more` counts the screens that are not named. */
export interface NoticeBody {
  type: NoticeKind;
  ruleId: string;
  rule: string;
  /** Epoch ms at which it was queued. */
  at: number;
  screens: NoticeScreen[];
  more: number;
}
