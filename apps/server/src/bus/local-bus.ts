import type { Bus, BusHandler, BusMessage } from './bus.js';

/** The bus inside one process: at most `slots` messages at a time, so a process claims only what it can begin at once. */
export class LocalBus implements Bus {
  private handler: BusHandler | undefined;
  private readonly running = new Set<Promise<void>>();
  private waiting: (() => void)[] = [];

  constructor(
    private readonly slots: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  subscribe(handler: BusHandler): void {
    this.handler = handler;
  }

  publish(message: BusMessage): Promise<void> {
    const { handler } = this;
    if (handler === undefined) return Promise.reject(new Error('nobody consumes the local bus'));
    const work = handler(message)
      .catch(this.onError)
      .finally(() => {
        this.running.delete(work);
        this.waiting.shift()?.();
      });
    this.running.add(work);
    return Promise.resolve();
  }

  async room(): Promise<void> {
    while (this.running.size >= this.slots) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  async stop(): Promise<void> {
    await Promise.all(this.running);
  }
}
