import { z } from 'zod';
import { ianaZone } from './recurrence.js';
import { deviceId } from './screens.js';
import { CLICK_SOURCES } from './states.js';
import { epochMs, storableText } from './text.js';

/** Most clicks of one batch. */
export const MAX_CLICK_BATCH = 500;
/** A click tells who, what and where, nothing else. */
export const MAX_CLICK_BYTES = 4096;

const uuid = z.uuid().transform((id) => id.toLowerCase());

/** Body of `POST /ads/clicks`. The same `messageId` again is the same click: it is answered like the first and counted once. */
export const clickInput = z.strictObject({
  adId: storableText(128).min(1),
  adType: storableText(64).min(1),
  messageId: uuid.optional(),
  campaignId: uuid.optional(),
  creativeId: uuid.optional(),
  deviceId: deviceId.optional(),
});
export type ClickInput = z.output<typeof clickInput>;

/** The answer to a click that was accepted. */
export const clickAccepted = z.object({ status: z.literal(1), code: z.literal('OK') });

/** Body of `POST /ads/clicks/batch`; each is held against `clickInput` by itself. */
export const clickBatch = z.strictObject({ clicks: z.array(z.unknown()).min(1).max(MAX_CLICK_BATCH) });

/** One answer for each click of a batch, in its order: those that were not accepted may be sent again, with the same messageId. */
export const clickBatchAnswer = z.object({
  accepted: z.int(),
  results: z.array(
    z.union([clickAccepted, z.object({ status: z.literal(0), code: z.enum(['VALIDATION', 'OVERLOADED']), message: z.array(z.string()) })]),
  ),
});
export type ClickBatchAnswer = z.infer<typeof clickBatchAnswer>;

/** Whether `POST /ads/clicks` answers at once, or when the click cannot be lost any more. */
export const CLICK_ACKS = ['accepted', 'durable'] as const;
export type ClickAck = (typeof CLICK_ACKS)[number];

/** Of the circuit breaker before the broker: calls pass; none passes; some pass to find out. */
export const CIRCUIT_STATES = ['CLOSED', 'OPEN', 'HALF_OPEN'] as const;
export type CircuitState = (typeof CIRCUIT_STATES)[number];

/** What each layer of the publisher counted since its process started. */
export const CLICK_COUNTERS = [
  'accepted',
  'rejected',
  'overloaded',
  'duplicates',
  'published',
  'confirmed',
  'failed',
  'retried',
  'returned',
  'stored',
  'replayed',
  'dead',
  'marked',
] as const;
export type ClickCounter = (typeof CLICK_COUNTERS)[number];
const counters = z.record(z.enum(CLICK_COUNTERS), z.int());
export type ClickCounters = z.infer<typeof counters>;

/** What one process with the role clicks says of itself; `at` is when it said so. */
export const clickProcess = z.object({
  process: z.int(),
  name: z.string(),
  /** Epoch ms. */
  startedAt: z.int(),
  at: z.int(),
  ack: z.enum(CLICK_ACKS),
  broker: z.object({ kind: z.enum(['rabbitmq', 'database']), connected: z.boolean(), blocked: z.boolean(), channels: z.int() }),
  circuit: z.object({ state: z.enum(CIRCUIT_STATES), failures: z.int(), since: z.int(), retryAt: z.int().nullable() }),
  /** Clicks in memory that are neither confirmed nor stored: what a kill -9 would lose in accepted mode, and its bound. */
  memory: z.object({ clicks: z.int(), bound: z.int() }),
  fallback: z.enum(['redis', 'postgres']),
  /** How many wait in the broker and in the fallback, of all processes; null where it cannot be told now. */
  depths: z.object({ queue: z.int().nullable(), fallback: z.int().nullable() }),
  counters,
});
export type ClickProcess = z.infer<typeof clickProcess>;

/** Answer of `GET /clicks/status`: over all processes, and each. */
export const clicksStatus = z.object({
  /** Of the process that is worst off. */
  circuit: z.enum(CIRCUIT_STATES),
  publisher: z.object({ ack: z.enum(CLICK_ACKS), connected: z.boolean(), memory: z.int(), bound: z.int() }),
  /** Null where it cannot be told now. */
  queueDepth: z.int().nullable(),
  fallbackDepth: z.int().nullable(),
  dlqDepth: z.int().nullable(),
  counters,
  processes: z.array(clickProcess),
});
export type ClicksStatus = z.infer<typeof clicksStatus>;

const LONGEST_STATS_MS = 3660 * 86_400_000;
const LONGEST_BY_HOUR_MS = 92 * 86_400_000;
const LONGEST_BY_MINUTE_MS = 2 * 86_400_000;
const DEFAULT_STATS_MS = 7 * 86_400_000;

export const CLICK_BUCKETS = ['minute', 'hour', 'day'] as const;
/** What the rows of the report are, one for each of these. */
export const CLICKS_BY = ['campaign', 'ad', 'creative', 'screen', 'source'] as const;
export type ClicksBy = (typeof CLICKS_BY)[number];

const statsFilter = z.object({
  adId: storableText(128).min(1).optional(),
  campaignId: uuid.optional(),
  creativeId: uuid.optional(),
  deviceId: deviceId.optional(),
  source: z.enum(CLICK_SOURCES).optional(),
  /** Epoch ms; from is included, to is not, and the minutes that they fall into are counted whole. Default: the seven days until now. */
  from: z.coerce.number().pipe(epochMs).optional(),
  to: z.coerce.number().pipe(epochMs).optional(),
  bucket: z.enum(CLICK_BUCKETS).default('hour'),
  /** Where days and hours begin. The hour that summer time repeats is two. */
  timeZone: ianaZone.default('UTC'),
});

function span(
  { from, to }: { from?: number | undefined; to?: number | undefined },
  usualMs = DEFAULT_STATS_MS,
): { from: number; to: number } {
  const end = to ?? Math.max(Date.now() + 60_000, (from ?? 0) + 1);
  return { from: from ?? Math.max(0, end - usualMs), to: end };
}

const inOrder = { path: ['from'], message: 'must be before to' };
const longest = { path: ['to'], message: 'must be at most ten years after from' };
const tooFine = { path: ['bucket'], message: 'must be coarser for so long a time: minutes for 2 days at most, hours for 92' };
function fineEnough({ from, to, bucket }: { from: number; to: number; bucket: string }): boolean {
  return to - from <= (bucket === 'minute' ? LONGEST_BY_MINUTE_MS : bucket === 'hour' ? LONGEST_BY_HOUR_MS : LONGEST_STATS_MS);
}

/** Query of `GET /clicks.csv`: a line for each bucket, campaign, ad, creative, screen and source. */
export const clicksFilter = statsFilter
  .transform((query) => ({ ...query, ...span(query) }))
  .refine(({ from, to }) => from < to, inOrder)
  .refine(({ from, to }) => to - from <= LONGEST_STATS_MS, longest)
  .refine(fineEnough, tooFine);
export type ClicksFilter = z.output<typeof clicksFilter>;

/** Query of `GET /clicks/stats`. */
export const clicksQuery = statsFilter
  .extend({
    by: z.enum(CLICKS_BY).optional(),
    offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
    limit: z.coerce.number().int().min(1).max(100).default(20),
  })
  .transform((query) => ({ ...query, ...span(query) }))
  .refine(({ from, to }) => from < to, inOrder)
  .refine(({ from, to }) => to - from <= LONGEST_STATS_MS, longest)
  .refine(fineEnough, tooFine);
export type ClicksQuery = z.output<typeof clicksQuery>;

/**
 * `raw`: every click once. `unique`: without repetitions by the same user, or of scans from the same address with the same agent, on the same
 * ad within CLICK_DUPLICATE_MS. `human`: unique, and not by a bot.
 */
export const clickCounts = { raw: z.int(), unique: z.int(), human: z.int() };

export const clicksRow = z.object({
  /** What the row is by: an id, a source; '' where the click did not say. */
  key: z.string(),
  /** Of a campaign: its name. */
  name: z.string().nullable(),
  ...clickCounts,
});
export type ClicksRow = z.infer<typeof clicksRow>;

export const clicksReport = z.object({
  total: z.object(clickCounts),
  /** In order of time; a bucket without a click is left out. `at`: epoch ms at which it begins. */
  series: z.array(z.object({ at: z.int(), ...clickCounts })),
  /** With `by` alone: most clicks first. */
  rows: z.object({ data: z.array(clicksRow), total: z.int(), offset: z.int(), limit: z.int() }).nullable(),
});
export type ClicksReport = z.infer<typeof clicksReport>;

/** A click that could not be counted, with what it was and why. */
export const deadLetter = z.object({
  /** A number, later ones are larger. */
  id: z.int(),
  /** Null where the message did not say. */
  messageId: z.string().nullable(),
  reason: z.string(),
  /** The message as it came: UTF-8 text. */
  body: z.string(),
  /** Epoch ms. */
  deadAt: z.int(),
  /** How often it was sent back into the queue by hand; of a message that no process of ours had accepted always 0. */
  redriven: z.int(),
});
export type DeadLetter = z.infer<typeof deadLetter>;
/** In a list: without its body, which may be 64 KiB. */
export const deadLetterRow = deadLetter.omit({ body: true });
export type DeadLetterRow = z.infer<typeof deadLetterRow>;

/** Body of `POST /clicks/dead-letters/redrive` and `/purge`: these, or all that are there when it is asked. */
export const deadLetterChoice = z.union(
  [z.strictObject({ ids: z.array(z.int().min(1)).min(1).max(1000) }), z.strictObject({ all: z.literal(true) })],
  { error: 'must be {"ids": [1, 2]}, up to 1000 of them, or {"all": true}' },
);
export type DeadLetterChoice = z.infer<typeof deadLetterChoice>;
/** How many of the chosen were there, and were sent back or forgotten. */
export const deadLettersMoved = z.object({ moved: z.int() });

/** Answer of `POST /clicks/replay`. */
export const replayAsked = z.object({
  /** How many processes were asked; with none, the fallback is replayed when one with the role clicks starts. */
  processes: z.int(),
  /** How many clicks wait in the fallback; null where it cannot be told now. */
  waiting: z.int().nullable(),
});

/** One minute of the ledger: of what was accepted in it, what became of it. */
export const ledgerMinute = z.object({
  /** Epoch ms at which it begins. */
  at: z.int(),
  accepted: z.int(),
  /** Counted, each once. */
  stored: z.int(),
  /** Accepted again under a messageId that was counted already. */
  duplicates: z.int(),
  dead: z.int(),
  /** Not accepted, so not part of the balance: by reason. */
  rejected: z.record(z.string(), z.int()),
  /** accepted - stored - duplicates - dead: in flight, or lost. Below 0: a killed process had accepted more than it had written down. */
  missing: z.int(),
});

const DEFAULT_LEDGER_MS = 86_400_000;
const LONGEST_LEDGER_MS = 7 * 86_400_000;

/** Query of `GET /clicks/ledger`. Whole minutes; default: the day until now. */
export const ledgerQuery = z
  .object({ from: z.coerce.number().pipe(epochMs).optional(), to: z.coerce.number().pipe(epochMs).optional() })
  .transform((query) => span(query, DEFAULT_LEDGER_MS))
  .refine(({ from, to }) => from < to, inOrder)
  .refine(({ from, to }) => to - from <= LONGEST_LEDGER_MS, { path: ['to'], message: 'must be at most seven days after from' });
export type LedgerQuery = z.output<typeof ledgerQuery>;

export const clickLedger = z.object({
  /** In order of time; a minute in which nothing happened is left out. */
  minutes: z.array(ledgerMinute),
  total: ledgerMinute.omit({ at: true }),
  /** In memory of living processes, in the broker, in the fallback; null where it cannot be told now. */
  inFlight: z.object({ memory: z.int(), queue: z.int().nullable(), fallback: z.int().nullable() }),
  /**
   * Of processes that did not end and are silent: how many clicks that were answered OK are known to be missing, and how many can be: with
   * CLICK_ACK=accepted what they may have had in memory, with durable none.
   */
  lost: z.object({ atLeast: z.int(), atMost: z.int() }),
  /** Those processes, by their numbers: killed, unless they speak again. */
  silent: z.array(z.int()),
  /** Nothing is missing that is not in flight, nothing was counted twice, and nothing can have been lost. */
  balanced: z.boolean(),
});
export type ClickLedger = z.infer<typeof clickLedger>;
