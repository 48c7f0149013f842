import { setTimeout as delay } from 'node:timers/promises';
import { Actor, type OnActorError } from '../../kit/actor.js';
import { backoff } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import type { Database } from '../../store/database.js';
import type { ValuesOf } from '../../store/statement.js';
import type { ConsumeOptions, Decision, Delivered } from '../click-broker.js';
import { buryIn, type Corpse } from '../dead-letters/dead-letters.js';
import { claimClicks, dropClicks, dropDeadClicks, returnClicks } from './click-queue.store.js';

export interface QueueTakerOptions extends ConsumeOptions {
  /** How long a batch may take until another consumer gets it too, ms. */
  leaseMs: number;
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: OnActorError;
}

type Claimed = ValuesOf<typeof claimClicks.gives>;

/** How often it looks for messages behind which it has taken others: given back, or committed late. */
const LOOK_BACK_MS = 250;
/** Soon enough after the last batch that a publisher need not tell of each insert. */
const SOON_MS = 25;
const AGAIN = { firstMs: 100, maxMs: 5000 };

/** One consumer of the queue: claims batches, has them handled, several at once, and answers for them. */
export class QueueTaker extends Actor {
  private readonly handling = new Set<Promise<void>>();
  /** Messages handed out and not answered. */
  private out = 0;
  private after = 0;
  private lookedBackAt = Number.NEGATIVE_INFINITY;
  private lastWasFull = false;
  private rejected = 0;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly handle: (batch: Delivered[]) => Promise<Decision[]>,
    private readonly taking: QueueTakerOptions,
  ) {
    super('click queue', taking.onError);
  }

  override async stop(): Promise<void> {
    await super.stop();
    await Promise.all(this.handling);
  }

  protected override async turn(): Promise<number> {
    const { prefetch, batch, waitMs, pollMs } = this.taking;
    const most = Math.min(batch, prefetch);
    // Whoever ends a batch wakes it.
    if (this.out + most > prefetch) return pollMs;
    if (!this.lastWasFull && waitMs > 0) await delay(waitMs);
    const claimed = await this.claim(most);
    this.lastWasFull = claimed.length === most;
    if (claimed.length === 0) return pollMs;
    this.begin(claimed);
    return this.lastWasFull ? 0 : Math.max(0, SOON_MS - waitMs);
  }

  /** Behind what it took last, so that a claim need not step over all that is taken, or gone and not vacuumed yet. */
  private async claim(most: number): Promise<Claimed[]> {
    const now = this.clock.monotonic();
    if (now - this.lookedBackAt < LOOK_BACK_MS) {
      const next = await this.claimAfter(this.after, most);
      if (next.length > 0) return next;
    }
    this.lookedBackAt = now;
    return await this.claimAfter(0, most);
  }

  private async claimAfter(after: number, most: number): Promise<Claimed[]> {
    const claimed = await this.database.run(claimClicks, { after, most, leaseMs: this.taking.leaseMs });
    for (const { id } of claimed) this.after = Math.max(this.after, id);
    return claimed;
  }

  private begin(claimed: Claimed[]): void {
    this.out += claimed.length;
    const handling = this.process(claimed).finally(() => {
      this.handling.delete(handling);
      this.out -= claimed.length;
      this.wake();
    });
    this.handling.add(handling);
  }

  private async process(claimed: Claimed[]): Promise<void> {
    try {
      await this.settle(claimed, await this.decide(claimed));
    } catch (error) {
      // Nothing was answered for: they come again when their time is over.
      this.taking.onError(error, this.name);
    }
  }

  private async decide(claimed: Claimed[]): Promise<Decision[]> {
    try {
      const decisions = await this.handle(claimed);
      if (decisions.length !== claimed.length) throw new Error(`${claimed.length} clicks were answered by ${decisions.length} decisions`);
      this.rejected = 0;
      return decisions;
    } catch (error) {
      this.rejected += 1;
      this.taking.onError(error, this.name);
      return claimed.map(() => 'again');
    }
  }

  private async settle(claimed: Claimed[], decisions: Decision[]): Promise<void> {
    const [done, again, dead]: [number[], Claimed[], (Claimed & Corpse)[]] = [[], [], []];
    for (const [index, message] of claimed.entries()) {
      const decision = decisions[index] ?? 'again';
      if (decision === 'done') done.push(message.id);
      else if (decision === 'again') again.push(message);
      else dead.push({ ...message, reason: decision.dead });
    }
    if (done.length > 0) await this.database.run(dropClicks, { ids: done, lowest: Math.min(...done), highest: Math.max(...done) });
    if (again.length > 0) {
      await this.database.run(returnClicks, {
        ids: again.map(({ id }) => id),
        tries: again.map(({ tries }) => tries),
        delaysMs: again.map(({ tries }) => backoff(Math.max(tries, this.rejected), AGAIN)),
      });
    }
    if (dead.length > 0) await this.bury(dead);
  }

  /** In one transaction: it is in the queue or among the dead letters, never in both or neither. */
  private async bury(dead: (Claimed & Corpse)[]): Promise<void> {
    await this.database.transaction(async (runner) => {
      const ids = dead.map(({ id }) => id);
      const dropped = await runner.run(dropDeadClicks, { ids, tries: dead.map(({ tries }) => tries) });
      const own = new Set(dropped.map(({ id }) => id));
      await buryIn(
        runner,
        dead.filter(({ id }) => own.has(id)),
        this.clock.now(),
      );
    });
  }
}
