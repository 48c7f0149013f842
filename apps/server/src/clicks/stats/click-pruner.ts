import { Actor, type OnActorError } from '../../kit/actor.js';
import type { Clock } from '../../kit/clock.js';
import type { Database } from '../../store/database.js';
import {
  CLICK_PRUNE_STEP,
  dropClickDays,
  makeClickDays,
  pruneClickAccepted,
  pruneClickIds,
  pruneClickMarks,
  pruneClickProcesses,
  pruneClickRepeats,
  pruneClickSettled,
  pruneClickVisitors,
} from './click-pruner.store.js';

export interface ClickPrunerOptions {
  /** How long single clicks and the ledger are kept; the counts of each minute are kept for good. */
  keepDays: number;
  /** How long a messageId is known at least. */
  dedupeDays: number;
  /** How long a visitor is a visitor, ms. */
  duplicateMs: number;
  onError: OnActorError;
}

const DAY_MS = 86_400_000;
/** Days that are there before their time: what a system may stand still without a click in the wrong place. */
const AHEAD_MS = 7 * DAY_MS;
/**
 * How much longer than asked for an id is known: a message lives a day in the broker and a day in the dead letters, and waits in the fallback
 * as long as an outage lasts. One that outlived its id would be counted twice.
 */
const BEYOND_MS = 8 * DAY_MS;
/** How long the clicks of a minute are gathered to tell a bot, with what batches come late, ms. */
const MINUTE_MS = 3 * 60_000;
const PRUNE_MS = 10_000;
const DAYS_MS = 3_600_000;
/** A turn ends with work left, rather than never: 500,000 rows of each table. */
const STEPS = 50;

/** Keeps the tables of clicks: makes the days to come, drops those that are over, forgets ids, marks and visitors. Any number of them at once. */
export class ClickPruner extends Actor {
  private daysAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly options: ClickPrunerOptions,
  ) {
    super('click pruner', options.onError);
  }

  protected override async turn(): Promise<number> {
    const { keepDays, dedupeDays, duplicateMs } = this.options;
    if (this.clock.monotonic() - this.daysAt >= DAYS_MS) {
      await this.keepDays();
      this.daysAt = this.clock.monotonic();
    }
    const idsKeptMs = dedupeDays * DAY_MS + BEYOND_MS;
    await this.prune(pruneClickVisitors, duplicateMs + MINUTE_MS);
    await this.prune(pruneClickMarks, dedupeDays * DAY_MS);
    await this.prune(pruneClickIds, idsKeptMs);
    await this.prune(pruneClickRepeats, idsKeptMs);
    await this.prune(pruneClickAccepted, keepDays * DAY_MS);
    await this.prune(pruneClickSettled, keepDays * DAY_MS);
    await this.prune(pruneClickProcesses, keepDays * DAY_MS);
    return PRUNE_MS;
  }

  private async keepDays(): Promise<void> {
    const now = this.clock.now();
    await this.database.run(makeClickDays, { since: now, until: now + AHEAD_MS });
    await this.database.run(dropClickDays, { before: now - this.options.keepDays * DAY_MS });
  }

  private async prune(statement: typeof pruneClickIds, keepMs: number): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) {
      const [done] = await this.database.run(statement, { keepMs });
      if (done === undefined || done.pruned < CLICK_PRUNE_STEP) return;
    }
  }
}
