import { setTimeout as delay } from 'node:timers/promises';
import type { CampaignView, RetryBody } from '@marquee/contracts';
import type { Clock } from '../kit/clock.js';
import { ProblemError } from '../kit/errors.js';
import { type Database, isUniqueViolation, type Runner } from '../store/database.js';
import type { BarrierResult, Fence } from '../store/fence.js';
import { campaignView } from './campaign-view.js';
import { cancelCampaign } from './campaigns.store.js';
import {
  executionToRetry,
  pauseCampaign,
  readInterrupted,
  reopenExecution,
  resumeCampaign,
  retryDeliveries,
  rewindDeliveries,
} from './interruptions.store.js';
import { knownCampaign } from './known-campaign.js';

export interface Paused {
  paused: true;
  epoch: number;
  draining: number;
  forced?: number;
}

/** How often is looked whether the last sends have ended, ms. */
const DRAIN_LOOK_MS = 20;
const ROWS_A_STEP = 5000;
const STATES_OF = { failed: ['FAILED'], unknown: ['UNKNOWN'], ids: ['FAILED', 'UNKNOWN'] } as const;

/** Stops campaigns and lets them go on. */
export class Interruptions {
  constructor(
    private readonly database: Database,
    private readonly fence: Fence,
    private readonly clock: Clock,
  ) {}

  /**
   * Pauses and answers when no process can start a send of it any more; `draining` were begun by then and have not ended: they had
   * started, or wait for the resume. `waitMs` is how long to wait for their end. Pausing what is paused confirms it again. PAUSE_UNCONFIRMED names the holders when that could not be confirmed in
   * time: it is paused all the same; ask again. With `force` the holders' sessions are ended. CONFLICT when it is over, NOT_FOUND when
   * there is none.
   */
  async pause(id: string, { waitMs, force }: { waitMs: number; force: boolean }): Promise<Paused> {
    const [campaign] = await this.database.run(pauseCampaign, { id });
    if (campaign === undefined) throw unknownCampaign(id);
    const { lock_key, status } = campaign;
    if (status === 'completed' || status === 'cancelled') throw new ProblemError('CONFLICT', `the campaign is ${status}`);
    const barrier = confirmed(await this.fence.barrier(lock_key, () => this.interrupted(id), force), 'PAUSE_UNCONFIRMED');
    // Rule 8: what is answered was read under the lock.
    if (!barrier.read.paused) throw new ProblemError('CONFLICT', `the campaign was resumed meanwhile, or is over: ${barrier.read.status}`);
    const draining = await this.drained(id, barrier.read.draining, waitMs);
    return { paused: true, epoch: barrier.read.epoch, draining, ...(barrier.forced > 0 ? { forced: barrier.forced } : {}) };
  }

  /** Lets it go on in the next epoch: what was claimed and not begun is `rewound`. CONFLICT when it is not paused, NOT_FOUND when there is none. */
  async resume(id: string): Promise<{ resumed: true; epoch: number; rewound: number }> {
    const resumed = await this.database.transaction(async (transaction) => {
      const [row] = await transaction.run(resumeCampaign, { id });
      if (row === undefined) return undefined;
      const [rewound] = await transaction.run(rewindDeliveries, { campaign: id });
      return { resumed: true as const, epoch: row.epoch, rewound: rewound?.rewound ?? 0 };
    });
    if (resumed !== undefined) return resumed;
    const { status, paused } = await this.interrupted(id);
    throw new ProblemError('CONFLICT', paused ? `the campaign is ${status}` : 'the campaign is not paused');
  }

  /**
   * Cancels and answers when no process can start a send of it any more. CANCEL_UNCONFIRMED names the holders when that could not
   * be confirmed in time: the campaign is cancelled all the same; ask again. With `force` the holders' sessions are ended.
   */
  async cancel(id: string, force: boolean): Promise<CampaignView> {
    const [campaign] = await this.database.run(cancelCampaign, { id });
    if (campaign === undefined) throw unknownCampaign(id);
    const { lock_key } = campaign;
    const barrier = confirmed(await this.fence.barrier(lock_key, () => knownCampaign(this.database, id), force), 'CANCEL_UNCONFIRMED');
    return campaignView(barrier.read);
  }

  /**
   * Sends again what failed, or what nobody knows of, in the campaign's latest execution: by its state, or these deliveries alone.
   * Answers how many. CONFLICT while another execution runs, when it never ran, or when it is cancelled or past its end; NOT_SUPPORTED on
   * screens, which are offered theirs until they answer; NOT_FOUND when there is none.
   */
  async retry(id: string, { scope, ids }: RetryBody): Promise<{ retried: number; executionId: string }> {
    const execution = await this.executionToRetry(id);
    const states = [...STATES_OF[scope]];
    let retried = 0;
    let after = '';
    for (;;) {
      const step = await this.inTransaction(async (transaction) => {
        // Its row stays locked until these rows are counted, so nobody completes it between.
        const [reopened] = await transaction.run(reopenExecution, { execution });
        if (reopened === undefined) {
          // Cancelled meanwhile, perhaps: then that is said.
          await this.executionToRetry(id);
          throw new ProblemError('ALREADY_RUNNING', 'another execution of the campaign runs');
        }
        const [row] = await transaction.run(retryDeliveries, { execution, states, ids: ids ?? null, after, most: ROWS_A_STEP });
        return row;
      });
      retried += step?.n ?? 0;
      const last = step?.last ?? null;
      if (last === null) return { retried, executionId: execution };
      after = last;
    }
  }

  /** Of two executions that become live at the same moment one is refused by their unique key. */
  private async inTransaction<Result>(work: (transaction: Runner) => Promise<Result>): Promise<Result> {
    return await this.database.transaction(work).catch((error: unknown) => {
      if (isUniqueViolation(error)) throw new ProblemError('ALREADY_RUNNING', 'another execution of the campaign runs');
      throw error;
    });
  }

  private async executionToRetry(id: string): Promise<string> {
    const [row] = await this.database.run(executionToRetry, { campaign: id, now: this.clock.now() });
    if (row === undefined) throw unknownCampaign(id);
    if (row.channel === 'screen')
      throw new ProblemError('NOT_SUPPORTED', ['a screen is offered its campaign until it answers; there is nothing to retry']);
    if (row.status === 'cancelled') throw new ProblemError('CONFLICT', 'the campaign is cancelled');
    if (row.expired) throw new ProblemError('CONFLICT', 'the campaign is past its end');
    if (row.execution === null) throw new ProblemError('CONFLICT', 'the campaign has not run yet');
    return row.execution;
  }

  private async drained(id: string, draining: number, waitMs: number): Promise<number> {
    const until = this.clock.monotonic() + waitMs;
    let left = draining;
    while (left > 0 && this.clock.monotonic() < until) {
      await delay(DRAIN_LOOK_MS);
      left = (await this.interrupted(id)).draining;
    }
    return left;
  }

  private async interrupted(id: string) {
    const [row] = await this.database.run(readInterrupted, { id });
    if (row === undefined) throw unknownCampaign(id);
    return row;
  }
}

function unknownCampaign(id: string): ProblemError {
  return new ProblemError('NOT_FOUND', `there is no campaign ${id}`);
}

/** What was read under the lock, or the problem that says who stands in the way. */
function confirmed<T>(barrier: BarrierResult<T>, code: 'PAUSE_UNCONFIRMED' | 'CANCEL_UNCONFIRMED'): { read: T; forced: number } {
  if (barrier.confirmed) return barrier;
  const holders = barrier.holders.map((holder) => `session ${holder.pid} (${holder.application}, ${holder.sinceMs} ms)`);
  const who = holders.length > 0 ? holders.join(', ') : 'a worker';
  throw new ProblemError(code, `nothing new begins, but ${who} may still be starting a send; ask again`, { holders: barrier.holders });
}
