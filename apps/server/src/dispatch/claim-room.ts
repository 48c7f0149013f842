import type { Bus, BusMessage, Lane, OutsideBus, Room } from '../bus/bus.js';
import { claimsUnderWay } from '../deliveries/claims.store.js';
import type { OnActorError } from '../kit/actor.js';
import { backoff } from '../kit/backoff.js';
import type { Database } from '../store/database.js';
import type { Claims } from './claims.js';
import type { RateOf } from './dispatcher.js';

export interface ClaimRoomOptions {
  /** Most claims under way in each worker: what it takes off the bus at a time. */
  most: number;
  /** Of these for one campaign, so that its batches follow each other without a gap. */
  ofOneCampaign: number;
  /** Claims of a campaign with a rate that nobody has begun, for each worker. */
  unbegun: number;
  onError: OnActorError;
}

interface UnderWay {
  n: number;
  unbegun: number;
  paced: boolean;
}

/** How soon it is looked for room when there is none, ms; ever later while nothing changes. */
const LOOK_MS = 20;
const LAST_LOOK_MS = 200;
/** How long what was read is believed, ms. */
const FRESH_MS = 1000;
const AGAIN = { firstMs: 250, maxMs: 5000 };
const NAME = 'claim room';

/**
 * The dispatcher's side of an outside bus. Room for a claim is what the workers can take on, less what the rows say is under way: a claim that
 * waited long for a worker would lose its lease in the queue. What the bus did not take for certain is given back.
 */
export class ClaimRoom {
  private underWay = new Map<string, UnderWay>();
  private workers = 0;
  private readAt = Number.NEGATIVE_INFINITY;
  /** What was read last, and how long after it it is looked again. */
  private seen = '';
  private lookMs = LOOK_MS;
  /** What was published while the rows were read. */
  private meanwhile: { campaignId: string; paced: boolean }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private readonly publishing = new Set<Promise<void>>();
  private readonly listeners: (() => void)[] = [];
  /** Publishes that failed in a row, and until when none is tried for that. */
  private failures = 0;
  private shutUntil = Number.NEGATIVE_INFINITY;
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly bus: Pick<OutsideBus, 'publish' | 'connected' | 'onConnectionChange'>,
    private readonly claims: Claims,
    private readonly rateOf: RateOf,
    private readonly options: ClaimRoomOptions,
  ) {
    bus.onConnectionChange((connected) => {
      if (connected) this.tell();
    });
  }

  lane(lane: Lane): Bus {
    return {
      publish: (message) => this.publish(lane, message),
      room: (campaignId) => this.room(lane, campaignId),
      onRoom: (listener) => void this.listeners.push(listener),
    };
  }

  /** Resolves when what was handed to the bus has been answered. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
    await Promise.all(this.publishing);
  }

  /** Does not wait for the bus: the next batch is claimed meanwhile. */
  private publish(lane: Lane, message: BusMessage): Promise<void> {
    const paced = lane === 'paced';
    this.count(message.campaignId, paced);
    if (this.looking !== undefined) this.meanwhile.push({ campaignId: message.campaignId, paced });
    const published = this.bus
      .publish(lane, message)
      .then(
        () => {
          this.failures = 0;
        },
        async (error: unknown) => {
          this.failures += 1;
          this.shutUntil = performance.now() + backoff(this.failures, AGAIN);
          this.options.onError(error, 'bus');
          await this.claims.giveBack(message.claimId);
        },
      )
      .finally(() => this.publishing.delete(published));
    this.publishing.add(published);
    return Promise.resolve();
  }

  private count(campaignId: string, paced: boolean): void {
    const before = this.underWay.get(campaignId) ?? { n: 0, unbegun: 0, paced };
    this.underWay.set(campaignId, { n: before.n + 1, unbegun: before.unbegun + 1, paced });
  }

  private room(lane: Lane, campaignId: string): Room {
    const room = this.known(lane, campaignId);
    if (room !== 'free') this.lookSoon();
    return room;
  }

  private known(lane: Lane, campaignId: string): Room {
    const now = performance.now();
    if (!this.bus.connected || this.workers === 0 || now < this.shutUntil || now - this.readAt > FRESH_MS) return 'full';
    const { most, ofOneCampaign, unbegun } = this.options;
    const own = this.underWay.get(campaignId);
    if (lane === 'paced') return (own?.unbegun ?? 0) < unbegun * this.workers ? 'free' : 'enough';
    const total = [...this.underWay.values()].reduce((sum, { n, paced }) => (paced ? sum : sum + n), 0);
    const all = most * this.workers;
    if (total >= all) return 'full';
    // At most half of what the others have left, so that the next campaign finds room.
    const fair = Math.max(1, Math.floor((all - (total - (own?.n ?? 0))) / 2));
    return (own?.n ?? 0) < Math.min(ofOneCampaign * this.workers, fair) ? 'free' : 'enough';
  }

  /** A bus that is away says when it is back. */
  private lookSoon(): void {
    if (this.stopped || this.timer !== undefined || this.looking !== undefined || !this.bus.connected) return;
    const shut = this.shutUntil - performance.now();
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.looking = this.look().finally(() => {
          this.looking = undefined;
          this.tell();
        });
      },
      Math.max(this.lookMs, shut),
    );
  }

  private async look(): Promise<void> {
    this.meanwhile = [];
    try {
      const rows = await this.database.run(claimsUnderWay, {});
      this.underWay = new Map(
        rows.flatMap(({ campaign_id: campaignId, channel, rate_per_second: perSecond, n, unbegun }): [string, UnderWay][] =>
          campaignId === null
            ? []
            : [[campaignId, { n: n ?? 0, unbegun: unbegun ?? 0, paced: this.rateOf(perSecond, channel ?? '') !== undefined }]],
        ),
      );
      // Whether the rows that were read have them is not known; the next look says it.
      for (const { campaignId, paced } of this.meanwhile) this.count(campaignId, paced);
      this.workers = rows[0]?.workers ?? 0;
      this.readAt = performance.now();
      const seen = JSON.stringify(rows);
      this.lookMs = seen === this.seen ? Math.min(LAST_LOOK_MS, this.lookMs * 1.5) : LOOK_MS;
      this.seen = seen;
    } catch (error) {
      this.shutUntil = performance.now() + AGAIN.firstMs;
      this.options.onError(error, NAME);
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
