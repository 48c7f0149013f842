import { describe, expect, it } from 'vitest';
import { isOpen, nextEdge, readWindow } from './window.js';

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
