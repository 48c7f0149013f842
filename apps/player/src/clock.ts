/** How many round trips one estimate takes; the one with the shortest counts. */
const ROUND_TRIPS = 3;
const ROUND_TRIP_TIMEOUT_MS = 2_000;
/** The screen's clock and its monotonic one part by more than this only when somebody set the one or the machine slept. */
const STEP_MS = 500;
const KEPT_OFFSET = 'marquee.clock';

/** One question to the server: its time in epoch ms. Rejects when it cannot be had. */
export type AskTime = (signal: AbortSignal) => Promise<number>;

/** What tells the corrected time; schedules use nothing else. */
export interface Clock {
  /** Epoch ms, corrected by the estimated offset to the server. */
  now(): number;
}

export interface ClockSources {
  /** The screen's own clock, epoch ms: may be set at any moment. */
  own: () => number;
  /** Ms since whenever: never set, but may stand while the machine sleeps. */
  steady: () => number;
  /** Where the offset is kept over a reload. */
  kept: Pick<Storage, 'getItem' | 'setItem'>;
}

/**
 * The screen's clock, corrected by its offset to the server. An offset is kept over a reload; before there was any, and where the server
 * has no time to give, it is 0: a screen that never reached its server plays by its own clock.
 *
 * A clock that is set while the page runs does not move the corrected time: the steady clock bridges it, and the offset is estimated
 * anew. When the server cannot be asked, a step back stays bridged, and a step forward is taken for the hours that a sleeping
 * machine missed. Both are seen at the next `now()`.
 */
export class CorrectedClock implements Clock {
  readonly #sources: ClockSources;
  #offsetMs: number;
  /** An offset was once estimated: there is a time to hold to. */
  #known: boolean;
  #trusted: boolean | undefined;
  /** Own minus steady, as it was last. */
  #gap: number;
  /** How far the clock stepped forward since the server was last asked. */
  #leapMs = 0;
  #estimating: Promise<void> | undefined;

  constructor(
    private readonly ask: AskTime,
    sources: Partial<ClockSources> = {},
  ) {
    this.#sources = {
      own: () => Date.now(),
      steady: () => performance.now(),
      kept: { getItem: () => null, setItem: () => undefined },
      ...sources,
    };
    const kept = readKept(this.#sources.kept.getItem(KEPT_OFFSET), this.#sources.own());
    this.#offsetMs = kept ?? 0;
    this.#known = kept !== undefined;
    this.#gap = this.#sources.own() - this.#sources.steady();
  }

  now(): number {
    const own = this.#sources.own();
    this.#bridge(own);
    return own + this.#offsetMs;
  }

  /** Server minus screen in ms, rounded. */
  get offsetMs(): number {
    return Math.round(this.#offsetMs);
  }

  /** True when the server told its time since the page began and since the clock was last set; undefined until it was asked first. */
  get trusted(): boolean | undefined {
    return this.#trusted;
  }

  /** Estimates the offset anew; never rejects, and keeps the last offset when the server does not answer. */
  estimate(): Promise<void> {
    this.#estimating ??= this.#estimate().finally(() => {
      this.#estimating = undefined;
    });
    return this.#estimating;
  }

  #bridge(own: number): void {
    const gap = own - this.#sources.steady();
    const step = gap - this.#gap;
    this.#gap = gap;
    if (Math.abs(step) < STEP_MS || !this.#known) return;
    this.#offsetMs -= step;
    this.#leapMs += step;
    this.#trusted = false;
    void this.estimate();
  }

  async #estimate(): Promise<void> {
    const { own, steady } = this.#sources;
    let shortest = Number.POSITIVE_INFINITY;
    for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
      const [gap, sent] = [own() - steady(), steady()];
      let server: number;
      try {
        server = await this.ask(AbortSignal.timeout(ROUND_TRIP_TIMEOUT_MS));
      } catch {
        break;
      }
      const took = steady() - sent;
      // A clock that was set during the round trip tells nothing of it.
      if (took >= shortest || Math.abs(own() - steady() - gap) >= STEP_MS) continue;
      shortest = took;
      this.#take(server - (own() - took / 2));
    }
    if (Number.isFinite(shortest)) return;
    this.#trusted ??= false;
    // Nobody to ask: a machine that slept missed the hours by which its clock is ahead.
    if (this.#leapMs > 0) this.#offsetMs += this.#leapMs;
    this.#leapMs = 0;
  }

  #take(offsetMs: number): void {
    const { own, steady, kept } = this.#sources;
    this.#offsetMs = offsetMs;
    this.#gap = own() - steady();
    this.#leapMs = 0;
    this.#known = true;
    this.#trusted = true;
    kept.setItem(KEPT_OFFSET, JSON.stringify({ offsetMs, at: own() }));
  }
}

/** A clock that is behind the moment at which its offset was kept has been set back since: the offset is none of its. */
function readKept(text: string | null, own: number): number | undefined {
  try {
    const { offsetMs, at } = JSON.parse(text ?? '') as Record<string, unknown>;
    return typeof offsetMs === 'number' && Number.isFinite(offsetMs) && typeof at === 'number' && at <= own ? offsetMs : undefined;
  } catch {
    return undefined;
  }
}

/** Asks `GET /time` of the page's own server. */
export function askServer(url: string): AskTime {
  return async (signal) => {
    const response = await fetch(url, { cache: 'no-store', signal });
    const body: unknown = response.ok ? await response.json() : undefined;
    const now = typeof body === 'object' && body !== null && 'now' in body ? body.now : undefined;
    if (typeof now !== 'number' || !Number.isFinite(now)) throw new Error('the server has no time to give');
    return now;
  };
}
