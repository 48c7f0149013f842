import { vi } from 'vitest';

/** Repeats a look that throws until it does not. The limit is for what never comes, and no measure of speed. */
export function eventually<Result>(look: () => Promise<Result> | Result): Promise<Result> {
  return vi.waitFor(look, { timeout: 30_000 });
}
