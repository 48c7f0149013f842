import { settleDeliveries } from '../deliveries/deliveries.store.js';
import { backoff } from '../kit/backoff.js';
import { Lanes } from '../kit/lanes.js';
import type { Log } from '../kit/log.js';
import { type Database, isUnavailable } from '../store/database.js';

/** What became of one attempt. */
export interface Settlement {
  id: string;
  attempt: number;
  /** The claim that it was begun under. */
  claim: string;
  /** By this process's clock, epoch ms; `sentAt` is null when nothing was sent. */
  begunAt: number;
  sentAt: number | null;
  /** NOT_STARTED: PENDING again, and no attempt. */
  outcome: 'SUCCESS' | 'FAILED' | 'PENDING' | 'UNKNOWN' | 'NOT_STARTED';
  reason: string | null;
  delayMs: number;
  /** It may have been sent. */
  doubt: boolean;
}

/** Whose results they are. */
export interface Settling {
  campaign: string;
  execution: string;
  epoch: number;
  /** Set when they are all that the claim had: it ends with them. */
  claim: string | null;
  /** When what was handed over is offered for the first time again, ms from now; null: never. */
  firstOfferMs: number | null;
}

/** Results of several slices that are written together. */
interface Queue {
  groups: { settlements: readonly Settlement[]; settled: (count: number) => void }[];
  writing: boolean;
}

const TRIES = 6;
/** How long results wait for a database that is away, ms: a killed one has recovered by then, and no lease has run out. */
const WITHIN_MS = 15_000;
/** And how long they do while this process ends, ms: whoever asked it to end waits for it. */
const AT_THE_END_MS = 3000;
/** Statements that one process writes at the same time; the others wait, and leave connections to those who ask something. */
const AT_ONCE = 4;
/** Most results in one statement, but for those of one slice. */
const MOST_TOGETHER = 1000;

/**
 * Writes what became of sends. Results of one execution that come while others of it are being written wait and are written together, so the
 * statements grow with the load, not their number; those that end a claim go by themselves.
 */
export class Settler {
  private until = Number.POSITIVE_INFINITY;
  private readonly lanes = new Lanes(AT_ONCE, AT_ONCE);
  private readonly queues = new Map<string, Queue>();

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  /** From now on results do not wait long for a database that is away: the rescuer decides on them. */
  hurry(): void {
    this.until = performance.now() + AT_THE_END_MS;
  }

  /** Answers how many were settled: all, or 0 when the rescuer will decide on them. Never throws. */
  async settle(of: Settling, settlements: readonly Settlement[]): Promise<number> {
    if (settlements.length === 0) return 0;
    if (of.claim !== null) return await this.write(of, settlements);
    const key = `${of.execution} ${of.epoch}`;
    const queue = this.queues.get(key) ?? { groups: [], writing: false };
    this.queues.set(key, queue);
    const settled = new Promise<number>((resolve) => queue.groups.push({ settlements, settled: resolve }));
    if (!queue.writing) void this.drain(of, key, queue);
    return await settled;
  }

  private async drain(of: Settling, key: string, queue: Queue): Promise<void> {
    queue.writing = true;
    while (queue.groups.length > 0) {
      const together: Settlement[] = [];
      let taken = 0;
      for (const { settlements } of queue.groups) {
        if (taken > 0 && together.length + settlements.length > MOST_TOGETHER) break;
        together.push(...settlements);
        taken += 1;
      }
      const groups = queue.groups.splice(0, taken);
      const count = await this.write(of, together);
      for (const group of groups) group.settled(count === 0 ? 0 : group.settlements.length);
    }
    this.queues.delete(key);
  }

  private async write(of: Settling, settlements: readonly Settlement[]): Promise<number> {
    return await this.lanes.run(of.campaign, () => this.attempt(of, settlements));
  }

  private async attempt(of: Settling, settlements: readonly Settlement[]): Promise<number> {
    const sorted = settlements.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const args = {
      ...of,
      ids: sorted.map((each) => each.id),
      attempts: sorted.map((each) => each.attempt),
      outcomes: sorted.map((each) => each.outcome),
      reasons: sorted.map((each) => each.reason),
      delaysMs: sorted.map((each) => each.delayMs),
      doubts: sorted.map((each) => each.doubt),
      claims: onceIfAlike(sorted.map((each) => each.claim)),
      begunAt: onceIfAlike(sorted.map((each) => each.begunAt)),
      sentAt: sorted.map((each) => each.sentAt),
    };
    const patience = performance.now() + WITHIN_MS;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.database.run(settleDeliveries, args);
        return sorted.length;
      } catch (error) {
        const hopeless = isUnavailable(error) ? performance.now() > Math.min(patience, this.until) : attempt >= TRIES;
        if (hopeless) {
          this.log.error({ err: error, campaign: of.campaign, n: sorted.length }, 'results could not be settled; the rescuer will decide');
          return 0;
        }
        await new Promise((resolve) => setTimeout(resolve, backoff(attempt, { firstMs: 100, maxMs: 1000 })));
      }
    }
  }
}

/** For the log: when all are alike, one of them stands for all, and need not be read 500 times. */
function onceIfAlike<Value>(values: Value[]): Value[] {
  return values.every((value) => value === values[0]) ? values.slice(0, 1) : values;
}
