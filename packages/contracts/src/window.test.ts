import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOpen, nextEdge, nextFlip, readWindow } from './window.js';

const everyDay = [1, 2, 3, 4, 5, 6, 7];
const berlin = { timeZone: 'Europe/Berlin' };

describe('the hours in which a campaign may play', () => {
  it('are those of its zone', () => {
    const office = { days: [1, 2, 3, 4, 5], from: '09:00', to: '17:00', ...berlin };
    // Monday 23 November 2026; Berlin is at UTC+1.
    expect(isOpen(office, Date.UTC(2026, 10, 23, 7, 59, 59, 999))).toBe(false);
    expect(isOpen(office, Date.UTC(2026, 10, 23, 8, 0))).toBe(true);
    expect(isOpen(office, Date.UTC(2026, 10, 23, 15, 59, 59))).toBe(true);
    expect(isOpen(office, Date.UTC(2026, 10, 23, 16, 0))).toBe(false);
    expect(isOpen(office, Date.UTC(2026, 10, 22, 10, 0))).toBe(false);
  });

  it('over midnight belong to the day they start', () => {
    const night = { days: [5], from: '22:00', to: '02:00', timeZone: 'UTC' };
    expect(isOpen(night, Date.UTC(2026, 10, 27, 23, 0))).toBe(true);
    expect(isOpen(night, Date.UTC(2026, 10, 28, 1, 59))).toBe(true);
    expect(isOpen(night, Date.UTC(2026, 10, 28, 2, 0))).toBe(false);
    expect(isOpen(night, Date.UTC(2026, 10, 27, 1, 0))).toBe(false);
    expect(isOpen({ ...night, days: [7] }, Date.UTC(2026, 10, 23, 1, 0))).toBe(true);
  });

  it('are the whole day when they end where they begin, and up to midnight with 24:00', () => {
    const day = { days: [1], from: '06:00', to: '06:00', timeZone: 'UTC' };
    expect(isOpen(day, Date.UTC(2026, 10, 23, 6, 0))).toBe(true);
    expect(isOpen(day, Date.UTC(2026, 10, 24, 5, 59))).toBe(true);
    expect(isOpen(day, Date.UTC(2026, 10, 24, 6, 0))).toBe(false);
    expect(isOpen({ ...day, from: '00:00', to: '24:00' }, Date.UTC(2026, 10, 23, 23, 59))).toBe(true);
  });

  it('follow the wall clock where an hour is skipped and where it comes twice', () => {
    // 29 March 2026, 01:00 UTC: the wall goes from 02:00 to 03:00. 25 October 2026, 01:00 UTC: from 03:00 to 02:00.
    const early = { days: everyDay, from: '02:30', to: '03:30', ...berlin };
    expect(isOpen(early, Date.UTC(2026, 2, 29, 0, 59))).toBe(false);
    expect(isOpen(early, Date.UTC(2026, 2, 29, 1, 0))).toBe(true);
    expect(isOpen(early, Date.UTC(2026, 2, 29, 1, 30))).toBe(false);
    expect([0, 1].map((hour) => isOpen(early, Date.UTC(2026, 9, 25, hour, 45)))).toEqual([true, true]);
  });

  it('are refused when they cannot be kept', () => {
    const good = { days: [1], from: '09:00', to: '17:00', timeZone: 'Europe/Berlin' };
    expect(readWindow(good)).toEqual(good);
    const bad = [
      { ...good, days: [] },
      { ...good, days: [8] },
      { ...good, days: 'Mon' },
      { ...good, from: '9:00' },
      { ...good, to: '25:00' },
    ];
    for (const value of [...bad, { ...good, timeZone: 'Mars/Olympus' }, { ...good, timeZone: 5 }, null, 'x', []]) {
      expect(readWindow(value)).toBeUndefined();
    }
  });

  it('change at full minutes only', () => {
    expect(nextEdge(120_000)).toBe(180_000);
    expect(nextEdge(179_999)).toBe(180_000);
  });
});

describe('the next opening or closing', () => {
  const week = 8 * 86_400_000;

  it('is that of the wall clock, over a day on which the hour is skipped', () => {
    const morning = { days: [7], from: '02:30', to: '04:00', ...berlin };
    // Sunday 29 March 2026: 02:00 becomes 03:00 in Berlin, at 01:00 in UTC.
    expect(nextFlip(morning, Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 3, 9))).toBe(Date.UTC(2026, 2, 29, 1));
    expect(nextFlip(morning, Date.UTC(2026, 2, 29, 1), Date.UTC(2026, 3, 9))).toBe(Date.UTC(2026, 2, 29, 2));
  });

  it('is none when the window stays as it is until then', () => {
    const always = { days: everyDay, from: '00:00', to: '24:00', timeZone: 'UTC' };
    expect(nextFlip(always, 0, week)).toBeUndefined();
    const monday = { days: [1], from: '08:00', to: '09:00', timeZone: 'UTC' };
    const closes = Date.UTC(2026, 10, 23, 9);
    expect(nextFlip(monday, closes, closes + 6 * 86_400_000)).toBeUndefined();
    expect(nextFlip(monday, closes, closes + week)).toBe(Date.UTC(2026, 10, 30, 8));
  });

  it('is what a look at every minute finds, in every zone and on every day', () => {
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map((parts) => parts.map((n) => String(n).padStart(2, '0')).join(':'));
    const window = fc.record({
      days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      from: time,
      to: time,
      timeZone: fc.constantFrom('Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Chatham', 'UTC'),
    });
    // Around the changes of spring and autumn on both halves of the earth, at any millisecond.
    const moment = fc
      .tuple(
        fc.constantFrom(Date.UTC(2026, 2, 7), Date.UTC(2026, 2, 28), Date.UTC(2026, 3, 4), Date.UTC(2026, 9, 3), Date.UTC(2026, 9, 24)),
        fc.nat(86_400_000),
      )
      .map(([day, into]) => day + into);
    fc.assert(
      fc.property(window, moment, (hours, now) => {
        const until = now + 26 * 3_600_000;
        const open = isOpen(hours, now);
        let slow: number | undefined = nextEdge(now);
        while (slow < until && isOpen(hours, slow) === open) slow = nextEdge(slow);
        expect(nextFlip(hours, now, until)).toBe(slow < until ? slow : undefined);
      }),
      { numRuns: 60 },
    );
  });
});
