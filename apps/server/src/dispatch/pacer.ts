import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, MAX_TIMER_MS } from '../kit/clock.js';
import { FarClock } from '../kit/far-clock.js';
import { Lateness } from '../kit/lateness.js';
import type { Runner } from '../store/database.js';
import { openScopes, reserveSlots } from '../store/rate-slots.js';

/**
 * The part of a rate that is used. Sends are 1 / (0.965 N) s apart, so a second holds at most N of them also when some reach the receiver
 * 36 ms later than planned and the ones after them do not: somewhat more than half of it is for us, the rest for the way and the receiver.
 */
const USED = 0.965;
/** How much later than planned a send may start, ms. Beyond it its moment is lost, and the delivery takes another. */
const LATE_MS = 20;
/** How far beyond the lead moments are reserved, ms. What a process that dies has reserved is lost. */
const AHEAD_MS = 250;
/** How much is reserved in one statement, ms. */
const BLOCK_MS = 100;
/** The same under two limits, and how far the channel's count may run ahead of the sends, ms: both come out of the 36 ms. */
const SHARED_BLOCK_MS = 8;
const SHARED_SLACK_MS = 8;
/** Longest stretch of moments that is sent under one hold of the campaign's lock, ms: pause waits for it. */
const SLICE_MS = 20;
const MOST_LEAD_MS = 200;
const MOST_KEPT = 10_000;

/** What the sends of a campaign must keep to. */
export interface Limit {
  own: { scope: string; everyMs: number } | undefined;
  shared: { scope: string; everyMs: number } | undefined;
  /** The distance of two sends, ms. */
  everyMs: number;
  lateness: Lateness;
}

export type Reserved = { times: number[] } | { waitMs: number };

/**
 * Hands out the moments at which sends may start, so that over all processes no second holds more than the campaign's and the channel's
 * rate. A moment that was handed out and not used is lost: nobody sends later what nobody sent then.
 */
export class Pacer {
  private readonly far = new FarClock();
  private readonly limits = new Map<string, Limit>();
  /** From asking for moments to having them, and from there to the first send: what lately took long, ms. */
  private askingMs = 5;
  private preparingMs = 30;

  constructor(
    private readonly database: Runner,
    private readonly clock: Clock,
    /** Sends a second of channels that have a limit, by name. */
    private readonly channelRates: ReadonlyMap<string, number>,
  ) {}

  /** The sends a second that a campaign cannot exceed; undefined: there is no limit. */
  rateOf(perSecond: number | null, channel: string): number | undefined {
    const shared = this.channelRates.get(channel);
    return perSecond === null ? shared : Math.min(perSecond, shared ?? perSecond);
  }

  /** Undefined when the campaign's sends need no pace. */
  limitOf(campaignId: string, perSecond: number | null, channel: string): Limit | undefined {
    const known = this.limits.get(campaignId);
    if (known !== undefined) return known;
    const ofChannel = this.channelRates.get(channel);
    if (perSecond === null && ofChannel === undefined) return undefined;
    const own = perSecond === null ? undefined : { scope: `campaign:${campaignId}`, everyMs: everyMs(perSecond) };
    const shared = ofChannel === undefined ? undefined : { scope: `channel:${channel}`, everyMs: everyMs(ofChannel) };
    const limit = {
      own,
      shared,
      everyMs: Math.max(own?.everyMs ?? 0, shared?.everyMs ?? 0),
      lateness: new Lateness(this.clock, LATE_MS),
    };
    if (this.limits.size >= MOST_KEPT) this.limits.clear();
    this.limits.set(campaignId, limit);
    return limit;
  }

  /** Most sends worth reserving at once. */
  blockOf({ own, shared, everyMs: every }: Limit): number {
    const span = own === undefined || shared === undefined ? BLOCK_MS : SHARED_BLOCK_MS;
    return Math.max(1, Math.floor(span / every));
  }

  /** So many moments (monotonic) for sends, or in how many ms to ask again. */
  async reserve({ own, shared, everyMs: every }: Limit, count: number): Promise<Reserved> {
    const asked = this.clock.monotonic();
    const [row] = await this.database.run(reserveSlots, {
      own: own?.scope ?? null,
      ownMs: own?.everyMs ?? null,
      shared: shared?.scope ?? null,
      sharedMs: shared?.everyMs ?? null,
      most: count,
      leadMs: this.leadMs,
      aheadMs: AHEAD_MS,
      slackMs: own === undefined || shared === undefined ? 0 : SHARED_SLACK_MS,
      now: null,
    });
    if (row === undefined || row.missing) {
      await this.database.run(openScopes, { scopes: [own, shared].flatMap((limit) => (limit === undefined ? [] : [limit.scope])) });
      return { waitMs: 0 };
    }
    const received = this.clock.monotonic();
    this.far.learn(row.now_at, received);
    if (row.granted === 0) return { waitMs: Math.max(1, row.wait_ms) };
    const first = this.far.toOurs(row.start_at);
    this.askingMs = smoothed(this.askingMs, received - asked);
    return { times: Array.from({ length: row.granted }, (_, index) => first + index * every) };
  }

  /** Told how long it took from taking the campaign's lock until its first send could start, ms. */
  prepared(ms: number): void {
    this.preparingMs = smoothed(this.preparingMs, ms);
  }

  /** Resolves when it is time to prepare sends that start at this moment. */
  timeToPrepare(startsAt: number): Promise<void> {
    return this.until(startsAt - this.preparationMs);
  }

  /** Resolves at that moment (monotonic) or a little later, never before. */
  async until(moment: number): Promise<void> {
    for (let left = moment - this.clock.monotonic(); left > 0; left = moment - this.clock.monotonic()) {
      await delay(Math.min(Math.ceil(left), MAX_TIMER_MS));
    }
  }

  /** Whether a send that was planned for this moment is too late now. */
  isOver(moment: number): boolean {
    return this.clock.monotonic() > moment + LATE_MS;
  }

  pause(ms: number): Promise<void> {
    return this.until(this.clock.monotonic() + ms);
  }

  private get preparationMs(): number {
    return Math.min(MOST_LEAD_MS, 2 + 1.5 * this.preparingMs);
  }

  private get leadMs(): number {
    return Math.min(MOST_LEAD_MS, 1 + this.askingMs + this.preparationMs);
  }
}

/** Cuts moments into stretches that are sent under one hold of the campaign's lock. */
export function stretches(times: readonly number[]): number[][] {
  const cut: number[][] = [];
  for (const time of times) {
    const last = cut.at(-1);
    if (last === undefined || time - (last[0] ?? time) > SLICE_MS) cut.push([time]);
    else last.push(time);
  }
  return cut;
}

function everyMs(perSecond: number): number {
  return 1000 / (USED * perSecond);
}

/** Rises at once by half, falls slowly. */
function smoothed(before: number, sample: number): number {
  return before + (sample > before ? 0.5 : 0.05) * (sample - before);
}
