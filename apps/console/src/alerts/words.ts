import type { NoticeKind, NoticeState, OutageView } from '@marquee/contracts';

/** How an outage ended, to be followed by when. */
export const END_WORDS: Record<NonNullable<OutageView['endedBy']>, string> = {
  back: 'back',
  forgotten: 'screen forgotten',
  rule: 'not meant any more',
};

export const KIND_WORDS: Record<NoticeKind, string> = { outage: 'Offline', recovery: 'Back online', test: 'Test' };

export const STATE_LOOKS: Record<NoticeState, { color: string; label: string }> = {
  queued: { color: 'blue', label: 'Queued' },
  sent: { color: 'green', label: 'Sent' },
  failed: { color: 'red', label: 'Failed' },
  dropped: { color: 'orange', label: 'Not sent' },
};

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** `3 hours`: a span in the largest unit that it fills. */
export function durationOf(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= each) ?? UNITS[3];
  const count = Math.max(1, Math.round(ms / size));
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
