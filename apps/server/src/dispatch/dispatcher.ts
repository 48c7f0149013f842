import type { Bus } from '../bus/bus.js';
import { claimDeliveries } from '../deliveries/deliveries.store.js';
import { waitingExecutions } from '../executions/executions.store.js';
import { newId } from '../kit/ids.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import type { Claims } from './claims.js';

export interface DispatcherOptions {
  /** The number of this process: its claims need not wait for their leases when it is dead. */
  process: number | null;
  batch: number;
  leaseMs: number;
  /** The net below the wake-ups: how long nothing is looked for at the most, ms. */
  pollMs: number;
  onError: OnActorError;
}

/** Claims due deliveries batch by batch and hands them to the bus: one batch an execution in turn, so that a large one starves none. */
export class Dispatcher extends Actor {
  private stopping = false;

  constructor(
    private readonly database: Database,
    private readonly bus: Bus,
    private readonly claims: Claims,
    private readonly options: DispatcherOptions,
  ) {
    super('dispatcher', options.onError);
  }

  override async stop(): Promise<void> {
    this.stopping = true;
    await super.stop();
  }

  protected override async turn(): Promise<number> {
    const waiting = await this.database.run(waitingExecutions, {});
    let claimed = 0;
    for (const execution of waiting) {
      if (execution.wait_ms > 0) continue;
      await this.bus.room();
      if (this.stopping) return 0;
      claimed += await this.claim(execution.campaign_id, execution.id);
    }
    if (claimed > 0) return 0;
    const soonest = Math.min(...waiting.map((execution) => execution.wait_ms).filter((ms) => ms > 0));
    return Math.min(this.options.pollMs, Math.ceil(soonest));
  }

  private async claim(campaignId: string, executionId: string): Promise<number> {
    const claimId = newId();
    const { process, batch, leaseMs } = this.options;
    try {
      const rows = await this.database.run(claimDeliveries, {
        campaign: campaignId,
        execution: executionId,
        claim: claimId,
        process,
        most: batch,
        leaseMs,
      });
      const [first] = rows;
      if (first === undefined) return 0;
      await this.bus.publish({ campaignId, executionId, epoch: first.epoch, claimId, deliveryIds: rows.map((row) => row.id) });
      return rows.length;
    } catch (error) {
      // It may have been committed all the same.
      void this.claims.giveBack(claimId);
      throw error;
    }
  }
}
