interface Waiting {
  key: string;
  most: number;
  /** How many must be there for it to be served. */
  worthwhile: number;
  serve: (taken: number) => void;
  timer: NodeJS.Timeout;
}

/**
 * A number of places, taken some at a time for a campaign (or whatever the key stands for) and given back one by one. A key never holds more
 * than three quarters of what the others have left, so that whoever comes next finds places also while all of its sends hang. Callers
 * are served in the order they came.
 */
export class Permits {
  private free: number;
  private readonly held = new Map<string, number>();
  private readonly waiting = new Set<Waiting>();
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
  take(key: string, most: number): Promise<number> {
    if (this.size === Number.POSITIVE_INFINITY) return Promise.resolve(most);
    return new Promise((serve) => {
      const caller: Waiting = {
        key,
        most,
        worthwhile: Math.min(most, this.worthwhile),
        serve,
        timer: setTimeout(() => {
          caller.worthwhile = 1;
          this.serve();
        }, this.patienceMs),
      };
      this.waiting.add(caller);
      this.serve();
    });
  }

  give(key: string, count: number): void {
    if (this.size === Number.POSITIVE_INFINITY || count === 0) return;
    this.free += count;
    const left = (this.held.get(key) ?? 0) - count;
    if (left > 0) this.held.set(key, left);
    else this.held.delete(key);
    this.serve();
  }

  /** Gives what is free to those for whom it is enough. It is looked at each time a place comes back, so nobody is woken in vain. */
  private serve(): void {
    for (const caller of this.waiting) {
      if (this.free === 0) return;
      const { key, most, worthwhile, serve, timer } = caller;
      const allowed = this.allowance(key);
      if (allowed < worthwhile) continue;
      const taken = Math.min(most, allowed);
      clearTimeout(timer);
      this.waiting.delete(caller);
      this.free -= taken;
      this.held.set(key, (this.held.get(key) ?? 0) + taken);
      serve(taken);
    }
  }

  /** How many more this key may take now. The first place of a key is never refused while one is free. */
  private allowance(key: string): number {
    const own = this.held.get(key) ?? 0;
    const most = Math.max(1, Math.floor(((this.free + own) * 3) / 4));
    return Math.max(0, Math.min(this.free, most - own));
  }
}
