import { reasonOf } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';
import type { Timing } from '../../kit/timing.js';
import type { Runner } from '../../store/database.js';
import { minuteOf } from '../click.js';
import { sayDropped } from './publisher.store.js';

const SAY_MS = 250;
/** Minutes so old are forgotten once they are said: no clock is set back as far. */
const KEPT_MS = 24 * 3_600_000;

/** Tells the ledger of the repetitions that this process dropped; while the database is away it keeps the numbers and says them later. */
export class DroppedRepetitions {
  private readonly dropped = new Map<number, number>();
  private readonly unsaid = new Set<number>();
  private cancel: (() => void) | undefined;
  private saying: Promise<void> = Promise.resolve();
  private failing = false;
  /** Being said just now: perhaps the database hears of it. */
  private underWay: readonly number[] = [];

  constructor(
    private readonly database: Runner,
    private readonly process: number,
    private readonly timing: Timing,
    private readonly log: Log,
  ) {}

  add(clickedAt: number): void {
    const minute = minuteOf(clickedAt);
    this.dropped.set(minute, (this.dropped.get(minute) ?? 0) + 1);
    this.unsaid.add(minute);
    this.cancel ??= this.timing.after(SAY_MS, () => void this.say());
  }

  /** What the database has not heard of, or may not have. The numbers are absolute: to say them twice does no harm. */
  left(): { minute: number; dropped: number }[] {
    return [...new Set([...this.unsaid, ...this.underWay])].map((minute) => ({ minute, dropped: this.dropped.get(minute) ?? 0 }));
  }

  /** Nothing is said by itself any more. */
  stop(): void {
    this.cancel?.();
  }

  /** Says what is not said yet. Never rejects: `left` knows. */
  say(): Promise<void> {
    this.cancel?.();
    this.cancel = undefined;
    this.saying = this.saying.then(() => this.sayNow());
    return this.saying;
  }

  private async sayNow(): Promise<void> {
    const minutes = [...this.unsaid];
    if (minutes.length === 0) return;
    this.unsaid.clear();
    this.underWay = minutes;
    try {
      await this.database.run(sayDropped, {
        process: this.process,
        minutes,
        dropped: minutes.map((minute) => this.dropped.get(minute) ?? 0),
      });
      this.failing = false;
      for (const minute of minutes) {
        if (minute < this.timing.now() - KEPT_MS && !this.unsaid.has(minute)) this.dropped.delete(minute);
      }
    } catch (error) {
      if (!this.failing) this.log.warn({ reason: reasonOf(error) }, 'the ledger cannot be told of dropped repetitions; it is told later');
      this.failing = true;
      for (const minute of minutes) this.unsaid.add(minute);
      this.cancel ??= this.timing.after(SAY_MS * 4, () => void this.say());
    } finally {
      this.underWay = [];
    }
  }
}
