import type { CampaignSchedule } from '@marquee/contracts';
import { describe, expect, test } from 'vitest';
import { judge, STILL_LIVE } from './slot-policy.js';

const MINUTE = 60_000;
const NOON = Date.parse('2027-01-05T12:00:00Z');
const everyMinute: CampaignSchedule = { cron: '* * * * *', timeZone: 'UTC', overlap: 'skip', catchUp: 'one' };

/** What becomes of a minute schedule whose next slot was `minutes` before noon, looked at `late` ms after noon. */
function found(schedule: Partial<CampaignSchedule>, minutes: number, { late = 5, live = false } = {}) {
  const slot = NOON - minutes * MINUTE;
  const { made, next } = judge({ schedule: { ...everyMinute, ...schedule }, startAt: null, expireAt: null, slot, now: NOON + late, live });
  return {
    next: next === null ? null : (next - NOON) / MINUTE,
    made: made.map((each) => [(each.slot - NOON) / MINUTE, each.state === 'NEW' ? (each.queued ? 'queue' : 'run') : each.reason]),
  };
}

test('a slot in time makes an execution, and the next one is set', () => {
  expect(found({}, 0)).toEqual({ made: [[0, 'run']], next: 1 });
  expect(found({ catchUp: 'none' }, 0)).toEqual({ made: [[0, 'run']], next: 1 });
});

test('a campaign without a schedule runs once, however late', () => {
  const due = { schedule: null, startAt: null, expireAt: null, slot: NOON, now: NOON + 99 * MINUTE, live: false };
  expect(judge(due)).toEqual({ made: [{ slot: NOON, state: 'NEW', queued: false, reason: null }], next: null });
});

describe('while an execution is live', () => {
  test('a slot is skipped and says so', () => {
    expect(found({}, 0, { live: true }).made).toEqual([[0, STILL_LIVE]]);
  });

  test('a slot queues where that is asked for', () => {
    expect(found({ overlap: 'queue' }, 0, { live: true }).made).toEqual([[0, 'queue']]);
  });
});

describe('after an outage of three minutes', () => {
  test("with 'none' what was missed is told and not made up for, and the present slot runs", () => {
    const { made, next } = found({ catchUp: 'none' }, 3);
    expect(made).toEqual([
      [-3, expect.stringMatching(/^missed: .*'none'/)],
      [-2, expect.stringMatching(/^missed/)],
      [-1, expect.stringMatching(/^missed/)],
      [0, 'run'],
    ]);
    expect(next).toBe(1);
  });

  test("with 'one' the latest runs", () => {
    expect(found({ catchUp: 'one' }, 3, { late: 30_000 }).made).toEqual([
      [-3, expect.stringMatching(/^missed: .*'one'/)],
      [-2, expect.stringMatching(/^missed/)],
      [-1, expect.stringMatching(/^missed/)],
      [0, 'run'],
    ]);
  });

  test("with 'all' each runs, one after another, also where overlaps are skipped", () => {
    expect(found({ catchUp: 'all' }, 3, { live: true }).made).toEqual([-3, -2, -1, 0].map((minute) => [minute, 'queue']));
  });

  test('what is later than the limit is skipped, whatever the catch-up', () => {
    const tooLateMs = 90_000;
    const late = expect.stringMatching(/^too late: found \d+ ms after/);
    expect(found({ catchUp: 'all', tooLateMs }, 3).made).toEqual([
      [-3, late],
      [-2, late],
      [-1, 'queue'],
      [0, 'queue'],
    ]);
    expect(found({ tooLateMs: 1000 }, 0, { late: 5000 }).made).toEqual([[0, late]]);
  });
});

test("with 'none' a single slot found late is missed", () => {
  expect(found({ catchUp: 'none' }, 0, { late: 5000 })).toEqual({ made: [[0, expect.stringMatching(/^missed/)]], next: 1 });
});

test('of a year of missed minutes the history tells the first and the last ones', () => {
  const { made, next } = found({ catchUp: 'one' }, 525_600);
  expect(made).toHaveLength(102);
  expect(made[0]).toEqual([-525_600, expect.stringMatching(/so were all until 2027-01-05T10:20:00/)]);
  expect(made[1]).toEqual([-100, expect.stringMatching(/^missed/)]);
  expect(made.at(-1)).toEqual([0, 'run']);
  expect(next).toBe(1);
});

test("with 'all' a long outage is worked off in steps, and none is left out", () => {
  const { made, next } = found({ catchUp: 'all' }, 250);
  expect(made).toHaveLength(100);
  expect(made[0]).toEqual([-250, 'queue']);
  expect(next).toBe(-150);
});

test('the last slot before the end is followed by none', () => {
  expect(found({ until: NOON + MINUTE }, 0)).toEqual({ made: [[0, 'run']], next: null });
});
