import type { Clock } from './clock.js';

export type Circuit = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

export interface CircuitBreakerOptions {
  /** So many failures in a row open it. */
  failures: number;
  /** How long it lets nothing pass, ms, unless it hears that the other side is back. */
  openMs: number;
  /** So many successes in a row, one attempt at a time, close it again. */
  successes: number;
  clock: Clock;
  /** Told of each change, with its reason. */
  onChange?: (state: Circuit, reason: string) => void;
}

/** One attempt that was let through: its holder says how it ended, once. What began before the state changed says nothing about the state after. */
export interface Permit {
  succeeded(): void;
  failed(reason: string): void;
  /** It ended and says nothing about the other side. */
  void(): void;
}

/**
 * Keeps callers from what does not work: closed it counts failures in a row, open it lets nothing pass, half open it lets one attempt at a
 * time find out. It is half open when `openMs` are over, or as soon as it hears that the other side is back (`reachable`): a connection
 * that was made is evidence enough for one attempt, and to wait for the rest of the time would only make the queue behind it longer.
 */
export class CircuitBreaker {
  private current: Circuit = 'CLOSED';
  private failuresInRow = 0;
  private successesInRow = 0;
  private probing = false;
  /** Counts the changes of state: a permit of an earlier one is void. */
  private era = 0;
  private changedAt: number;
  private openUntil = 0;

  constructor(private readonly options: CircuitBreakerOptions) {
    this.changedAt = options.clock.now();
  }

  get state(): Circuit {
    if (this.current === 'OPEN' && this.options.clock.monotonic() >= this.openUntil) this.change('HALF_OPEN', 'its time is over');
    return this.current;
  }

  /** Leave for one attempt; undefined when none may be made now. */
  enter(): Permit | undefined {
    const { state } = this;
    if (state === 'OPEN' || (state === 'HALF_OPEN' && this.probing)) return undefined;
    if (state === 'HALF_OPEN') this.probing = true;
    return this.permit(this.era);
  }

  /** The other side is known to be away: no more attempts are needed to find out. */
  trip(reason: string): void {
    if (this.state !== 'OPEN') this.open(reason);
  }

  /** The other side is heard of again. */
  reachable(reason: string): void {
    if (this.state === 'OPEN') this.change('HALF_OPEN', reason);
  }

  /** Epoch ms; `retryAt` is null where it does not wait. */
  view(): { state: Circuit; failures: number; since: number; retryAt: number | null } {
    const { state } = this;
    const leftMs = this.openUntil - this.options.clock.monotonic();
    const retryAt = state === 'OPEN' ? Math.round(this.options.clock.now() + leftMs) : null;
    return { state, failures: this.failuresInRow, since: this.changedAt, retryAt };
  }

  private permit(era: number): Permit {
    const once = (then: () => void) => () => {
      const valid = era === this.era;
      era = -1;
      if (!valid) return;
      this.probing = false;
      then();
    };
    let reason = '';
    const failed = once(() => this.fail(reason));
    return {
      succeeded: once(() => this.succeed()),
      failed: (why) => {
        reason = why;
        failed();
      },
      void: once(() => undefined),
    };
  }

  private succeed(): void {
    this.failuresInRow = 0;
    if (this.current !== 'HALF_OPEN') return;
    this.successesInRow += 1;
    if (this.successesInRow >= this.options.successes) this.change('CLOSED', `${this.successesInRow} attempts succeeded`);
  }

  private fail(reason: string): void {
    this.failuresInRow += 1;
    if (this.current === 'HALF_OPEN' || this.failuresInRow >= this.options.failures) this.open(reason);
  }

  private open(reason: string): void {
    this.openUntil = this.options.clock.monotonic() + this.options.openMs;
    this.change('OPEN', reason);
  }

  private change(state: Circuit, reason: string): void {
    this.current = state;
    this.era += 1;
    this.probing = false;
    this.successesInRow = 0;
    if (state === 'CLOSED') this.failuresInRow = 0;
    this.changedAt = this.options.clock.now();
    this.options.onChange?.(state, reason);
  }
}
