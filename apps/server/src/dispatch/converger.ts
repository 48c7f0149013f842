import type { FenceKeys } from '../campaigns/fence-keys.store.js';
import type { Send } from '../channels/channel.js';
import {
  armOffers,
  dropAnsweredOffers,
  dueOffers,
  endOfferRounds,
  nextContact,
  postponeOffers,
  renewOfferRounds,
  takeOfferRounds,
  takeOffers,
  takeRevokes,
} from '../deliveries/offers.store.js';
import type { Clock } from '../kit/clock.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import type { Fence } from '../store/fence.js';
import { askedBy } from './asked.js';

export interface ConvergerOptions {
  /** Delay before the first repetition of an offer, ms; then twice as long each time, up to maxMs. */
  firstMs: number;
  maxMs: number;
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: OnActorError;
  /** Told how many messages a turn repeated. */
  onRepeated: (kind: 'offer' | 'revoke', count: number) => void;
}

/** Prepares the manifest of a campaign to be sent to some screens; undefined when there is none. */
export interface ScreenOffers {
  prepare(batch: { campaignId: string }): Promise<Send | undefined>;
}

/** Tells one screen to drop one campaign; rejects when that could not be handed over. */
export type Revoke = (deviceId: string, campaignId: string) => Promise<void>;

const ROWS_A_TURN = 1000;
const ANSWERED_A_TURN = 2000;
const ROUNDS_A_TURN = 20;
const RENEW_MS = 60_000;
const PAUSED_AGAIN_MS = 10_000;

/**
 * Repeats until the screen has answered: a manifest until INSTALL_ACK or the campaign's end, a revoke until REVOKE_ACK.
 * Work goes with what is not right yet, not with the fleet.
 */
export class Converger extends Actor {
  private renewedAt = 0;

  constructor(
    private readonly database: Database,
    private readonly fence: Fence,
    private readonly keys: FenceKeys,
    private readonly channel: ScreenOffers,
    private readonly revoke: Revoke,
    private readonly clock: Clock,
    private readonly options: ConvergerOptions,
  ) {
    super('converger', options.onError);
  }

  protected override async turn(): Promise<number> {
    const revoked = await this.revokeDue();
    const looked = await this.lookForSilent();
    const [answered] = await this.database.run(dropAnsweredOffers, { most: ANSWERED_A_TURN });
    let due = 0;
    for (const campaign of await this.database.run(dueOffers, { most: ROWS_A_TURN })) {
      due += campaign.ids.length;
      await this.offer(campaign.campaign_id, campaign.ids);
    }
    if (revoked === ROWS_A_TURN || due === ROWS_A_TURN || answered?.dropped === ANSWERED_A_TURN || looked === ROUNDS_A_TURN) return 0;
    const [next] = await this.database.run(nextContact, {});
    return Math.max(0, Math.min(this.options.pollMs, Math.ceil(next?.wait_ms ?? this.options.pollMs)));
  }

  /** Most screens answer before their first repetition is due, so only those that did not ever get one. */
  private async lookForSilent(): Promise<number> {
    const { firstMs, maxMs } = this.options;
    if (this.clock.monotonic() - this.renewedAt > RENEW_MS) {
      this.renewedAt = this.clock.monotonic();
      await this.database.run(renewOfferRounds, { inMs: firstMs });
    }
    const rounds = await this.database.run(takeOfferRounds, { most: ROUNDS_A_TURN, againMs: firstMs });
    for (const { execution_id: execution } of rounds) {
      await this.database.run(armOffers, { execution, firstMs, maxMs });
      await this.database.run(endOfferRounds, { execution });
    }
    return rounds.length;
  }

  private async offer(campaignId: string, ids: string[]): Promise<void> {
    const key = await this.keys.of(campaignId);
    if (key === undefined) {
      await this.database.run(postponeOffers, { ids, delayMs: PAUSED_AGAIN_MS });
      return;
    }
    const { firstMs, maxMs } = this.options;
    const hold = await this.fence.hold(key.lockKey);
    let taken: { id: string; recipient: string }[];
    let sends: Promise<unknown>[] = [];
    try {
      taken = await this.database.run(takeOffers, { campaign: campaignId, ids, firstMs, maxMs, now: this.clock.now() });
      // Read after the rows were taken, so that no screen is offered an older version than the one it is taken for.
      const send = taken.length === 0 ? undefined : await this.channel.prepare({ campaignId });
      if (send !== undefined) {
        const { gate, allAsked, forget } = askedBy(taken.length, hold);
        sends = taken.map(({ id, recipient }) => send({ id, recipient, attempt: 0, unstarted: 0 }, gate));
        await Promise.race([allAsked, Promise.allSettled(sends)]).finally(forget);
      }
    } finally {
      await hold.release();
    }
    this.options.onRepeated('offer', sends.length);
    if (taken.length < ids.length) await this.database.run(postponeOffers, { ids, delayMs: PAUSED_AGAIN_MS });
    // One that failed is due again by its pace.
    await Promise.all(sends);
  }

  private async revokeDue(): Promise<number> {
    const { firstMs, maxMs } = this.options;
    const due = await this.database.run(takeRevokes, { most: ROWS_A_TURN, firstMs, maxMs });
    if (due.length > 0) this.options.onRepeated('revoke', due.length);
    const results = await Promise.allSettled(due.map((row) => this.revoke(row.recipient, row.campaign_id)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) this.options.onError(failed.reason, this.name);
    return due.length;
  }
}
