import type { PlayWindow } from './screen-messages.js';

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const TIME_OF_DAY = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes since midnight of `HH:MM` (`24:00` is the end of the day), or undefined when it is none. */
function minutesOf(text: unknown): number | undefined {
  if (typeof text !== 'string' || !TIME_OF_DAY.test(text)) return undefined;
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', weekday: 'short', hour: '2-digit', minute: '2-digit' });
    formats.set(timeZone, format);
  }
  return format;
}

/** The window when the value is one that can be kept, else undefined; an unknown time zone is none. */
export function readWindow(value: unknown): PlayWindow | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { days, from, to, timeZone } = value as Record<string, unknown>;
  if (!Array.isArray(days) || days.length === 0 || !days.every((day) => Number.isInteger(day) && day >= 1 && day <= 7)) return undefined;
  if (minutesOf(from) === undefined || minutesOf(to) === undefined || typeof timeZone !== 'string') return undefined;
  try {
    formatFor(timeZone);
  } catch {
    return undefined;
  }
  return { days: days.map(Number), from: String(from), to: String(to), timeZone };
}

/**
 * True when the window is open at `now` (epoch ms), read off the wall clock of its zone. A window over midnight belongs to
 * the day it starts; `from` equal to `to` is the whole day. Where the wall clock skips an hour, what lies in it does
 * not happen; where an hour comes twice, the window is open in both.
 */
export function isOpen(window: PlayWindow, now: number): boolean {
  const parts = new Map(
    formatFor(window.timeZone)
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  const today = WEEKDAYS.indexOf(parts.get('weekday') ?? '') + 1;
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  const from = minutesOf(window.from) ?? 0;
  const to = minutesOf(window.to) ?? 0;
  if (from < to) return window.days.includes(today) && minute >= from && minute < to;
  const yesterday = today === 1 ? 7 : today - 1;
  if (from === to) return minute >= from ? window.days.includes(today) : window.days.includes(yesterday);
  return (window.days.includes(today) && minute >= from) || (window.days.includes(yesterday) && minute < to);
}

/** The next moment (epoch ms) after `now` at which a window may open or close: zones differ by whole minutes, so the next full one. */
export function nextEdge(now: number): number {
  return (Math.floor(now / 60_000) + 1) * 60_000;
}
