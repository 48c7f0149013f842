/** How many round trips one estimate takes; the one with the shortest counts. */
const ROUND_TRIPS = 3;
const ROUND_TRIP_TIMEOUT_MS = 2_000;

/** One question to the server: its time in epoch ms. Rejects when it cannot be had. */
export type AskTime = (signal: AbortSignal) => Promise<number>;

/** What tells the corrected time; schedules use nothing else. */
export interface Clock {
  /** Epoch ms, corrected by the estimated offset to the server. */
  now(): number;
}

/**
 * The screen's clock, corrected by its offset to the server. Before the first estimate, and where the server has no time to
 * give, the offset is 0: a screen that never reached its server plays by its own clock.
 */
export class CorrectedClock implements Clock {
  #offsetMs = 0;
  #estimating: Promise<void> | undefined;

  constructor(
    private readonly ask: AskTime,
    private readonly own: () => number = () => Date.now(),
  ) {}

  now(): number {
    return this.own() + this.#offsetMs;
  }

  /** Server minus screen in ms, rounded. */
  get offsetMs(): number {
    return Math.round(this.#offsetMs);
  }

  /** Estimates the offset anew; never rejects, and keeps the last offset when the server does not answer. */
  estimate(): Promise<void> {
    this.#estimating ??= this.#estimate().finally(() => {
      this.#estimating = undefined;
    });
    return this.#estimating;
  }

  async #estimate(): Promise<void> {
    let shortest = Number.POSITIVE_INFINITY;
    for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
      const sent = this.own();
      let server: number;
      try {
        server = await this.ask(AbortSignal.timeout(ROUND_TRIP_TIMEOUT_MS));
      } catch {
        return;
      }
      const took = this.own() - sent;
      // A clock that was set back during the round trip would give a negative one.
      if (took < 0 || took >= shortest) continue;
      shortest = took;
      this.#offsetMs = server - (sent + took / 2);
    }
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
