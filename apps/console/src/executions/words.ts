import type { ExecutionKind, ExecutionState } from '@marquee/contracts';

export const EXECUTION_LOOKS: Record<ExecutionState, { color: string; label: string; meaning: string; busy?: boolean }> = {
  NEW: { color: 'violet', label: 'New', meaning: 'Waits to be started.' },
  RUNNING: { color: 'green', label: 'Running', meaning: 'Its deliveries are made and sent.', busy: true },
  PAUSED: { color: 'yellow', label: 'Paused', meaning: 'Nothing of it is sent until its campaign is resumed.' },
  COMPLETED: { color: 'gray', label: 'Completed', meaning: 'Nothing of it is left to do.' },
  FAILED: { color: 'red', label: 'Failed', meaning: 'It could not be started.' },
  CANCELLED: { color: 'red', label: 'Cancelled', meaning: 'Its campaign was cancelled.' },
  SKIPPED: { color: 'orange', label: 'Skipped', meaning: 'Its slot came and it was not to run.' },
};

export const KIND_WORDS: Record<ExecutionKind, string> = { manual: 'by hand', auto: 'at its start', scheduled: 'by schedule' };

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const;

/** How long something took, in its two largest units: `2 h 5 min`, `3.2 s`, `18 ms`. */
export function length(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const found = UNITS.findIndex(([unit]) => ms >= unit);
  const [unit, name] = UNITS[found] ?? [1000, 's'];
  const [next, nextName] = UNITS[found + 1] ?? [0, ''];
  const rest = next === 0 ? 0 : Math.floor((ms % unit) / next);
  return `${Math.floor(ms / unit)} ${name}${rest > 0 ? ` ${rest} ${nextName}` : ''}`;
}
