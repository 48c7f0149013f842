/** A number of places, taken some at a time and given back one by one. Callers are served in the order they came. */
export class Permits {
  private free: number;
  private readonly waiting: (() => void)[] = [];
  private readonly worthwhile: number;

  constructor(
    /** Infinity: everybody gets what they ask for at once. */
    readonly size: number,
    /** How long a caller waits for a quarter of the places to be free before it takes fewer, ms. */
    private readonly patienceMs: number,
  ) {
    this.free = size;
    this.worthwhile = Math.max(1, Math.floor(size / 4));
  }

  /** Takes at most `most` places, at least one: as many as are free, once a good part is or the patience is over. */
  async take(most: number): Promise<number> {
    if (this.size === Number.POSITIVE_INFINITY) return most;
    const impatientAt = performance.now() + this.patienceMs;
    while (this.free < Math.min(most, this.worthwhile)) {
      const left = impatientAt - performance.now();
      if (left <= 0 && this.free > 0) break;
      await this.change(left > 0 ? left : undefined);
    }
    const taken = Math.min(most, this.free);
    this.free -= taken;
    return taken;
  }

  give(count: number): void {
    this.free += count;
    for (const wake of this.waiting.splice(0)) wake();
  }

  private async change(withinMs: number | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
