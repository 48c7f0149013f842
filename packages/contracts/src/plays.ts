import { z } from 'zod';
import { ianaZone } from './recurrence.js';
import { deviceId } from './screens.js';
import { epochMs } from './text.js';

/** A showing that is longer was forgotten to be ended. */
const LONGEST_PLAY_MS = 31 * 86_400_000;

/** One element of a PLAY_LOG's `payload.plays`; each is held against it by itself. */
export const playOfLog = z.object({
  campaignId: z.uuid().transform((id) => id.toLowerCase()),
  version: z.int().min(0).max(2_147_483_647),
  assetId: z.union([z.literal(''), z.uuid().transform((id) => id.toLowerCase())]),
  startedAt: epochMs,
  durationMs: z.number().min(0).max(LONGEST_PLAY_MS),
});

/** The longest span of one report, so that an answer stays readable. */
const LONGEST_REPORT_MS = 3660 * 86_400_000;
const LONGEST_BY_HOUR_MS = 92 * 86_400_000;
const DEFAULT_REPORT_MS = 7 * 86_400_000;

const filters = {
  campaignId: z
    .uuid()
    .transform((id) => id.toLowerCase())
    .optional(),
  deviceId: deviceId.optional(),
  /** `none`: plays of templates that do not tell their slides. */
  assetId: z
    .union([z.literal('none').transform(() => ''), z.uuid('must be a UUID or none').transform((id) => id.toLowerCase())])
    .optional(),
  /** Epoch ms; from is included, to is not. Default: the seven days until now. */
  from: z.coerce.number().pipe(epochMs).optional(),
  to: z.coerce.number().pipe(epochMs).optional(),
};

function span({ from, to }: { from?: number | undefined; to?: number | undefined }): { from: number; to: number } {
  const end = to ?? Math.max(Date.now() + 3_600_000, from ?? 0);
  return { from: from ?? Math.max(0, end - DEFAULT_REPORT_MS), to: end };
}

/** Query of `GET /plays.csv`. */
export const playsFilter = z
  .object(filters)
  .transform((query) => ({ ...query, ...span(query) }))
  .refine(({ from, to }) => from < to, { path: ['from'], message: 'must be before to' })
  .refine(({ from, to }) => to - from <= LONGEST_REPORT_MS, { path: ['to'], message: 'must be at most ten years after from' });
export type PlaysFilter = z.output<typeof playsFilter>;

/** What the rows of a report are: one for each of these. `hour`: for each screen, campaign and hour. */
export const PLAYS_BY = ['screen', 'campaign', 'asset', 'hour'] as const;
export type PlaysBy = (typeof PLAYS_BY)[number];

/** Query of `GET /plays`. */
export const playsQuery = z
  .object({
    ...filters,
    bucket: z.enum(['hour', 'day']).default('hour'),
    /** Where days begin. Hours are those of UTC. */
    timeZone: ianaZone.default('UTC'),
    by: z.enum(PLAYS_BY).optional(),
    offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
    limit: z.coerce.number().int().min(1).max(100).default(20),
  })
  .transform((query) => ({ ...query, ...span(query) }))
  .refine(({ from, to }) => from < to, { path: ['from'], message: 'must be before to' })
  .refine(({ from, to }) => to - from <= LONGEST_REPORT_MS, { path: ['to'], message: 'must be at most ten years after from' })
  .refine(({ from, to, bucket }) => bucket === 'day' || to - from <= LONGEST_BY_HOUR_MS, {
    path: ['bucket'],
    message: 'must be day for more than 92 days',
  });
export type PlaysQuery = z.output<typeof playsQuery>;

const played = { plays: z.int(), durationMs: z.int() };

export const playsRow = z.object({
  /** Null where the rows are not by it. */
  deviceId: z.string().nullable(),
  campaignId: z.uuid().nullable(),
  campaign: z.string().nullable(),
  /** '' where the template did not tell. */
  assetId: z.string().nullable(),
  /** Epoch ms at which the hour begins. */
  hour: z.int().nullable(),
  ...played,
});
export type PlaysRow = z.infer<typeof playsRow>;

/** Proof of play. A play counts in the hour in which it started. */
export const playsReport = z.object({
  total: z.object(played),
  /** In order of time; a bucket without a play is left out. */
  series: z.array(z.object({ at: z.int(), ...played })),
  /** With `by` alone: hours newest first, else most plays first. */
  rows: z.object({ data: z.array(playsRow), total: z.int(), offset: z.int(), limit: z.int() }).nullable(),
});
export type PlaysReport = z.infer<typeof playsReport>;
