import { isOpen, nextEdge, nextFlip } from './window.js';
import type { PlayWindow } from './screen-messages.js';

/** How long a turn takes for a campaign that does not say how long its slides stand. */
const DEFAULT_LOOP_MS = 10_000;
const MIN_LOOP_MS = 1_000;

/** What of a campaign decides when it plays. */
export interface Scheduled {
  campaignId: string;
  /** Epoch ms; plays from `startAt`, and no longer at `expireAt`. */
  startAt: number;
  expireAt: number;
  priority: number;
  /** How long all slides take once, ms. */
  loopMs: number;
  window: PlayWindow | undefined;
}

/** How long the slides of a manifest take once, ms; whatever is no slide with a duration counts as none. */
export function loopOf(slides: unknown): number {
  if (!Array.isArray(slides)) return DEFAULT_LOOP_MS;
  const total = (slides as unknown[]).reduce<number>((sum, slide) => {
    const ms = typeof slide === 'object' && slide !== null ? (slide as Record<string, unknown>)['durationMs'] : undefined;
    return sum + (typeof ms === 'number' && Number.isFinite(ms) && ms > 0 ? ms : 0);
  }, 0);
  return total > 0 ? Math.max(MIN_LOOP_MS, total) : DEFAULT_LOOP_MS;
}

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

/** Beyond so many changes of what is on air nobody wants to know. */
const MOST_CHANGES = 500;

/**
 * The first moment from `now` on at which the campaign is shown, as `scheduleAt` has it; undefined when it is not before `until`,
 * or not within some hundred changes of what is on air.
 */
export function nextShown(campaignId: string, campaigns: Scheduled[], now: number, until: number): number | undefined {
  const flips = new Map<Scheduled, number>();
  const nextOf = (campaign: Scheduled, at: number): number => {
    if (campaign.expireAt <= at) return Number.POSITIVE_INFINITY;
    if (campaign.startAt > at) return campaign.startAt;
    if (campaign.window === undefined) return campaign.expireAt;
    const known = flips.get(campaign);
    if (known !== undefined && known > at) return Math.min(known, campaign.expireAt);
    const flip = nextFlip(campaign.window, at, until) ?? Number.POSITIVE_INFINITY;
    flips.set(campaign, flip);
    return Math.min(flip, campaign.expireAt);
  };
  let at = now;
  for (let change = 0; at < until && change < MOST_CHANGES; change += 1) {
    const { onAir, shown } = standing(campaigns, at);
    if (shown?.campaignId === campaignId) return at;
    const turn = onAir.length > 1 && onAir.some((campaign) => campaign.campaignId === campaignId) ? turnOf(onAir) : undefined;
    const from = at;
    at = Math.min(
      ...campaigns.map((campaign) => nextOf(campaign, from)),
      turn === undefined ? Number.POSITIVE_INFINITY : (Math.floor(at / turn) + 1) * turn,
    );
  }
  return undefined;
}
