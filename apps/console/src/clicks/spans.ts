import type { ClicksReport } from '@marquee/contracts';
import type { ClicksSpan } from '../api/clicks.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const RANGES = ['live', '1h', '24h', '7d', '30d', '90d'] as const;
export type Range = (typeof RANGES)[number];
export type Bucket = ClicksSpan['bucket'];

interface Shape {
  label: string;
  ms: number;
  /** What it may be cut into, the usual one first. */
  buckets: readonly [Bucket, ...Bucket[]];
  /** How often it is read again. */
  everyMs: number;
}

/** How far back, and how often it is looked at: what is live moves every second. */
export const SHAPES: Record<Range, Shape> = {
  live: { label: 'Live', ms: 15 * MINUTE_MS, buckets: ['minute'], everyMs: 1_000 },
  '1h': { label: '1 hour', ms: HOUR_MS, buckets: ['minute'], everyMs: 1_000 },
  '24h': { label: '24 hours', ms: DAY_MS, buckets: ['hour', 'minute'], everyMs: 5_000 },
  '7d': { label: '7 days', ms: 7 * DAY_MS, buckets: ['hour', 'day'], everyMs: 15_000 },
  '30d': { label: '30 days', ms: 30 * DAY_MS, buckets: ['day', 'hour'], everyMs: 15_000 },
  '90d': { label: '90 days', ms: 90 * DAY_MS, buckets: ['day', 'hour'], everyMs: 15_000 },
};

const STEP_MS: Record<Bucket, number> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

/** Whole buckets until the end of the present minute or hour, so that the question stays the same for so long. */
export function spanOf(range: Range, wanted: Bucket | undefined, timeZone: string, now: number): Omit<ClicksSpan, 'campaignId'> {
  const { ms, buckets } = SHAPES[range];
  const bucket = buckets.find((each) => each === wanted) ?? buckets[0];
  const step = bucket === 'minute' ? MINUTE_MS : HOUR_MS;
  const to = (Math.floor(now / step) + 1) * step;
  return { from: to - ms, to, bucket, timeZone };
}

type Point = ClicksReport['series'][number];

/** The series with the buckets in which nobody clicked. Days are followed from those that are there, whatever the zone makes of them. */
export function filled(series: readonly Point[], { from, to, bucket }: Pick<ClicksSpan, 'from' | 'to' | 'bucket'>): Point[] {
  const step = STEP_MS[bucket];
  const [first] = series;
  if (first === undefined) return [];
  const points: Point[] = [];
  for (let at = first.at - step; at > from - step; at -= step) points.unshift(nothingAt(at));
  for (const point of series) {
    catchUp(points, point.at, step);
    points.push(point);
  }
  catchUp(points, to + step / 2, step);
  return points;
}

/** Adds empty buckets until the next one would be at `until`. A day has 23 hours at least and 25 at most. */
function catchUp(points: Point[], until: number, step: number): void {
  for (let last = points.at(-1); last !== undefined && until - last.at > 1.5 * step; last = points.at(-1))
    points.push(nothingAt(last.at + step));
}

function nothingAt(at: number): Point {
  return { at, raw: 0, unique: 0, human: 0 };
}
