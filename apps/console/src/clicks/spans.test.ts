import { describe, expect, it } from 'vitest';
import { filled, spanOf } from './spans.js';

const MINUTE = 60_000;
const DAY = 86_400_000;
const NOON = Date.UTC(2026, 9, 25, 12, 0, 30);
const at = (moment: number) => ({ at: moment, raw: 3, unique: 2, human: 1 });
const none = (moment: number) => ({ at: moment, raw: 0, unique: 0, human: 0 });

describe('a span', () => {
  it('is the same question all minute long, and ends after now', () => {
    const span = spanOf('live', undefined, 'UTC', NOON);
    expect(span).toEqual({ from: NOON + 30_000 - 15 * MINUTE, to: NOON + 30_000, bucket: 'minute', timeZone: 'UTC' });
    expect(spanOf('live', undefined, 'UTC', NOON + 29_000)).toEqual(span);
  });

  it('is cut into what it may be cut into', () => {
    expect(spanOf('90d', 'minute', 'UTC', NOON).bucket).toBe('day');
    expect(spanOf('90d', 'hour', 'UTC', NOON).bucket).toBe('hour');
  });
});

describe('a series', () => {
  it('shows where nobody clicked: before, between and after', () => {
    const from = NOON - 30_000;
    const span = { from, to: from + 6 * MINUTE, bucket: 'minute' as const };
    const minute = (n: number) => from + n * MINUTE;
    expect(filled([at(minute(1)), at(minute(4))], span)).toEqual([
      none(minute(0)),
      at(minute(1)),
      none(minute(2)),
      none(minute(3)),
      at(minute(4)),
      none(minute(5)),
    ]);
  });

  it('has one point a day where clocks are changed', () => {
    // Berlin: the 25th has 25 hours.
    const midnights = [Date.UTC(2026, 9, 23, 22), Date.UTC(2026, 9, 24, 22), Date.UTC(2026, 9, 25, 23), Date.UTC(2026, 9, 26, 23)];
    const span = { from: midnights[0] as number, to: (midnights[3] as number) + DAY, bucket: 'day' as const };
    expect(filled(midnights.map(at), span).map((point) => point.at)).toEqual(midnights);
    expect(filled([at(midnights[0] as number), at(midnights[3] as number)], span)).toHaveLength(4);
  });

  it('of nothing is nothing', () => {
    expect(filled([], { from: 0, to: DAY, bucket: 'hour' })).toEqual([]);
  });
});
