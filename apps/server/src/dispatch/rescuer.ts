import { rescueDeliveries } from '../deliveries/deliveries.store.js';
import type { Log } from '../kit/log.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import { forgetDeadProcesses } from '../store/processes.js';

export interface RescuerOptions {
  intervalMs: number;
  /** Channels whose sends may be repeated under the same key. */
  safeChannels: string[];
  onError: OnActorError;
}

const CLAIMS_A_TURN = 20;
/** How often it looks who is missed, at the least, ms. */
const LOOK_MS = 500;
/** A session that broke is back sooner, ms. */
const MISSED_MS = 1500;
/** How long after a start of the database all of them have theirs again, ms. */
const AFTER_START_MS = 5000;

/** Returns claims and sends whose lease ran out, or whose process is dead: what it held is done by another. */
export class Rescuer extends Actor {
  constructor(
    private readonly database: Database,
    private readonly options: RescuerOptions,
    private readonly log: Log,
  ) {
    super('rescuer', options.onError);
  }

  protected override async turn(): Promise<number> {
    const [dead] = await this.database.run(forgetDeadProcesses, { graceMs: MISSED_MS, afterStartMs: AFTER_START_MS });
    if ((dead?.forgotten ?? 0) > 0)
      this.log.warn({ n: dead?.forgotten }, 'a process is gone without a word; what it had claimed is taken back');
    const rescued = await this.database.run(rescueDeliveries, { most: CLAIMS_A_TURN, safeChannels: this.options.safeChannels });
    if (rescued.length === 0) return Math.min(this.options.intervalMs, LOOK_MS);
    const n = rescued.reduce((sum, row) => sum + row.n, 0);
    this.log.warn({ n }, 'deliveries rescued from a worker that went away');
    return 0;
  }
}
