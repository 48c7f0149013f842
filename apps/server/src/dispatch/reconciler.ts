import {
  activateCampaigns,
  completeCampaigns,
  completeDrained,
  drainedExecutions,
  lockRunning,
  nextCompletion,
} from '../executions/executions.store.js';
import { lockCampaign } from '../executions/starts.store.js';
import type { Clock } from '../kit/clock.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import { foldAllCounts } from '../store/counts.js';
import type { Database } from '../store/database.js';
import { pruneDeliveryLog } from '../store/delivery-log.js';
import { PRUNE_STEP, pruneFacts, prunePlayLogs } from '../store/prune.js';
import { pruneSlots } from '../store/rate-slots.js';

export interface ReconcilerOptions {
  intervalMs: number;
  /** How long logs of plays are kept as they came. */
  playLogKeepMs: number;
  /** How long it can be told what was done with deliveries. */
  deliveryLogKeepMs: number;
  onError: OnActorError;
}

const HOUSEKEEPING_MS = 5000;
/** With PRUNE_STEP 8,000 rows a second, more than is written; bounded, for campaigns wait meanwhile. */
const PRUNE_STEPS = 20;
const EXECUTIONS_A_TURN = 200;

/** Moves campaigns on when their deliveries have: publishing to active, active to completed at their end; and keeps house. */
export class Reconciler extends Actor {
  private housekeptAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly options: ReconcilerOptions,
  ) {
    super('reconciler', options.onError);
  }

  protected override async turn(): Promise<number> {
    const now = this.clock.now();
    await this.database.run(activateCampaigns, {});
    await this.completeDrained();
    const [next] = await this.database.run(nextCompletion, {});
    const endsAt = next?.at ?? Number.POSITIVE_INFINITY;
    if (endsAt <= now) await this.database.run(completeCampaigns, { now });
    if (this.clock.monotonic() - this.housekeptAt > HOUSEKEEPING_MS) {
      this.housekeptAt = this.clock.monotonic();
      await foldAllCounts(this.database);
      await this.prune();
    }
    return endsAt > now ? Math.min(this.options.intervalMs, endsAt - now) : 0;
  }

  private async prune(): Promise<void> {
    const { database } = this;
    const { deliveryLogKeepMs, playLogKeepMs } = this.options;
    await database.run(pruneSlots, {});
    await whileFull(() => database.run(pruneFacts, {}));
    await whileFull(() => database.run(pruneDeliveryLog, { keepMs: deliveryLogKeepMs }));
    await whileFull(() => database.run(prunePlayLogs, { keepMs: playLogKeepMs }));
  }

  private async completeDrained(): Promise<void> {
    for (const { id, campaign_id } of await this.database.run(drainedExecutions, { most: EXECUTIONS_A_TURN })) {
      // Lock first, count then: a retry that made work meanwhile is either waited for or seen.
      await this.database.transaction(async (transaction) => {
        // The campaign before it, as everybody does: whoever makes an execution holds the campaign's row.
        await transaction.run(lockCampaign, { id: campaign_id });
        const [locked] = await transaction.run(lockRunning, { id });
        if (locked !== undefined) await transaction.run(completeDrained, { id });
      });
    }
  }
}

async function whileFull(step: () => Promise<{ pruned: number }[]>): Promise<void> {
  for (let steps = 0; steps < PRUNE_STEPS; steps += 1) {
    const [done] = await step();
    if ((done?.pruned ?? 0) < PRUNE_STEP) return;
  }
}
