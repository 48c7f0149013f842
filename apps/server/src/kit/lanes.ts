interface Waiting {
  key: string;
  start: () => void;
}

/**
 * Lets so many tasks run at once, and so many of one key, in the order they came; a key whose lane is full holds up nobody
 * else.
 */
export class Lanes {
  private readonly running = new Map<string, number>();
  private total = 0;
  private waiting: Waiting[] = [];

  constructor(
    private readonly most: number,
    private readonly mostOfOneKey: number,
  ) {}

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    if (!this.enter(key)) await new Promise<void>((start) => this.waiting.push({ key, start }));
    try {
      return await task();
    } finally {
      this.leave(key);
    }
  }

  private enter(key: string): boolean {
    const ofKey = this.running.get(key) ?? 0;
    if (this.total >= this.most || ofKey >= this.mostOfOneKey) return false;
    this.total += 1;
    this.running.set(key, ofKey + 1);
    return true;
  }

  private leave(key: string): void {
    const ofKey = (this.running.get(key) ?? 1) - 1;
    if (ofKey === 0) this.running.delete(key);
    else this.running.set(key, ofKey);
    this.total -= 1;
    const next = this.waiting.findIndex((waiting) => this.enter(waiting.key));
    if (next >= 0) for (const { start } of this.waiting.splice(next, 1)) start();
  }
}
