import { type ControlMessage, deviceTopic } from '@marquee/contracts';
import type { FenceKeys } from '../campaigns/fence-key.js';
import type { ManifestOf, Publish } from '../channels/screen-channel.js';
import { dueOffers, nextContact, postponeOffers, takeOffers, takeRevokes } from '../deliveries/offers.store.js';
import type { Clock } from '../kit/clock.js';
import { Loop } from '../kit/loop.js';
import type { Database } from '../store/database.js';
import type { Fence } from '../store/fence.js';

export interface ConvergerOptions {
  /** Delay before the first repetition of an offer, ms; then twice as long each time, up to maxMs. */
  firstMs: number;
  maxMs: number;
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: (error: unknown, actor: string) => void;
  /** Told how many messages a turn repeated. */
  onRepeated: (kind: 'offer' | 'revoke', count: number) => void;
}

const ROWS_A_TURN = 1000;
const PAUSED_AGAIN_MS = 10_000;

/**
 * Repeats until the screen has answered: a manifest until INSTALL_ACK or the campaign's end, a revoke until REVOKE_ACK.
 * Work goes with what is not right yet, not with the fleet.
 */
export class Converger {
  private readonly loop: Loop;

  constructor(
    private readonly database: Database,
    private readonly fence: Fence,
    private readonly keys: FenceKeys,
    private readonly publish: Publish,
    private readonly manifestOf: ManifestOf,
    private readonly clock: Clock,
    private readonly options: ConvergerOptions,
  ) {
    this.loop = new Loop({ name: 'converger', turn: () => this.turn(), onError: options.onError });
  }

  start(): void {
    this.loop.start();
  }

  wake(): void {
    this.loop.wake();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  private async turn(): Promise<number> {
    const revoked = await this.revoke();
    let due = 0;
    for (const campaign of await this.database.run(dueOffers, { most: ROWS_A_TURN })) {
      due += campaign.ids.length;
      await this.offer(campaign.campaign_id, campaign.ids);
    }
    if (revoked === ROWS_A_TURN || due === ROWS_A_TURN) return 0;
    const [next] = await this.database.run(nextContact, {});
    return Math.max(0, Math.min(this.options.pollMs, Math.ceil(next?.wait_ms ?? this.options.pollMs)));
  }

  private async offer(campaignId: string, ids: string[]): Promise<void> {
    const key = await this.keys.of(campaignId);
    const manifest = await this.manifestOf(campaignId);
    if (key === undefined || manifest === undefined) {
      await this.database.run(postponeOffers, { ids, delayMs: PAUSED_AGAIN_MS });
      return;
    }
    const { firstMs, maxMs } = this.options;
    const hold = await this.fence.hold(key.lockKey);
    let sent: Promise<void>[] = [];
    try {
      const taken = await this.database.run(takeOffers, { campaign: campaignId, ids, firstMs, maxMs, now: this.clock.now() });
      sent = taken.filter(() => hold.mayStart()).map((row) => this.publish(deviceTopic(row.recipient, 'notifications'), manifest));
    } finally {
      await hold.release();
    }
    this.options.onRepeated('offer', sent.length);
    if (sent.length < ids.length) await this.database.run(postponeOffers, { ids, delayMs: PAUSED_AGAIN_MS });
    await this.ended(sent);
  }

  private async revoke(): Promise<number> {
    const { firstMs, maxMs } = this.options;
    const due = await this.database.run(takeRevokes, { most: ROWS_A_TURN, firstMs, maxMs });
    if (due.length > 0) this.options.onRepeated('revoke', due.length);
    await this.ended(
      due.map((row) => {
        const message: ControlMessage = { type: 'revoke', campaignId: row.campaign_id };
        return this.publish(deviceTopic(row.recipient, 'control'), Buffer.from(JSON.stringify(message)));
      }),
    );
    return due.length;
  }

  /** One that failed is due again by its pace: only the first reason is told. */
  private async ended(sent: Promise<void>[]): Promise<void> {
    const failed = (await Promise.allSettled(sent)).find((result) => result.status === 'rejected');
    if (failed !== undefined) this.options.onError(failed.reason, 'converger');
  }
}
