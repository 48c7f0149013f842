/**
 * A number of places, taken some at a time for a campaign (or whatever the key stands for) and given back one by one. A key never holds more
 * than three quarters of what the others have left, so that whoever comes next finds places also while all of its sends hang. Callers
 * are served in the order they came.
 */
export class Permits {
  private free: number;
  private readonly held = new Map<string, number>();
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

  /** Takes at most `most` places, at least one: as many as the key may have, once a good part is free or the patience is over. */
  async take(key: string, most: number): Promise<number> {
    if (this.size === Number.POSITIVE_INFINITY) return most;
    const impatientAt = performance.now() + this.patienceMs;
    while (this.allowance(key) < Math.min(most, this.worthwhile)) {
      const left = impatientAt - performance.now();
      if (left <= 0 && this.allowance(key) > 0) break;
      await this.change(left > 0 ? left : undefined);
    }
    const taken = Math.min(most, this.allowance(key));
    this.free -= taken;
    this.held.set(key, (this.held.get(key) ?? 0) + taken);
    return taken;
  }

  give(key: string, count: number): void {
    if (this.size === Number.POSITIVE_INFINITY) return;
    this.free += count;
    const left = (this.held.get(key) ?? 0) - count;
    if (left > 0) this.held.set(key, left);
    else this.held.delete(key);
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** How many more this key may take now. The first place of a key is never refused while one is free. */
  private allowance(key: string): number {
    const own = this.held.get(key) ?? 0;
    const most = Math.max(1, Math.floor(((this.free + own) * 3) / 4));
    return Math.max(0, Math.min(this.free, most - own));
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
