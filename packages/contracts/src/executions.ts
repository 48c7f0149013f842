import { z } from 'zod';
import { contactAudience, rehearsalAudience, screenAudience } from './audience.js';
import { notAChannel, screenChannel } from './create-campaign.js';
import { DELIVERY_STATES, type DeliveryState, EXECUTION_KINDS, EXECUTION_STATES } from './states.js';

/** Kept, not counted: a state that no delivery is in is 0. */
export const executionCounts = z.object(
  Object.fromEntries(DELIVERY_STATES.map((state) => [state, z.int()])) as Record<DeliveryState, z.ZodInt>,
);
export type ExecutionCounts = z.infer<typeof executionCounts>;

export const executionView = z.object({
  id: z.uuid(),
  campaignId: z.uuid(),
  campaignName: z.string(),
  state: z.enum(EXECUTION_STATES),
  scheduledFor: z.int(),
  startedAt: z.int().nullable(),
  endedAt: z.int().nullable(),
  reason: z.string().nullable(),
  /** Who asked for it: a person, the campaign's start, or its schedule. */
  kind: z.enum(EXECUTION_KINDS),
  /** Starts that were tried; a failed one is tried again. */
  attempts: z.int(),
  /** How late it started after its moment, ms; null while it has not. */
  lagMs: z.int().nullable(),
  /** From its start to its end, ms; null while it runs or where it never did. */
  durationMs: z.int().nullable(),
  /** Its deliveries by state. */
  counts: executionCounts,
});
export type ExecutionView = z.infer<typeof executionView>;

/** How much waits, and for how long. */
export const backlogView = z.object({
  /** New executions that wait to be started, those that queue behind a live one included. */
  new: z.int(),
  /** How long the oldest of them that queues behind none has waited, ms; null when there is none. */
  oldestNewMs: z.int().nullable(),
  /** Those of them that queue behind a live execution of their campaign. */
  queued: z.int(),
  running: z.int(),
  /** Running executions of paused campaigns. */
  paused: z.int(),
  /** Deliveries of live executions that nobody has claimed. */
  pendingDeliveries: z.int(),
  /** Slots that are due and have no execution yet; the longest overdue, ms. */
  overdueSlots: z.int(),
  oldestSlotMs: z.int().nullable(),
  /** How late the execution that started last did, ms; null when none has by itself. */
  latestLagMs: z.int().nullable(),
});
export type Backlog = z.infer<typeof backlogView>;

export const deliveryView = z.object({
  id: z.uuid(),
  campaignId: z.uuid(),
  executionId: z.uuid(),
  recipient: z.string(),
  status: z.enum(DELIVERY_STATES),
  epoch: z.int(),
  attempt: z.int(),
  offers: z.int(),
  lastError: z.string().nullable(),
  installError: z.string().nullable(),
  settledAt: z.int().nullable(),
  acknowledgedAt: z.int().nullable(),
  acknowledgedVersion: z.int().nullable(),
  onAir: z.boolean(),
  revokeAckedAt: z.int().nullable(),
});
export type DeliveryView = z.infer<typeof deliveryView>;

/** What can happen to a delivery, in the words of its timeline. */
export const TIMELINE_WORDS = [
  'targeted',
  'claimed',
  'begun',
  'sent',
  'settled',
  'rescued',
  'rewound',
  'returned',
  'retried',
  'acknowledged',
  'played',
  'off_air',
  'error',
  'revoked',
  'clicked',
] as const;
export type TimelineWord = (typeof TIMELINE_WORDS)[number];

export const timelineEntry = z.object({
  /** Epoch ms: the database's clock, of `begun` and `sent` that of the process which sent. */
  at: z.int(),
  what: z.enum(TIMELINE_WORDS),
  epoch: z.int().optional(),
  attempt: z.int().optional(),
  /** Which process it was; of `rescued`: which one had it. */
  worker: z.string().optional(),
  claimId: z.uuid().optional(),
  /** What the state became. REJECTED_STALE: a result that came after another attempt had begun, and changed nothing. */
  outcome: z.enum([...DELIVERY_STATES, 'REJECTED_STALE']).optional(),
  reason: z.string().optional(),
  /** Of what a screen said: the campaign's version, and its own clock. */
  version: z.int().optional(),
  occurredAt: z.int().optional(),
  /** Of a click: on which asset, and why it is not taken for a person's first. */
  assetId: z.string().optional(),
  label: z.enum(['bot', 'duplicate']).optional(),
  /** Of a click: the play on that screen at that moment or right before it, by the screen's clock; absent where its log has none (yet). */
  play: z.object({ assetId: z.string(), startedAt: z.int(), durationMs: z.int() }).optional(),
});
export type TimelineEntry = z.infer<typeof timelineEntry>;

/** One delivery with all that happened to it, the first thing first. */
export const deliveryDetail = deliveryView.extend({
  timeline: z.array(timelineEntry),
  /** What the screen logged as shown of the campaign, counted; null: nothing. */
  plays: z.object({ count: z.int(), durationMs: z.int(), firstHour: z.int(), lastHour: z.int() }).nullable(),
});
export type DeliveryDetail = z.infer<typeof deliveryDetail>;

export const dispatched = z.object({ started: z.literal(true), executionId: z.uuid(), epoch: z.int() });
/** The body of pause, resume and retry answers. */
export const paused = z.object({
  paused: z.literal(true),
  epoch: z.int(),
  /** Deliveries that were begun and have not ended yet: their sends had started, or never do in this epoch. */
  draining: z.int(),
  /** Sessions of workers that were ended by force for it. */
  forced: z.int().optional(),
});
export const resumed = z.object({ resumed: z.literal(true), epoch: z.int(), rewound: z.int() });
export const RETRY_SCOPES = ['failed', 'unknown', 'ids'] as const;
export const retryBody = z
  .strictObject({ scope: z.enum(RETRY_SCOPES), ids: z.array(z.uuid()).min(1).max(10_000).optional() })
  .refine((body) => (body.scope === 'ids') === (body.ids !== undefined), {
    path: ['ids'],
    error: "must be given with scope 'ids', and only then",
  });
export type RetryBody = z.infer<typeof retryBody>;
export const retried = z.object({ retried: z.int(), executionId: z.uuid() });

/** The audience as a campaign of that channel has it; `screen` where none is named. */
export const audienceCountBody = z.discriminatedUnion(
  'channel',
  [
    z.object({ channel: screenChannel, audience: screenAudience }),
    z.object({ channel: z.literal('webhook'), audience: contactAudience }),
    z.object({ channel: z.literal('null'), audience: rehearsalAudience }),
  ],
  { error: notAChannel },
);
export type AudienceCountBody = z.infer<typeof audienceCountBody>;
export const audienceCount = z.object({ count: z.int() });

export const deliveryQuery = { status: z.enum(DELIVERY_STATES).optional() };
export const executionQuery = { status: z.enum(EXECUTION_STATES).optional() };
