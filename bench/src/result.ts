import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

export interface BenchResult {
  bench: string;
  /** What tells runs of one bench apart, such as the broker; part of the file's name. */
  variant?: string;
  /** What was asked for on the command line. */
  options: Record<string, unknown>;
  /** Medians of the runs. */
  ours: Record<string, number>;
  floor: Record<string, number>;
  /** Ours to floor: of times, or of rates where it says so. */
  ratio: Record<string, number>;
  /** What must hold, and whether it did. */
  targets: Record<string, boolean>;
  /** Each run, in order. */
  runs: { floors: unknown[]; ours: unknown[] };
}

let kept = true;

/** Whether results are kept from now on, or printed only. */
export function keepResults(yes: boolean): void {
  kept = yes;
}

/** Prints the result as one JSON line and keeps it in `bench/results/`, unless it is that of a trial. */
export async function report(result: BenchResult): Promise<void> {
  const full = { ...result, machine: machine(), date: new Date().toISOString() };
  const name = [result.bench, result.variant].filter((part) => part !== undefined).join('-');
  if (kept) {
    await mkdir(RESULTS, { recursive: true });
    await writeFile(`${RESULTS}${name}.json`, `${JSON.stringify(full, null, 2)}\n`);
  } else process.stderr.write('a trial: bench/results is as it was (--keep keeps it)\n');
  process.stdout.write(`${JSON.stringify(full)}\n`);
}

function machine(): Record<string, unknown> {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryMb: Math.round(totalmem() / 1024 / 1024),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    // Above the number of cores somebody else was working too: trust the ratio, not the figure.
    loadAverage: loadavg()[0],
  };
}
