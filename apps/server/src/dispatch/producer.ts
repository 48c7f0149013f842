import { setTimeout as delay } from 'node:timers/promises';
import { campaignSchedule } from '@marquee/contracts';
import { completeOver, makeExecutions, moveSlots, nextSlotIn, takeDueSlots } from '../executions/slots.store.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import { backoff } from '../kit/backoff.js';
import type { Clock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import type { Log } from '../kit/log.js';
import { reasonOf } from '../kit/errors.js';
import type { Database, Runner } from '../store/database.js';
import type { LeaseLock } from '../store/lease-lock.js';
import type { ValuesOf } from '../store/statement.js';
import { judge, type Judgement, type Made, STILL_LIVE } from './slot-policy.js';

export interface ProducerOptions {
  /** The net below the wake-ups, ms; also how soon a clock that was set is noticed. */
  pollMs: number;
  onError: OnActorError;
}

type DueRow = ValuesOf<typeof takeDueSlots.gives>;

interface Judged {
  row: DueRow;
  judgement: Judgement;
}

const CAMPAIGNS_A_TURN = 50;
/** The lock is taken so much before the slot that taking it costs the slot nothing, ms. */
const AHEAD_MS = 25;

/**
 * Makes a new execution for each slot that is due, and sets its campaign's next one, in one transaction. Any number of producers may run:
 * the campaign's row lock and the key of campaign and slot let one of them make it; the lock by lease saves the others the look.
 */
export class Producer extends Actor {
  /** Campaigns whose schedule cannot be read here (another machine may know the zone): how often, and when to try again. */
  private readonly unreadable = new Map<string, { failures: number; until: number }>();

  constructor(
    private readonly database: Database,
    private readonly lock: Pick<LeaseLock, 'take' | 'extend' | 'release'>,
    private readonly clock: Clock,
    private readonly options: ProducerOptions,
    private readonly log: Log,
  ) {
    super('producer', options.onError);
  }

  protected override async turn(): Promise<number> {
    const waitMs = await this.nextIn();
    if (waitMs > AHEAD_MS) return waitMs - AHEAD_MS;
    const taken = await this.lock.take();
    // Whoever has it may have made them by now, or died: then they are still due when its lease has run out.
    if (taken.token === undefined) return Math.min(this.options.pollMs, Math.max(1, taken.waitMs));
    try {
      if (waitMs > 0) await delay(waitMs);
      while ((await this.make()) && (await this.lock.extend(taken.token)));
    } finally {
      await this.lock.release(taken.token);
    }
    return await this.nextIn();
  }

  /** In how many ms to look; at most the poll, so that a clock that jumps or a slot that is years away needs no care of its own. */
  private async nextIn(): Promise<number> {
    const [next] = await this.database.run(nextSlotIn, { except: this.putOff() });
    return Math.min(this.options.pollMs, Math.max(0, Math.ceil(next?.wait_ms ?? this.options.pollMs)));
  }

  /** True when more may be due. */
  private async make(): Promise<boolean> {
    return await this.database.transaction(async (transaction) => {
      const rows = await transaction.run(takeDueSlots, { except: this.putOff(), most: CAMPAIGNS_A_TURN });
      if (rows.length === 0) return false;
      const judged = rows.flatMap((row) => this.judged(row) ?? []);
      await makeAll(transaction, judged);
      const campaigns = judged.map(({ row }) => row.id);
      await transaction.run(moveSlots, { campaigns, nexts: judged.map(({ judgement }) => judgement.next) });
      await transaction.run(completeOver, { campaigns, statuses: ['ready', 'active'] });
      return true;
    });
  }

  private judged(row: DueRow): Judged | undefined {
    try {
      const schedule = row.schedule === null ? null : campaignSchedule.parse(row.schedule);
      const judgement = judge({ ...row, schedule, startAt: row.start_at, expireAt: row.expire_at });
      this.unreadable.delete(row.id);
      return { row, judgement };
    } catch (error) {
      const failures = (this.unreadable.get(row.id)?.failures ?? 0) + 1;
      const delayMs = backoff(failures, { firstMs: 1000, maxMs: 300_000 });
      this.unreadable.set(row.id, { failures, until: this.clock.monotonic() + delayMs });
      this.log.error({ campaign: row.id, reason: reasonOf(error), againInMs: delayMs }, 'the schedule of a campaign cannot be read here');
      return undefined;
    }
  }

  private putOff(): string[] {
    const now = this.clock.monotonic();
    return [...this.unreadable].filter(([, { until }]) => until > now).map(([id]) => id);
  }
}

/** Makes what was judged. What became live meanwhile, by hand, makes a slot that does not queue a skipped one. */
async function makeAll(transaction: Runner, judged: Judged[]): Promise<void> {
  const wanted = judged.flatMap(({ row, judgement }) =>
    judgement.made.map((made) => ({ id: newId(), campaign: row.id, kind: row.schedule === null ? 'auto' : 'scheduled', ...made })),
  );
  const made = new Set((await transaction.run(makeExecutions, columnsOf(wanted))).map((row) => row.id));
  const refused = wanted.filter((each) => each.state === 'NEW' && !made.has(each.id));
  if (refused.length === 0) return;
  const skipped = refused.map((each) => ({ ...each, state: 'SKIPPED' as const, reason: STILL_LIVE }));
  await transaction.run(makeExecutions, columnsOf(skipped));
}

function columnsOf(wanted: (Made & { id: string; campaign: string; kind: string })[]): ValuesOf<typeof makeExecutions.takes> {
  return {
    ids: wanted.map(({ id }) => id),
    campaigns: wanted.map(({ campaign }) => campaign),
    slots: wanted.map(({ slot }) => slot),
    states: wanted.map(({ state }) => state),
    kinds: wanted.map(({ kind }) => kind),
    queued: wanted.map(({ queued }) => queued),
    reasons: wanted.map(({ reason }) => reason),
  };
}
