import { describe, expect, test } from 'vitest';
import { campaignSchedule, nextSlot, slotsAfter, slotsBefore } from './recurrence.js';

const at = (iso: string): number => Date.parse(iso);

/** The slots after `from`, as UTC times of that month. */
function slots(cron: string, timeZone: string, from: string, most: number): string[] {
  const found = slotsAfter({ cron, timeZone }, at(from), Number.MAX_SAFE_INTEGER, most);
  return found.map((slot) => new Date(slot).toISOString().slice(5, 16));
}

// 28 March 2027: 02:00 becomes 03:00 (01:00 UTC). 31 October 2027: 03:00 becomes 02:00 (01:00 UTC).
describe('in Europe/Berlin', () => {
  const zone = 'Europe/Berlin';

  test('a time that does not exist runs at the first moment after the gap, and the day after at its own', () => {
    expect(slots('30 2 * * *', zone, '2027-03-26T12:00:00Z', 4)).toEqual(['03-27T01:30', '03-28T01:00', '03-29T00:30', '03-30T00:30']);
    expect(slots('30 2,14 * * *', zone, '2027-03-27T22:00:00Z', 3)).toEqual(['03-28T01:00', '03-28T12:30', '03-29T00:30']);
  });

  test('two times in the gap are one slot', () => {
    expect(slots('0,30 2 * * *', zone, '2027-03-27T22:00:00Z', 2)).toEqual(['03-28T01:00', '03-29T00:00']);
    expect(slots('0 2,3 * * *', zone, '2027-03-27T22:00:00Z', 2)).toEqual(['03-28T01:00', '03-29T00:00']);
  });

  test('a time that exists twice runs once, at the first', () => {
    expect(slots('30 2 * * *', zone, '2027-10-29T12:00:00Z', 4)).toEqual(['10-30T00:30', '10-31T00:30', '11-01T01:30', '11-02T01:30']);
    expect(slots('15,45 2 * * *', zone, '2027-10-30T12:00:00Z', 3)).toEqual(['10-31T00:15', '10-31T00:45', '11-01T01:15']);
  });

  test('every hour is every hour that passes', () => {
    expect(slots('0 * * * *', zone, '2027-03-27T23:30:00Z', 4)).toEqual(['03-28T00:00', '03-28T01:00', '03-28T02:00', '03-28T03:00']);
    expect(slots('0 * * * *', zone, '2027-10-30T23:30:00Z', 4)).toEqual(['10-31T00:00', '10-31T01:00', '10-31T02:00', '10-31T03:00']);
  });

  test('every quarter of an hour is every quarter that passes', () => {
    expect(slots('*/15 * * * *', zone, '2027-03-28T00:30:00Z', 3)).toEqual(['03-28T00:45', '03-28T01:00', '03-28T01:15']);
    expect(slots('*/15 * * * *', zone, '2027-10-31T00:30:00Z', 7)).toEqual([
      '10-31T00:45',
      '10-31T01:00',
      '10-31T01:15',
      '10-31T01:30',
      '10-31T01:45',
      '10-31T02:00',
      '10-31T02:15',
    ]);
  });
});

// 14 March 2027: 02:00 becomes 03:00 (07:00 UTC). 7 November 2027: 02:00 becomes 01:00 (06:00 UTC).
describe('in America/New_York', () => {
  const zone = 'America/New_York';

  test('a time that does not exist runs at the first moment after the gap', () => {
    expect(slots('30 2 * * *', zone, '2027-03-13T12:00:00Z', 2)).toEqual(['03-14T07:00', '03-15T06:30']);
  });

  test('a time that exists twice runs once, at the first', () => {
    expect(slots('30 1 * * *', zone, '2027-11-06T12:00:00Z', 3)).toEqual(['11-07T05:30', '11-08T06:30', '11-09T06:30']);
  });

  test('every hour and every quarter go on at their pace', () => {
    expect(slots('0 * * * *', zone, '2027-03-14T05:30:00Z', 3)).toEqual(['03-14T06:00', '03-14T07:00', '03-14T08:00']);
    expect(slots('0 * * * *', zone, '2027-11-07T04:30:00Z', 3)).toEqual(['11-07T05:00', '11-07T06:00', '11-07T07:00']);
    expect(slots('*/15 * * * *', zone, '2027-03-14T06:30:00Z', 3)).toEqual(['03-14T06:45', '03-14T07:00', '03-14T07:15']);
    expect(slots('*/15 * * * *', zone, '2027-11-07T05:30:00Z', 4)).toEqual(['11-07T05:45', '11-07T06:00', '11-07T06:15', '11-07T06:30']);
  });
});

test('the next slot is strictly after the moment, to the millisecond', () => {
  const daily = { cron: '0 9 * * *', timeZone: 'UTC' };
  const nine = at('2027-01-05T09:00:00Z');
  expect(nextSlot(daily, nine - 1)).toBe(nine);
  expect(nextSlot(daily, nine)).toBe(nine + 86_400_000);
  expect(nextSlot(daily, nine + 1)).toBe(nine + 86_400_000);
});

test('a slot may be at its from, and not at its until', () => {
  const nine = at('2027-01-05T09:00:00Z');
  const bounded = { cron: '0 9 * * *', timeZone: 'UTC', from: nine, until: nine + 2 * 86_400_000 };
  const both = [nine, nine + 86_400_000];
  expect(nextSlot(bounded, 0)).toBe(nine);
  expect(slotsAfter(bounded, 0, Number.MAX_SAFE_INTEGER, 10)).toEqual(both);
  expect(slotsBefore(bounded, 0, nine + 50 * 86_400_000, 10)).toEqual(both);
  expect(nextSlot(bounded, nine + 86_400_000)).toBeUndefined();
  expect(nextSlot({ ...bounded, from: 8_640_000_000_000_000, until: undefined }, 0)).toBeUndefined();
});

test.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'UTC'])(
  'in %s the same slots are found from both sides, over the changes of a year',
  (timeZone) => {
    for (const cron of ['30 2 * * *', '0,30 1-3 * * *', '*/20 * * * *', '0 */2 * * *', '15 0 L * *', '0 9 * * MON-FRI']) {
      for (const from of ['2027-03-13', '2027-03-27', '2027-04-03', '2027-10-02', '2027-10-30', '2027-11-06']) {
        const start = at(`${from}T06:00:00Z`);
        const forward = slotsAfter({ cron, timeZone }, start, Number.MAX_SAFE_INTEGER, 30);
        expect(forward).toEqual([...new Set(forward)].sort((a, b) => a - b));
        expect(slotsBefore({ cron, timeZone }, start, forward.at(-1) ?? 0, 30)).toEqual(forward);
      }
    }
  },
);

describe('a schedule', () => {
  const good = { cron: '0 9 * * *', timeZone: 'Europe/Berlin' };

  test('gets the defaults', () => {
    expect(campaignSchedule.parse(good)).toEqual({ ...good, overlap: 'skip', catchUp: 'one' });
  });

  test.each([
    ['nonsense', { ...good, cron: 'every day' }, 'cron'],
    ['a minute that does not exist', { ...good, cron: '61 * * * *' }, 'cron'],
    ['a step of nothing', { ...good, cron: '*/0 * * * *' }, 'cron'],
    ['too few fields', { ...good, cron: '0 9 * *' }, 'cron'],
    ['a field for the year', { ...good, cron: '0 0 9 * * * 2030' }, 'cron'],
    ['an expression that depends on when it is read', { ...good, cron: '? 9 * * *' }, 'cron'],
    ['a day that never comes', { ...good, cron: '0 9 30 2 *' }, 'cron'],
    ['a start of the machine', { ...good, cron: '@reboot' }, 'cron'],
    ['no zone', { ...good, timeZone: 'Mars/Phobos' }, 'timeZone'],
    ['an offset for a zone', { ...good, timeZone: '+02:00' }, 'timeZone'],
    ['an end before its start', { ...good, from: 2000, until: 1000 }, 'until'],
    ['an unknown overlap', { ...good, overlap: 'both' }, 'overlap'],
    ['an unknown catch-up', { ...good, catchUp: 'some' }, 'catchUp'],
    ['a negative limit', { ...good, tooLateMs: -1 }, 'tooLateMs'],
    ['a limit that nothing can keep', { ...good, tooLateMs: 0 }, 'tooLateMs'],
  ])('refuses %s, naming the field', (_, schedule, field) => {
    const read = campaignSchedule.safeParse(schedule);
    expect(read.error?.issues.map((issue) => issue.path.join('.'))).toEqual([field]);
  });

  test.each(['* * * * * *', '@daily', '0 9 L * *', '0 9 * * FRI#2', '0 0 29 2 *'])('takes %s', (cron) => {
    expect(campaignSchedule.safeParse({ ...good, cron }).success).toBe(true);
  });
});
