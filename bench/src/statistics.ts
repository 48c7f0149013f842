/** The value below which a share (0..1) of the values lies (nearest rank); NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The median of each number that the runs have in common. */
export function medians<Run extends Record<string, number>>(runs: readonly Run[]): Run {
  const [first] = runs;
  if (first === undefined) throw new Error('there were no runs');
  return Object.fromEntries(Object.keys(first).map((key) => [key, rounded(median(runs.map((run) => run[key] ?? Number.NaN)))])) as Run;
}

/** Three significant digits below 1000, whole numbers above. */
export function rounded(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
}

/**
 * Runs floor, ours, floor, ours …: what the machine does beside us meets both alike. The first pair warms both up and is not counted
 * when `warmUp` is asked for.
 */
export async function alternate<Floor, Ours>(
  runs: number,
  floor: (run: number) => Promise<Floor>,
  ours: (run: number) => Promise<Ours>,
  warmUp = true,
): Promise<{ floors: Floor[]; ours: Ours[] }> {
  const result: { floors: Floor[]; ours: Ours[] } = { floors: [], ours: [] };
  for (let run = warmUp ? -1 : 0; run < runs; run += 1) {
    const under = await floor(run);
    const own = await ours(run);
    process.stderr.write(
      `${run < 0 ? 'warm-up' : `run ${run + 1} of ${runs}`}: floor ${JSON.stringify(under)} ours ${JSON.stringify(own)}\n`,
    );
    if (run < 0) continue;
    result.floors.push(under);
    result.ours.push(own);
  }
  return result;
}
