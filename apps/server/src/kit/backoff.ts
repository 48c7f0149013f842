export interface BackoffOptions {
  firstMs: number;
  maxMs: number;
  factor?: number;
  /** Share of the delay that is random, 0..1: a delay d becomes d * (1 - jitter) … d. */
  jitter?: number;
  random?: () => number;
}

/** The delay in ms before repetition `attempt` (1 = the first repetition): exponential, capped, with jitter. */
export function backoff(attempt: number, options: BackoffOptions): number {
  const { firstMs, maxMs, factor = 2, jitter = 0.5, random = Math.random } = options;
  const full = Math.min(maxMs, firstMs * factor ** Math.max(0, attempt - 1));
  return Math.round(full * (1 - jitter * random()));
}
