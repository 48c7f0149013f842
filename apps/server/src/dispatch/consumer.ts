import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BusMessage } from '../bus/bus.js';
import type { FenceKeys } from '../campaigns/fence-keys.store.js';
import type { Channel, OutgoingDelivery, Send, SendResult } from '../channels/channel.js';
import { beginDeliveries, noteStale, settleDeliveries } from '../deliveries/deliveries.store.js';
import { backoff } from '../kit/backoff.js';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { type Database, isUnavailable } from '../store/database.js';
import type { Fence } from '../store/fence.js';
import type { Claims } from './claims.js';

export interface ConsumerOptions {
  /** How long a send may take before a rescuer takes it for lost, ms. */
  sendMs: number;
  /** When a screen that was handed its manifest and did not answer is offered it again, ms; a half more at random. */
  firstOfferMs: number;
  /** Attempts after which a delivery that keeps failing is FAILED. */
  maxAttempts: number;
}

export interface ConsumerMetrics {
  stale(count: number): void;
  sent(channel: string, outcome: SendResult['outcome'], count: number): void;
}

interface Settlement {
  id: string;
  attempt: number;
  outcome: 'SUCCESS' | 'FAILED' | 'PENDING' | 'UNKNOWN';
  reason: string | null;
  delayMs: number;
}

const SETTLE_TRIES = 6;
/** How long results wait for a database that is away, ms: a killed one has recovered by then, and no lease has run out. */
const SETTLE_WITHIN_MS = 15_000;
/** And how long they do while this process ends, ms: whoever asked it to end waits for it. */
const SETTLE_AT_THE_END_MS = 3000;
const SENDS_A_TURN = 100;

/** Takes claims off the bus: fence, begin, send each, settle. Three statements a batch, none a row. */
export class Consumer {
  private settleUntil = Number.POSITIVE_INFINITY;

  constructor(
    private readonly database: Database,
    private readonly fence: Fence,
    private readonly keys: FenceKeys,
    private readonly claims: Claims,
    private readonly channels: ReadonlyMap<string, Channel>,
    private readonly options: ConsumerOptions,
    private readonly metrics: ConsumerMetrics,
    private readonly log: Log,
  ) {}

  /** From now on results do not wait long for a database that is away: the rescuer decides on them. */
  hurry(): void {
    this.settleUntil = performance.now() + SETTLE_AT_THE_END_MS;
  }

  /** Resolves when every delivery that it began is settled, or left to the rescuer. */
  async consume(message: BusMessage): Promise<void> {
    let begun: OutgoingDelivery[] | undefined;
    try {
      await this.sendAll(message, (all) => {
        begun = all;
      });
    } catch (error) {
      // Nothing was started, so nobody needs to wait for its lease.
      if (begun === undefined) this.claims.giveBack(message.claimId);
      throw error;
    }
  }

  private async sendAll(message: BusMessage, onBegun: (all: OutgoingDelivery[]) => void): Promise<void> {
    const key = await this.keys.of(message.campaignId);
    const channel = key === undefined ? undefined : this.channels.get(key.channel);
    const send = await channel?.prepare(message.campaignId);
    if (key === undefined || channel === undefined || send === undefined) return;
    const hold = await this.fence.hold(key.lockKey);
    const results: Promise<Settlement>[] = [];
    try {
      const begun = await this.begin(message);
      onBegun(begun);
      let unasked = begun.length;
      let allAsked: () => void = () => undefined;
      const asked = new Promise<void>((resolve) => {
        allAsked = resolve;
      });
      const gate = (): boolean => {
        unasked -= 1;
        if (unasked === 0) allAsked();
        return hold.mayStart();
      };
      for (const delivery of begun) {
        results.push(this.send(channel, send, delivery, gate));
        // A whole batch in one turn of the event loop would hold up everything else for tens of milliseconds.
        if (results.length % SENDS_A_TURN === 0) await nextTurn();
      }
      // What ends without asking has started nothing, so the batch has started when either is true of each.
      await Promise.race([asked, Promise.all(results)]);
    } finally {
      await hold.release();
    }
    await this.settle(message, channel, await Promise.all(results));
  }

  private async begin(message: BusMessage): Promise<OutgoingDelivery[]> {
    const { campaignId, executionId, epoch, claimId, deliveryIds } = message;
    const begun = await this.database.run(beginDeliveries, {
      campaign: campaignId,
      execution: executionId,
      epoch,
      claim: claimId,
      ids: deliveryIds,
      sendMs: this.options.sendMs,
    });
    if (begun.length < deliveryIds.length) {
      const won = new Set(begun.map((row) => row.id));
      const stale = deliveryIds.filter((id) => !won.has(id));
      this.metrics.stale(stale.length);
      // For the feed alone: what was begun must be sent whether or not this can be told.
      await this.database
        .run(noteStale, { campaign: campaignId, epoch, ids: stale })
        .catch((error: unknown) => this.log.warn({ err: error, n: stale.length }, 'stale messages could not be told'));
    }
    return begun;
  }

  private async send(channel: Channel, send: Send, delivery: OutgoingDelivery, gate: () => boolean): Promise<Settlement> {
    const result = await send(delivery, gate).catch(
      (error: unknown): SendResult => ({ outcome: 'RETRY', reason: reasonOf(error), afterMs: 1000, ambiguous: true }),
    );
    this.metrics.sent(channel.name, result.outcome, 1);
    return { id: delivery.id, attempt: delivery.attempt, ...this.verdict(channel, delivery, result) };
  }

  /** Back to PENDING only if the failure is certain or the channel is safe; an ambiguous end on an unsafe channel is UNKNOWN. */
  private verdict(channel: Channel, delivery: OutgoingDelivery, result: SendResult): Omit<Settlement, 'id' | 'attempt'> {
    if (result.outcome === 'SUCCESS') return { outcome: 'SUCCESS', reason: null, delayMs: 0 };
    if (result.outcome === 'FAILED') return { outcome: 'FAILED', reason: result.reason, delayMs: 0 };
    if (result.outcome === 'NOT_STARTED') return { outcome: 'PENDING', reason: 'not started in time', delayMs: 0 };
    if (result.ambiguous && channel.redelivery === 'unsafe') return { outcome: 'UNKNOWN', reason: result.reason, delayMs: 0 };
    if (delivery.attempt >= this.options.maxAttempts) return { outcome: 'FAILED', reason: result.reason, delayMs: 0 };
    const delayMs = Math.max(result.afterMs, backoff(delivery.attempt, { firstMs: result.afterMs, maxMs: 60_000 }));
    return { outcome: 'PENDING', reason: result.reason, delayMs };
  }

  private async settle(message: BusMessage, channel: Channel, settlements: Settlement[]): Promise<void> {
    if (settlements.length === 0) return;
    const sorted = settlements.sort((a, b) => (a.id < b.id ? -1 : 1));
    const args = {
      campaign: message.campaignId,
      execution: message.executionId,
      epoch: message.epoch,
      claim: settlements.length === message.deliveryIds.length ? message.claimId : null,
      ids: sorted.map((each) => each.id),
      attempts: sorted.map((each) => each.attempt),
      outcomes: sorted.map((each) => each.outcome),
      reasons: sorted.map((each) => each.reason),
      delaysMs: sorted.map((each) => each.delayMs),
      firstOfferMs: channel.name === 'screen' ? this.options.firstOfferMs : null,
    };
    const patience = performance.now() + SETTLE_WITHIN_MS;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.database.run(settleDeliveries, args);
        return;
      } catch (error) {
        const hopeless = isUnavailable(error) ? performance.now() > Math.min(patience, this.settleUntil) : attempt >= SETTLE_TRIES;
        if (hopeless) {
          this.log.error(
            { err: error, campaign: message.campaignId, n: sorted.length },
            'results could not be settled; the rescuer will decide',
          );
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, backoff(attempt, { firstMs: 100, maxMs: 1000 })));
      }
    }
  }
}
