import type { Bus, Room } from '../bus/bus.js';
import { claimDeliveries } from '../deliveries/deliveries.store.js';
import { waitingExecutions } from '../executions/executions.store.js';
import { newId } from '../kit/ids.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import { type Database, isUnavailable } from '../store/database.js';
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

/** What keeps a rate waits for its moments on a bus of its own, where it takes no room from what only waits for room. */
export interface Buses {
  plain: Bus;
  paced: Bus;
}

/** The sends a second that a campaign cannot exceed; undefined: there is no limit. */
export type RateOf = (perSecond: number | null, channel: string) => number | undefined;

/** How much of what keeps a rate is claimed at a time, in seconds of its rate: its rows are claimed for no longer than they must be. */
const CLAIMED_S = 0.25;

interface Due {
  id: string;
  campaign_id: string;
  rate: number | undefined;
}

/**
 * Claims due deliveries batch by batch and hands them to the bus: one batch an execution in turn, highest priority first, so that a large one
 * starves none.
 */
export class Dispatcher extends Actor {
  private stopping = false;
  /** Woken since the turn began: there may be executions that it does not know. */
  private news = false;
  /** This turn, or the last, left something for which there was no room. */
  private skipped = false;
  private readonly sleepers: (() => void)[] = [];

  constructor(
    private readonly database: Database,
    private readonly buses: Buses,
    private readonly rateOf: RateOf,
    private readonly claims: Claims,
    private readonly options: DispatcherOptions,
  ) {
    super('dispatcher', options.onError);
    for (const bus of [buses.plain, buses.paced]) {
      bus.onRoom(() => {
        this.stir();
        if (this.skipped) super.wake();
      });
    }
  }

  override wake(): void {
    this.news = true;
    this.stir();
    super.wake();
  }

  override async stop(): Promise<void> {
    this.stopping = true;
    this.stir();
    await super.stop();
  }

  protected override async turn(): Promise<number> {
    this.news = false;
    this.skipped = false;
    const waiting = await this.database.run(waitingExecutions, {});
    const due: Due[] = waiting
      .filter((execution) => execution.wait_ms <= 0)
      .map(({ id, campaign_id, rate_per_second, channel }) => ({ id, campaign_id, rate: this.rateOf(rate_per_second, channel) }));
    await this.change(() => due.length === 0 || due.some((execution) => this.roomFor(execution) === 'free'));
    let claimed = 0;
    for (const execution of due) {
      // When all room is taken the next to be free is this one's; else one of low priority might wait for ever.
      await this.change(() => this.roomFor(execution) !== 'full');
      if (this.stopping) return 0;
      if (this.roomFor(execution) === 'free') claimed += await this.claim(execution);
      else this.skipped = true;
    }
    if (claimed > 0 || this.news) return 0;
    const soonest = Math.min(...waiting.map((execution) => execution.wait_ms).filter((ms) => ms > 0));
    return Math.min(this.options.pollMs, Math.ceil(soonest));
  }

  private busOf({ rate }: Due): Bus {
    return rate === undefined ? this.buses.plain : this.buses.paced;
  }

  private roomFor(execution: Due): Room {
    return this.busOf(execution).room(execution.campaign_id);
  }

  /** Resolves when it is so; sooner when there is something new to look for, or this ends. */
  private async change(isSo: () => boolean): Promise<void> {
    while (!isSo() && !this.news && !this.stopping) await new Promise<void>((resolve) => this.sleepers.push(resolve));
  }

  private stir(): void {
    for (const rouse of this.sleepers.splice(0)) rouse();
  }

  private async claim(execution: Due): Promise<number> {
    const claimId = newId();
    const { process, batch, leaseMs } = this.options;
    const { campaign_id: campaignId, id: executionId, rate = Number.POSITIVE_INFINITY } = execution;
    try {
      const rows = await this.database.run(claimDeliveries, {
        campaign: campaignId,
        execution: executionId,
        claim: claimId,
        process,
        most: Math.min(batch, Math.ceil(rate * CLAIMED_S)),
        leaseMs,
      });
      const [first] = rows;
      if (first === undefined) return 0;
      await this.busOf(execution).publish({ campaignId, executionId, epoch: first.epoch, claimId, deliveryIds: rows.map((row) => row.id) });
      return rows.length;
    } catch (error) {
      // It may have been committed all the same, or be so in a moment.
      void (isUnavailable(error) ? this.claims.giveBackLost(claimId) : this.claims.giveBack(claimId));
      throw error;
    }
  }
}
