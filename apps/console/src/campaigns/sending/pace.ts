/** How many had ended at a moment (ms). */
export interface Sample {
  at: number;
  ended: number;
}

const WINDOW_MS = 5_000;

/** The samples with one more, those of the last seconds. Fewer than before, as after a retry, begins anew. */
export function withSample(samples: Sample[], sample: Sample): Sample[] {
  const last = samples.at(-1);
  if (last !== undefined && sample.at <= last.at) return samples;
  if (last !== undefined && sample.ended < last.ended) return [sample];
  const from = sample.at - WINDOW_MS;
  // One from before the window stays as its beginning.
  const first = samples.findLastIndex(({ at }) => at <= from);
  return [...samples.slice(Math.max(0, first)), sample];
}

/** How many end in a second, over the samples; undefined while there is too little to tell by. */
export function paceOf(samples: Sample[]): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < 500) return undefined;
  return ((last.ended - first.ended) * 1000) / (last.at - first.at);
}

/** `about 20 s left`, `about 3 min left`; undefined when it cannot be told. */
export function leftWords(left: number, pace: number | undefined): string | undefined {
  if (pace === undefined || pace <= 0 || left <= 0) return undefined;
  const seconds = Math.ceil(left / pace);
  if (seconds < 90) return `about ${seconds} s left`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min left`;
  return `about ${Math.round(seconds / 3600)} h left`;
}
