interface Waiting {
  count: number;
  resolve: (at: number) => void;
}

/** Counts up, remembers when, and tells those who wait for a count. Times are epoch ms with a fraction, comparable between processes. */
export class Tally {
  private reachedCount = 0;
  private first = Number.NaN;
  private last = Number.NaN;
  private waiting: Waiting[] = [];

  get count(): number {
    return this.reachedCount;
  }

  /** When it was counted first; NaN while it never was. */
  get firstAt(): number {
    return this.first;
  }

  /** When it was counted last; NaN while it never was. */
  get lastAt(): number {
    return this.last;
  }

  add(): void {
    this.last = epochNow();
    this.reachedCount += 1;
    if (this.reachedCount === 1) this.first = this.last;
    if (this.waiting.length > 0) this.tell();
  }

  /** Resolves with the moment at which `count` was reached; when asked for too late, with that of the last count. */
  reached(count: number): Promise<number> {
    if (this.reachedCount >= count) return Promise.resolve(this.last);
    return new Promise((resolve) => this.waiting.push({ count, resolve }));
  }

  private tell(): void {
    const due = this.waiting.filter((each) => each.count <= this.reachedCount);
    if (due.length === 0) return;
    this.waiting = this.waiting.filter((each) => each.count > this.reachedCount);
    for (const each of due) each.resolve(this.last);
  }
}

function epochNow(): number {
  return performance.timeOrigin + performance.now();
}
