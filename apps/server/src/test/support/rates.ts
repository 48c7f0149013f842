/** The most starts (ms, in order) in any window of that length, half open. */
export function mostWithin(starts: readonly number[], windowMs: number): number {
  let first = 0;
  let most = 0;
  starts.forEach((start, index) => {
    while ((starts[first] ?? start) <= start - windowMs) first += 1;
    most = Math.max(most, index - first + 1);
  });
  return most;
}
