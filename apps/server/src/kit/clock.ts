/** What time it is. Injected, so that tests need not wait. */
export interface Clock {
  /** Epoch ms; may jump. */
  now(): number;
  /** Ms since some fixed moment; never goes back. Deadlines are measured with it. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** `setTimeout` fires at once beyond this many ms (2^31 - 1), so timers are cut to it and set again. */
export const MAX_TIMER_MS = 2_147_483_647;
