/** How long a sample counts, ms: clocks drift by some ms an hour. */
const MEMORY_MS = 30_000;
/** A reply that is late by more than this, several times in a row, says that the other clock was set back, ms. */
const STEP_MS = 500;
const STEPS = 3;

/**
 * Another machine's clock on ours: learns from replies that hold its time how far it is from our monotonic one. The reply that was the
 * fastest of late is the truest, for each is received after it was sent.
 */
export class FarClock {
  private samples: { at: number; offset: number }[] = [];
  private strange = 0;

  /** A reply that says `theirs` (epoch ms) was received at `ours` (monotonic). */
  learn(theirs: number, ours: number): void {
    const offset = ours - theirs;
    const least = this.samples[0]?.offset;
    this.strange = least !== undefined && offset > least + STEP_MS ? this.strange + 1 : 0;
    if (this.strange >= STEPS) this.samples = [];
    while (this.samples.length > 0 && (this.samples[0]?.at ?? ours) < ours - MEMORY_MS) this.samples.shift();
    while ((this.samples.at(-1)?.offset ?? Number.NEGATIVE_INFINITY) >= offset) this.samples.pop();
    this.samples.push({ at: ours, offset });
  }

  /** That moment of theirs (epoch ms) on our monotonic clock. Only after `learn`. */
  toOurs(theirs: number): number {
    return theirs + (this.samples[0]?.offset ?? Number.NaN);
  }
}
