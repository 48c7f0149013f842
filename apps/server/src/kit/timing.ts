import { type Clock, systemClock } from './clock.js';

/** A clock that also calls back. Injected, so that tests need not wait. */
export interface Timing extends Clock {
  /** Runs `work` once, in so many ms (0: in the next turn of the event loop), unless it is cancelled by the function that is answered. */
  after(ms: number, work: () => void): () => void;
}

export const systemTiming: Timing = {
  ...systemClock,
  after(ms, work) {
    if (ms <= 0) {
      const immediate = setImmediate(work);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};

export function pause(timing: Timing, ms: number): Promise<void> {
  return new Promise((resolve) => void timing.after(ms, resolve));
}

/** Waits for it, but no longer than so many ms; true when it has resolved by then. Never rejects. */
export async function doneWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = work.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
