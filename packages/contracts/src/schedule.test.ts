import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextShown, type Scheduled, scheduleAt } from './schedule.js';

function scheduled(campaignId: string, over: Partial<Scheduled> = {}): Scheduled {
  return { campaignId, startAt: 1_000, expireAt: 9_000, priority: 0, loopMs: 100, window: undefined, ...over };
}
const ids = (campaigns: Scheduled[]): string[] => campaigns.map(({ campaignId }) => campaignId);

describe('the schedule', () => {
  it('plays from startAt, until expireAt and not at it', () => {
    const campaigns = [scheduled('a')];
    expect(scheduleAt(campaigns, 999)).toMatchObject({ shown: undefined, until: 1_000, next: { campaignId: 'a' } });
    expect(scheduleAt(campaigns, 1_000)).toMatchObject({ shown: { campaignId: 'a' }, until: 9_000, next: undefined });
    expect(scheduleAt(campaigns, 9_000)).toMatchObject({ shown: undefined, until: Number.POSITIVE_INFINITY, next: undefined });
    expect(scheduleAt([], 5)).toMatchObject({ open: [], onAir: [], shown: undefined, until: Number.POSITIVE_INFINITY });
  });

  it('puts only the highest priority on air, and the next one after it', () => {
    const campaigns = [scheduled('low'), scheduled('high', { priority: 3, startAt: 2_000, expireAt: 3_000 })];
    expect(scheduleAt(campaigns, 1_500)).toMatchObject({ shown: { campaignId: 'low' }, until: 2_000, next: { campaignId: 'high' } });
    const during = scheduleAt(campaigns, 2_500);
    expect([ids(during.open), ids(during.onAir), during.until, during.next?.campaignId]).toEqual([['low', 'high'], ['high'], 3_000, 'low']);
  });

  it('gives equals turns by the wall clock, the same on every screen whatever order they came in', () => {
    const campaigns = [scheduled('b'), scheduled('a'), scheduled('c')];
    const turns = [3_000, 3_099, 3_100, 3_200, 3_300].map((now) => scheduleAt(campaigns, now).shown?.campaignId);
    expect(turns).toEqual(['a', 'a', 'b', 'c', 'a']);
    expect(scheduleAt(campaigns.toReversed(), 3_100).shown?.campaignId).toBe('b');
    expect(scheduleAt(campaigns, 3_150)).toMatchObject({ until: 3_200, next: { campaignId: 'c' } });
  });

  it('makes a turn as long as the longest loop among equals', () => {
    const campaigns = [scheduled('a', { loopMs: 100 }), scheduled('b', { loopMs: 1_000 })];
    expect([2_000, 2_999, 3_000].map((now) => scheduleAt(campaigns, now).shown?.campaignId)).toEqual(['a', 'a', 'b']);
  });

  it('keeps hours, and looks again when they may begin', () => {
    const night = Date.UTC(2026, 10, 23, 21, 59, 30);
    const campaigns = [
      scheduled('a', { startAt: 0, expireAt: night + 1e9, window: { days: [1], from: '22:00', to: '23:00', timeZone: 'UTC' } }),
    ];
    expect(scheduleAt(campaigns, night)).toMatchObject({ shown: undefined, until: night + 30_000, next: { campaignId: 'a' } });
    expect(scheduleAt(campaigns, night + 30_000).shown?.campaignId).toBe('a');
  });

  it('never says that nothing changes while something does', () => {
    const campaign = fc.record({
      campaignId: fc.constantFrom('a', 'b', 'c', 'd'),
      startAt: fc.integer({ min: 0, max: 400 }),
      expireAt: fc.integer({ min: 0, max: 800 }),
      priority: fc.integer({ min: -1, max: 1 }),
      loopMs: fc.integer({ min: 1, max: 90 }),
      window: fc.constant(undefined),
    });
    const some = fc.uniqueArray(campaign, { maxLength: 4, selector: ({ campaignId }) => campaignId });
    fc.assert(
      fc.property(some, fc.integer({ min: 0, max: 800 }), (campaigns, now) => {
        const { until, shown, onAir, next } = scheduleAt(campaigns, now);
        expect(until).toBeGreaterThan(now);
        for (let at = now; at < Math.min(until, 900); at += 1) {
          const then = scheduleAt(campaigns, at);
          expect([then.shown, then.onAir]).toEqual([shown, onAir]);
        }
        expect(Number.isFinite(until) ? scheduleAt(campaigns, until).shown : undefined).toEqual(next);
      }),
    );
  });
});

describe('the next showing', () => {
  it('is now, when it is shown now', () => expect(nextShown('a', [scheduled('a')], 2_000, 9_000)).toBe(2_000));

  it('is when its turn comes, or when who outranks it ends', () => {
    expect(nextShown('b', [scheduled('a'), scheduled('b'), scheduled('c')], 3_010, 9_000)).toBe(3_100);
    expect(nextShown('c', [scheduled('a'), scheduled('b'), scheduled('c')], 3_010, 9_000)).toBe(3_200);
    expect(nextShown('low', [scheduled('low'), scheduled('high', { priority: 1, expireAt: 5_000 })], 3_000, 9_000)).toBe(5_000);
  });

  it('is none after its end, or when it is outranked until then', () => {
    expect(nextShown('a', [scheduled('a')], 9_000, 99_000)).toBeUndefined();
    expect(nextShown('low', [scheduled('low'), scheduled('high', { priority: 1 })], 3_000, 99_000)).toBeUndefined();
    expect(nextShown('c', [scheduled('a'), scheduled('b'), scheduled('c', { expireAt: 3_200 })], 3_010, 9_000)).toBeUndefined();
  });

  it('minds the hours of all of them', () => {
    const day = 86_400_000;
    const hours = (from: string, to: string) => ({ days: [1, 2, 3, 4, 5, 6, 7], from, to, timeZone: 'UTC' });
    const campaigns = [
      scheduled('low', { startAt: 0, expireAt: 9 * day, window: hours('08:00', '12:00') }),
      scheduled('high', { startAt: 0, expireAt: 9 * day, priority: 1, window: hours('06:00', '10:30') }),
    ];
    expect(nextShown('low', campaigns, 7 * 3_600_000, 9 * day)).toBe(10.5 * 3_600_000);
    expect(nextShown('low', campaigns, 12 * 3_600_000, 9 * day)).toBe(day + 10.5 * 3_600_000);
  });

  it('gives up in the end on a campaign that is outranked whenever it is open', () => {
    const night = { days: [1, 2, 3, 4, 5, 6, 7], from: '22:00', to: '02:00', timeZone: 'UTC' };
    const campaigns = [
      scheduled('a', { startAt: 0, expireAt: 1e15, window: night }),
      scheduled('b', { startAt: 0, expireAt: 1e15, window: night, priority: 1 }),
    ];
    expect(nextShown('a', campaigns, 0, 8 * 86_400_000)).toBeUndefined();
  });
});
