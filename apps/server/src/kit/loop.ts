import { backoff } from './backoff.js';
import { MAX_TIMER_MS } from './clock.js';

export interface LoopOptions {
  name: string;
  /** One turn of work; answers in how many ms the next is due (0: there is more, at once). */
  turn: () => Promise<number>;
  /** Told of a turn that threw; the next comes after a backoff. */
  onError: (error: unknown, name: string) => void;
}

/** An actor's heartbeat: turns one after another, never two at once, woken early by `wake`. */
export class Loop {
  private timer: NodeJS.Timeout | undefined;
  private current: Promise<void> | undefined;
  private woken = false;
  private stopped = true;
  private failures = 0;

  constructor(private readonly options: LoopOptions) {}

  start(): void {
    this.stopped = false;
    this.wake();
  }

  /** The next turn comes now, or right after the present one. */
  wake(): void {
    if (this.stopped) return;
    this.woken = true;
    if (this.current === undefined) this.aim(0);
  }

  /** No turn starts any more; resolves when the present one has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.current;
  }

  private aim(delayMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), Math.min(delayMs, MAX_TIMER_MS));
  }

  private run(): void {
    this.woken = false;
    this.current = this.turn().then((delay) => {
      this.current = undefined;
      if (!this.stopped) this.aim(this.woken ? 0 : delay);
    });
  }

  private async turn(): Promise<number> {
    try {
      const delay = await this.options.turn();
      this.failures = 0;
      return delay;
    } catch (error) {
      this.failures += 1;
      this.options.onError(error, this.options.name);
      return backoff(this.failures, { firstMs: 100, maxMs: 5000 });
    }
  }
}
