import { isOpen, nextEdge } from './window.js';
import type { Offer } from './manifest.js';

/** What of a campaign decides when it plays. */
export type Scheduled = Pick<Offer, 'campaignId' | 'startAt' | 'expireAt' | 'priority' | 'loopMs' | 'window'>;

export interface Schedule<T extends Scheduled> {
  /** May play now: started, not expired, in its hours; of any priority. */
  open: T[];
  /** The highest of them, which share the screen in turn. */
  onAir: T[];
  /** Whose turn it is. */
  shown: T | undefined;
  /** The next moment at which any of this may change, epoch ms; Infinity when never. */
  until: number;
  /** Who is shown from then on, so that it can be prepared. */
  next: T | undefined;
}

/** Equals take turns of one length, so that neighbours agree: the longest loop among them, in which each plays at least once. */
function turnOf(onAir: Scheduled[]): number {
  return Math.max(...onAir.map(({ loopMs }) => loopMs));
}

function standing<T extends Scheduled>(campaigns: T[], now: number): Pick<Schedule<T>, 'open' | 'onAir' | 'shown'> {
  const open = campaigns.filter(
    ({ startAt, expireAt, window }) => startAt <= now && now < expireAt && (window === undefined || isOpen(window, now)),
  );
  const highest = Math.max(...open.map(({ priority }) => priority));
  const onAir = open
    .filter(({ priority }) => priority === highest)
    .sort((a, b) => (a.campaignId < b.campaignId ? -1 : a.campaignId > b.campaignId ? 1 : 0));
  const shown = onAir.length < 2 ? onAir[0] : onAir[Math.floor(now / turnOf(onAir)) % onAir.length];
  return { open, onAir, shown };
}

function nextChange(campaigns: Scheduled[], onAir: Scheduled[], now: number): number {
  const moments = campaigns.flatMap(({ startAt, expireAt, window }) => {
    if (expireAt <= now) return [];
    if (startAt > now) return [startAt];
    return window === undefined ? [expireAt] : [expireAt, nextEdge(now)];
  });
  if (onAir.length > 1) {
    const turn = turnOf(onAir);
    moments.push((Math.floor(now / turn) + 1) * turn);
  }
  return Math.min(...moments);
}

/**
 * What is on air at `now` (epoch ms, corrected) and when to look again. Pure: the same campaigns and moment give the same
 * answer on every screen. Highest priority first; equals in turn by the wall clock (slot = floor(now / loop) mod n), in the order of their ids.
 */
export function scheduleAt<T extends Scheduled>(campaigns: T[], now: number): Schedule<T> {
  const current = standing(campaigns, now);
  const until = nextChange(campaigns, current.onAir, now);
  return { ...current, until, next: Number.isFinite(until) ? standing(campaigns, until).shown : undefined };
}
