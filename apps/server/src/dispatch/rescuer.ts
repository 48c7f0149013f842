import { rescueDeliveries } from '../deliveries/deliveries.store.js';
import type { Log } from '../kit/log.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';

export interface RescuerOptions {
  intervalMs: number;
  /** Channels whose sends may be repeated under the same key. */
  safeChannels: string[];
  onError: OnActorError;
}

const CLAIMS_A_TURN = 20;

/** Returns claims and sends whose lease ran out: what a dead worker held is done by another. */
export class Rescuer extends Actor {
  constructor(
    private readonly database: Database,
    private readonly options: RescuerOptions,
    private readonly log: Log,
  ) {
    super('rescuer', options.onError);
  }

  protected override async turn(): Promise<number> {
    const rescued = await this.database.run(rescueDeliveries, { most: CLAIMS_A_TURN, safeChannels: this.options.safeChannels });
    if (rescued.length === 0) return this.options.intervalMs;
    const n = rescued.reduce((sum, row) => sum + row.n, 0);
    this.log.warn({ n }, 'deliveries rescued from a worker that went away');
    return 0;
  }
}
