import { contactAudience, nullContent, rehearsalAudience, webhookContent } from '@marquee/contracts';
import type { z } from 'zod';
import { completeOver } from '../executions/slots.store.js';
import { lockCampaign, nextNewExecution, noteFailedStart, startExecution, takeNewExecution } from '../executions/starts.store.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import { backoff } from '../kit/backoff.js';
import { reasonOf } from '../kit/errors.js';
import { type Database, isUnavailable, isUniqueViolation } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';

export interface StarterOptions {
  /** The net below the wake-ups, ms. */
  pollMs: number;
  /** How often a start is tried before its execution is FAILED. */
  attempts: number;
  /** Before the second attempt, ms; ever longer before the later ones. */
  retryMs: number;
  onError: OnActorError;
}

type NewRow = ValuesOf<typeof takeNewExecution.gives>;

const ELSEWHERE_MS = 10;
const MOST_RETRY_MS = 60_000;
const MOST_REASON = 1000;

/** What the audience and the content of a channel must be for its executions to run. */
const WANTED: Readonly<Record<string, { audience: z.ZodType; content: z.ZodType }>> = {
  webhook: { audience: contactAudience, content: webhookContent },
  null: { audience: rehearsalAudience, content: nullContent },
};

/**
 * Runs new executions: each is taken under its row's lock, in a transaction of its own, so any number of processes may, and one that
 * cannot be started keeps its reason, is tried again ever later, and ends FAILED without holding up another.
 */
export class Starter extends Actor {
  constructor(
    private readonly database: Database,
    private readonly options: StarterOptions,
  ) {
    super('starter', options.onError);
  }

  protected override async turn(): Promise<number> {
    if (await this.startOne()) return 0;
    const [next] = await this.database.run(nextNewExecution, {});
    // One that is due and was not to be had is in another starter's hands, or its campaign in somebody's.
    return Math.min(this.options.pollMs, Math.max(ELSEWHERE_MS, Math.ceil(next?.wait_ms ?? this.options.pollMs)));
  }

  private async startOne(): Promise<boolean> {
    let taken: NewRow | undefined;
    try {
      return await this.database.transaction(async (transaction) => {
        [taken] = await transaction.run(takeNewExecution, {});
        if (taken === undefined) return false;
        const tooLate = taken.too_late_ms !== null && taken.late_ms > taken.too_late_ms;
        if (tooLate) throw new TooLate(`too late: its turn came ${taken.late_ms} ms after its moment`);
        startable(taken);
        await transaction.run(startExecution, { id: taken.id });
        return true;
      });
    } catch (error) {
      // Without the database nothing can be noted, and what was not committed did not happen.
      if (taken === undefined || isUnavailable(error)) throw error;
      // A person was quicker than one that queued: it waits on.
      if (!isUniqueViolation(error)) await this.note(taken, error);
      return true;
    }
  }

  private async note({ id, campaign_id, attempts }: NewRow, error: unknown): Promise<void> {
    const tried = attempts + 1;
    const state = error instanceof TooLate ? 'SKIPPED' : tried >= this.options.attempts ? 'FAILED' : 'NEW';
    const delayMs = backoff(tried, { firstMs: this.options.retryMs, maxMs: MOST_RETRY_MS });
    const reason = reasonOf(error).slice(0, MOST_REASON);
    await this.database.transaction(async (transaction) => {
      await transaction.run(lockCampaign, { id: campaign_id });
      await transaction.run(noteFailedStart, { id, attempts, state, reason, delayMs });
      // One that never ran waits on for a person to dispatch it.
      if (state !== 'NEW') await transaction.run(completeOver, { campaigns: [campaign_id], statuses: ['active'] });
    });
  }
}

/** Its turn came too late for its schedule. */
class TooLate extends Error {}

/** Throws with the reason why an execution cannot run: what its campaign is for, or what it sends, is not what its channel takes. */
function startable({ channel, audience, content }: NewRow): void {
  const wanted = WANTED[channel];
  if (wanted === undefined) throw new Error(`channel '${channel}' is not one that executions are started on`);
  for (const [name, schema, value] of [
    ['audience', wanted.audience, audience],
    ['content', wanted.content, content],
  ] as const) {
    const read = schema.safeParse(value);
    if (!read.success)
      throw new Error(`the campaign's ${name} cannot be read: ${read.error.issues.map((issue) => issue.message).join('; ')}`);
  }
}
