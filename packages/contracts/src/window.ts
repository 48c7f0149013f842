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

/** The ISO weekday and the minutes since midnight that a clock on the wall of that zone shows. */
function wallClock(timeZone: string, now: number): { today: number; minute: number } {
  const parts = new Map(
    formatFor(timeZone)
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  return {
    today: WEEKDAYS.indexOf(parts.get('weekday') ?? '') + 1,
    minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
  };
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
  const { today, minute } = wallClock(window.timeZone, now);
  const from = minutesOf(window.from) ?? 0;
  const to = minutesOf(window.to) ?? 0;
  if (from < to) return window.days.includes(today) && minute >= from && minute < to;
  const yesterday = today === 1 ? 7 : today - 1;
  if (from === to) return minute >= from ? window.days.includes(today) : window.days.includes(yesterday);
  return (window.days.includes(today) && minute >= from) || (window.days.includes(yesterday) && minute < to);
}

const MINUTE_MS = 60_000;
/** Zones change their offset at full or half hours of UTC only. */
const OFFSETS_HOLD_MS = 1_800_000;

/**
 * The first moment (epoch ms) after `now`, and before `until`, at which the window opens or closes; undefined when there is none. Walks
 * from one edge of the wall clock to the next and never over a change of the zone's offset, so a skipped or doubled hour is met as
 * `isOpen` meets it. A week costs about a millisecond.
 */
export function nextFlip(window: PlayWindow, now: number, until: number): number | undefined {
  const open = isOpen(window, now);
  for (let at = nextStop(window, now); at < until; at = nextStop(window, at)) if (isOpen(window, at) !== open) return at;
  return undefined;
}

/** Between `now` and this moment the window neither opens nor closes. */
function nextStop(window: PlayWindow, now: number): number {
  const { minute } = wallClock(window.timeZone, now);
  const edges = [minutesOf(window.from) ?? 0, minutesOf(window.to) ?? 0, 1440].filter((edge) => edge > minute);
  const toEdge = (Math.min(...edges) - minute) * MINUTE_MS - (now % MINUTE_MS);
  const toOffset = OFFSETS_HOLD_MS - (now % OFFSETS_HOLD_MS);
  return now + Math.min(toEdge, toOffset);
}

/** The next moment (epoch ms) after `now` at which a window may open or close: zones differ by whole minutes, so the next full one. */
export function nextEdge(now: number): number {
  return (Math.floor(now / 60_000) + 1) * 60_000;
}
