import { Text, type TextProps, Tooltip } from '@mantine/core';
import { useSyncExternalStore } from 'react';

const TICK_MS = 10_000;
/** Beyond it there is no Date. */
const LAST_MOMENT = 8_640_000_000_000_000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let moment = Date.now();

/** One clock for all relative times on a page: they move together, and nothing ticks when none is shown. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    moment = Date.now();
    timer = setInterval(() => {
      moment = Date.now();
      for (const each of listeners) each();
    }, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Epoch ms, in steps of some seconds. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => moment);
}

const inWords = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });
const UNITS = [
  ['year', 31_557_600_000],
  ['month', 2_629_800_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** `in 3 hours`, `2 days ago`, `just now`. */
export function relative(at: number, now: number): string {
  const distance = at - now;
  for (const [unit, ms] of UNITS) {
    const count = Math.round(distance / ms);
    // Half a day is better said in hours, and so on; a rounded-up 60 minutes is an hour.
    if (Math.abs(distance) >= 0.99 * ms && count !== 0) return inWords.format(count, unit);
  }
  return distance > 5_000 ? 'in a moment' : 'just now';
}

export function formatTime(at: number): string {
  // A short last word (AM) stays on the line of its hour.
  return absolute.format(at).replace(/\s(?=\S{1,3}$)/u, '\u00A0');
}

interface TimeProps extends TextProps {
  /** Epoch ms; null where there is no such moment. */
  at: number | null;
  /** The relative time alone, with the exact one on hover. */
  brief?: boolean;
  /** Words that go before a moment that is to come, and before one that is past. */
  before?: string;
  after?: string;
  /** The relative time on a line of its own. */
  stacked?: boolean;
  /** A moment of the past, also while the page's clock is some seconds behind it. */
  past?: boolean;
}

/** A moment in the reader's own zone, with how far away it is. */
export function Time({ at, brief = false, stacked = false, past = false, before, after, ...text }: TimeProps) {
  const now = useNow();
  if (at === null) return <Text component="span">–</Text>;
  if (Math.abs(at) > LAST_MOMENT) return <Text component="span">never</Text>;
  const verb = at > now ? before : after;
  const away = `${verb === undefined ? '' : `${verb} `}${relative(past ? Math.min(at, now) : at, now)}`;
  return (
    <Tooltip label={exact.format(at)}>
      <Text component="time" dateTime={new Date(at).toISOString()} size="sm" style={{ whiteSpace: 'var(--time-wrap, nowrap)' }} {...text}>
        {brief ? (
          away
        ) : (
          <>
            {formatTime(at)}{' '}
            <Text span size="xs" c="dimmed" display={stacked ? 'block' : 'inline'}>
              {away}
            </Text>
          </>
        )}
      </Text>
    </Tooltip>
  );
}
