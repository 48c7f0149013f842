import { backoff } from './backoff.js';
import { MAX_TIMER_MS } from './clock.js';

/** Told of a turn that threw, with the actor's name; the next turn comes after a backoff. */
export type OnActorError = (error: unknown, actor: string) => void;

/** Something that works in turns: one after another, never two at once, each when it is due or when it is woken. */
export abstract class Actor {
  private timer: NodeJS.Timeout | undefined;
  private current: Promise<void> | undefined;
  private woken = false;
  private stopped = true;
  private failures = 0;

  constructor(
    /** Its word in the log. */
    readonly name: string,
    private readonly onError: OnActorError,
  ) {}

  /** One turn of work; answers in how many ms the next is due (0: there is more, at once). */
  protected abstract turn(): Promise<number>;

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
    this.current = this.guarded().then((delay) => {
      this.current = undefined;
      if (!this.stopped) this.aim(this.woken ? 0 : delay);
    });
  }

  private async guarded(): Promise<number> {
    try {
      const delay = await this.turn();
      this.failures = 0;
      return delay;
    } catch (error) {
      this.failures += 1;
      this.onError(error, this.name);
      return backoff(this.failures, { firstMs: 100, maxMs: 5000 });
    }
  }
}
