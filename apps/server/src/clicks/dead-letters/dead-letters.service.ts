import type { DeadLetter, DeadLetterChoice, DeadLetterRow, Page } from '@marquee/contracts';
import type { Clock } from '../../kit/clock.js';
import { errorCode, ProblemError } from '../../kit/errors.js';
import { decodeCursor, pageOf } from '../../kit/paging.js';
import type { Database } from '../../store/database.js';
import type { ValuesOf } from '../../store/statement.js';
import {
  askForReplay,
  countDeadLetters,
  findDeadLetter,
  listDeadLetters,
  purgeDeadLetters,
  redriveDeadLetters,
} from './dead-letters.store.js';

/** How many one statement moves: about 50 ms of locks. */
const BATCH = 1000;
const DEADLOCK_DETECTED = '40P01';
const MOST_DEADLOCKS = 3;

/** The clicks that nobody could count: to be seen, sent back into the queue, or forgotten. Works in every process that has the database. */
export class DeadLetters {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly batch = BATCH,
  ) {}

  /** The newest first. */
  async list({ offset, limit, cursor }: { offset: number; limit: number; cursor?: string | undefined }): Promise<Page<DeadLetterRow>> {
    const after = decodeCursor(cursor, (id) => /^\d{1,15}$/.test(id));
    const [rows, [counted]] = await Promise.all([
      this.database.run(listDeadLetters, {
        before: after === undefined ? Number.MAX_SAFE_INTEGER : Number(after),
        skip: after === undefined ? offset : 0,
        most: limit + 1,
      }),
      this.database.run(countDeadLetters, {}),
    ]);
    return pageOf(rows, { total: counted?.n ?? 0, offset, limit }, viewOf, ({ id }) => String(id));
  }

  /** NOT_FOUND when there is none of this number; one that was sent back is none any more. */
  async get(id: number): Promise<DeadLetter> {
    const [found] = await this.database.run(findDeadLetter, { id });
    if (found === undefined) throw new ProblemError('NOT_FOUND', 'There is no such dead letter');
    return { ...viewOf(found), body: found.body };
  }

  /**
   * Sends the chosen back into the queue, as far as they are there: whoever replays the fallback publishes them, and keeps them until the broker has
   * confirmed. Answers how many. A process that dies on the way has sent some of them, and none is lost.
   */
  async redrive(choice: DeadLetterChoice): Promise<number> {
    return await this.move(choice, (some) => this.database.run(redriveDeadLetters, { ...some, now: this.clock.now() }));
  }

  /** Forgets the chosen, as far as they are there; in the ledger they stay dead. Answers how many. */
  async purge(choice: DeadLetterChoice): Promise<number> {
    return await this.move(choice, (some) => this.database.run(purgeDeadLetters, some));
  }

  /** Wakes whoever replays the fallback, in whatever process. */
  async askForReplay(): Promise<void> {
    await this.database.run(askForReplay, {});
  }

  /** What dies meanwhile is left alone: it was not there when it was asked. */
  private async move(
    choice: DeadLetterChoice,
    some: (chosen: {
      ids: number[] | null;
      after: number;
      upTo: number;
      most: number;
    }) => Promise<{ moved: number; last: number | null }[]>,
  ): Promise<number> {
    const ids = 'ids' in choice ? choice.ids : null;
    const upTo = ids === null ? ((await this.database.run(countDeadLetters, {}))[0]?.last ?? 0) : Math.max(...ids);
    let moved = 0;
    for (let after = 0; after < upTo; ) {
      const [done] = await this.withoutDeadlock(() => some({ ids, after, upTo, most: this.batch }));
      moved += done?.moved ?? 0;
      after = done?.last ?? upTo;
    }
    return moved;
  }

  /** The victim of a deadlock has changed nothing: one with a consumer that gets the same click again. */
  private async withoutDeadlock<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let deadlocks = 0; ; deadlocks += 1) {
      try {
        return await work();
      } catch (error) {
        if (errorCode(error) !== DEADLOCK_DETECTED || deadlocks === MOST_DEADLOCKS) throw error;
      }
    }
  }
}

function viewOf({ id, message_id: messageId, reason, dead_at: deadAt, redriven }: ValuesOf<typeof listDeadLetters.gives>): DeadLetterRow {
  return { id, messageId, reason, deadAt, redriven };
}
