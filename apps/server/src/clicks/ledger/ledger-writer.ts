import { Actor, type OnActorError } from '../../kit/actor.js';
import type { Clock } from '../../kit/clock.js';
import { type Database, isUnavailable } from '../../store/database.js';
import { minuteOf } from '../click.js';
import { sayAccepted } from './ledger.store.js';

/** How often it is written what was accepted: what a process can have accepted that nobody knows of when it is killed. */
const SAY_MS = 100;
/** Minutes so old are forgotten once they are said: no clock is set back as far. */
const KEPT_MS = 3_600_000;

/** What a process accepted and rejected in a minute. */
export interface AcceptedMinute {
  minute: number;
  accepted: number;
  rejected: Record<string, number>;
}

interface Minute extends Omit<AcceptedMinute, 'minute'> {
  said: boolean;
}

/** Keeps the ledger's first column: what this process accepted, and what it rejected and why. While the database is away it says it later. */
export class LedgerWriter extends Actor {
  private readonly minutes = new Map<number, Minute>();
  /** Being said just now: perhaps the database hears of it. */
  private underWay: ReadonlySet<Minute> = new Set();
  private saying: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    /** In click_processes. */
    private readonly process: number,
    private readonly clock: Clock,
    onError: OnActorError,
  ) {
    super('click ledger', onError);
  }

  /** By the click's own time, as everybody who settles it. */
  accepted(clickedAt: number): void {
    const minute = this.at(clickedAt);
    minute.accepted += 1;
  }

  /** What the database has not heard of, or may not have. The numbers are absolute: to say them twice does no harm. */
  unsaid(): AcceptedMinute[] {
    return [...this.minutes]
      .filter(([, each]) => !each.said || this.underWay.has(each))
      .map(([minute, { accepted, rejected }]) => ({ minute, accepted, rejected: { ...rejected } }));
  }

  rejected(reason: string, count = 1): void {
    const { rejected } = this.at(this.clock.now());
    rejected[reason] = (rejected[reason] ?? 0) + count;
  }

  /** Says what is left to say; rejects when it cannot. */
  override async stop(): Promise<void> {
    await super.stop();
    await this.say();
  }

  protected override async turn(): Promise<number> {
    await this.say().catch((error: unknown) => {
      if (!isUnavailable(error)) throw error;
    });
    return SAY_MS;
  }

  private at(time: number): Minute {
    const key = minuteOf(time);
    let minute = this.minutes.get(key);
    if (minute === undefined) {
      minute = { accepted: 0, rejected: {}, said: false };
      this.minutes.set(key, minute);
    }
    minute.said = false;
    return minute;
  }

  /** Says what is left to say; rejects when it cannot now. */
  async say(): Promise<void> {
    const saying = this.saying.then(() => this.sayNow());
    this.saying = saying.catch(() => undefined);
    await saying;
  }

  private async sayNow(): Promise<void> {
    const unsaid = [...this.minutes].filter(([, { said }]) => !said);
    if (unsaid.length > 0) {
      for (const [, minute] of unsaid) minute.said = true;
      this.underWay = new Set(unsaid.map(([, minute]) => minute));
      try {
        await this.database.run(sayAccepted, {
          process: this.process,
          minutes: unsaid.map(([minute]) => minute),
          accepted: unsaid.map(([, { accepted }]) => accepted),
          rejected: unsaid.map(([, { rejected }]) => JSON.stringify(rejected)),
        });
      } catch (error) {
        for (const [, minute] of unsaid) minute.said = false;
        throw error;
      } finally {
        this.underWay = new Set();
      }
    }
    const old = this.clock.now() - KEPT_MS;
    for (const [minute, { said }] of this.minutes) if (said && minute < old) this.minutes.delete(minute);
  }
}
