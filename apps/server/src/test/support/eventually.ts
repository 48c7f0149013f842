import { vi } from 'vitest';

/** Repeats a look that throws until it does not; for what no signal tells. Answers what it returned. The limit is for what never comes. */
export function eventually<Result>(look: () => Promise<Result> | Result, timeoutMs = 30_000): Promise<Result> {
  return vi.waitFor(look, { timeout: timeoutMs, interval: 25 });
}

/** Rejects when the promise has not settled in time, naming what was waited for. */
export async function within<Result>(ms: number, what: string, promise: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
