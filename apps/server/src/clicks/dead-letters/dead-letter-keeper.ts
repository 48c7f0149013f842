import { Actor, type OnActorError } from '../../kit/actor.js';
import type { Clock } from '../../kit/clock.js';
import type { Database } from '../../store/database.js';
import { PRUNE_STEP } from '../../store/prune.js';
import type { ConsumeOptions } from '../click-broker.js';
import { bury, type Corpse } from './dead-letters.js';
import { pruneDeadLetters } from './dead-letters.store.js';

/** A queue of dead letters: hands them out until each was kept. */
export interface DeadLetterQueue {
  consumeDead(options: ConsumeOptions, keep: (letters: Corpse[]) => Promise<void>): { stop(): Promise<void> };
}

export interface DeadLetterKeeperOptions {
  /** How long a dead letter is kept, ms. */
  keepMs: number;
  onError: OnActorError;
}

const CONSUME: ConsumeOptions = { prefetch: 500, batch: 100, waitMs: 50 };
const PRUNE_EVERY_MS = 60_000;

/**
 * Brings dead letters from the broker's queue, which forgets what is too old or too many, into the table, where they can be looked at and
 * sent again; and drops from the table those that are too old.
 */
export class DeadLetterKeeper extends Actor {
  private consumer: { stop(): Promise<void> } | undefined;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    /** Undefined where the broker keeps them in the table itself. */
    private readonly queue: DeadLetterQueue | undefined,
    private readonly keeping: DeadLetterKeeperOptions,
  ) {
    super('dead letter keeper', keeping.onError);
  }

  override start(): void {
    super.start();
    this.consumer ??= this.queue?.consumeDead(CONSUME, async (letters) => {
      await bury(this.database, letters, this.clock.now());
    });
  }

  override async stop(): Promise<void> {
    await this.consumer?.stop();
    await super.stop();
  }

  protected override async turn(): Promise<number> {
    const before = this.clock.now() - this.keeping.keepMs;
    const [result] = await this.database.run(pruneDeadLetters, { before });
    return result?.pruned === PRUNE_STEP ? 0 : PRUNE_EVERY_MS;
  }
}
