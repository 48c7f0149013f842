export interface BatcherOptions<Item, Result> {
  /** Most items in one flush. */
  size: number;
  /** How long the first item of a batch waits for company, ms. 0: until the flush before it has ended, at least one turn of the event loop. */
  waitMs: number;
  /** Flushes under way at once, beyond the first only of full batches; 1 keeps batches in order. */
  concurrency?: number;
  /** Items waiting or in flight beyond which `add` rejects with BatcherFull. */
  maxPending?: number;
  /** Answers each item, in order: as many results as items. Throwing rejects every item of the batch. */
  flush: (items: Item[]) => Promise<Result[]>;
}

/** More items wait than the batcher may hold; nothing was taken. */
export class BatcherFull extends Error {
  override readonly name = 'BatcherFull';
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

/** Gathers single items into batches: one round trip for many callers, each of whom gets the answer to its own. */
export class Batcher<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private running = 0;
  private pending = 0;
  private timer: NodeJS.Timeout | undefined;
  private immediate: NodeJS.Immediate | undefined;
  private idle: (() => void)[] = [];

  constructor(private readonly options: BatcherOptions<Item, Result>) {}

  add(item: Item): Promise<Result> {
    if (this.pending >= (this.options.maxPending ?? Number.POSITIVE_INFINITY))
      return Promise.reject(new BatcherFull('too much is waiting'));
    this.pending += 1;
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.schedule();
    });
  }

  /** What waits, waits for no more company. */
  hurry(): void {
    if (this.waiting.length > 0) this.flushNow();
  }

  /** Flushes what waits and resolves when nothing is pending any more. */
  async drain(): Promise<void> {
    if (this.pending === 0) return;
    this.flushNow();
    await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private schedule(): void {
    if (this.waiting.length >= this.options.size) {
      this.flushNow();
    } else if (this.options.waitMs === 0) {
      this.immediate ??= setImmediate(() => this.flushNow());
    } else {
      this.timer ??= setTimeout(() => this.flushNow(), this.options.waitMs);
    }
  }

  private flushNow(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    clearImmediate(this.immediate);
    this.immediate = undefined;
    while (this.waiting.length > 0 && (this.running === 0 || this.mayOverlap())) {
      void this.flushOne(this.waiting.splice(0, this.options.size));
    }
  }

  /** A second flush beside the first is for a backlog: what would not fill a batch gathers until the first has ended. */
  private mayOverlap(): boolean {
    return this.running < (this.options.concurrency ?? 1) && this.waiting.length >= this.options.size;
  }

  private async flushOne(batch: Waiting<Item, Result>[]): Promise<void> {
    this.running += 1;
    try {
      const results = await this.options.flush(batch.map((each) => each.item));
      if (results.length !== batch.length) throw new Error(`a batch of ${batch.length} was answered by ${results.length} results`);
      for (const [index, each] of batch.entries()) each.resolve(results[index] as Result);
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
    this.running -= 1;
    this.pending -= batch.length;
    // What gathered while this batch was under way has waited long enough.
    if (this.waiting.length > 0) this.flushNow();
    if (this.pending === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}
