import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OnUnknown } from '@marquee/contracts';
import type { BusMessage } from '../bus/bus.js';
import type { FenceKey, FenceKeys } from '../campaigns/fence-keys.store.js';
import type { Channel, OutgoingDelivery, Send, SendResult, StartGate } from '../channels/channel.js';
import { beginDeliveries, noteStale } from '../deliveries/deliveries.store.js';
import { backoff } from '../kit/backoff.js';
import { systemClock } from '../kit/clock.js';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { Permits } from '../kit/permits.js';
import type { Database } from '../store/database.js';
import type { Fence } from '../store/fence.js';
import { askedBy } from './asked.js';
import type { Claims } from './claims.js';
import { type Halt, Halts } from './halts.js';
import { type Limit, type Pacer, stretches } from './pacer.js';
import { type Settlement, Settler } from './settler.js';

export interface ConsumerOptions {
  /** The number of this process: what it has begun need not wait for its lease when it is dead. */
  process: number | null;
  /** How long a send may take before a rescuer takes it for lost, ms. */
  sendMs: number;
  /** When a screen that was handed its manifest and did not answer is offered it again, ms; a half more at random. */
  firstOfferMs: number;
}

export interface ConsumerMetrics {
  stale(count: number): void;
  sent(channel: string, outcome: SendResult['outcome'], count: number): void;
}

const SENDS_A_TURN = 100;
/** When what was given back is claimed again: after a failure, and where there was nothing to send, ms. */
const AGAIN_MS = 250;
const NOTHING_TO_SEND_MS = 5000;

/** How long a claim waits for a good part of its channel's places to be free before it takes a few, ms. */
const SLICE_PATIENCE_MS = 50;

/** What the sends of one claim share. */
interface Batch {
  message: BusMessage;
  /** Those of its deliveries that are in no slice yet. */
  rest: string[];
  key: FenceKey;
  channel: Channel;
  send: Send;
  permits: Permits;
  /** Undefined: they need no pace. */
  limit: Limit | undefined;
  halt: Halt;
  /** Of a slice of it nothing began: its campaign is paused or over, the claim somebody else's, or the database away. */
  bounced: boolean;
}

/** Some deliveries of a claim, and where they need a pace the moments (monotonic) at which they may start. */
interface Slice {
  ids: string[];
  times: readonly number[] | undefined;
}

/**
 * Takes claims off the bus and begins of each as many rows as its channel has places: fence, begin, send each, settle. Three statements
 * a slice, none a row; where the channel has no bound the slice is the whole claim.
 */
export class Consumer {
  private ending = false;
  private readonly permits = new Map<Channel, Permits>();
  private readonly settler: Settler;
  private readonly halts = new Halts();

  constructor(
    private readonly database: Database,
    private readonly fence: Fence,
    private readonly keys: FenceKeys,
    private readonly claims: Claims,
    private readonly channels: ReadonlyMap<string, Channel>,
    private readonly pacer: Pacer,
    private readonly options: ConsumerOptions,
    private readonly metrics: ConsumerMetrics,
    private readonly log: Log,
  ) {
    this.settler = new Settler(database, log);
  }

  /**
   * From now on nothing more of its claims is begun: what is left is given back once what has begun is settled. Results do not wait long for a
   * database that is away: the rescuer decides on them.
   */
  hurry(): void {
    this.ending = true;
    this.settler.hurry();
  }

  /**
   * A campaign was paused or cancelled in an epoch, says the notification `campaign:epoch`: what has not started of its claims of that epoch
   * does not start, and its lock is let go at once.
   */
  callOff(notification = ''): void {
    const [campaignId = '', epoch = ''] = notification.split(':');
    if (epoch !== '') this.halts.callOff(campaignId, Number(epoch));
  }

  /**
   * Resolves when every delivery that it began is settled, or left to the rescuer. Calls `started` before, when only results are awaited, of
   * what keeps a rate: how fast results come shall not change that.
   */
  async consume(message: BusMessage, started: () => void = () => undefined): Promise<void> {
    const halt = this.halts.enter(message.campaignId, message.epoch);
    try {
      await this.consumeSlices(message, halt, started);
    } catch (error) {
      // Nobody needs to wait for the lease of what was not begun.
      await this.claims.giveBack(message.claimId, AGAIN_MS);
      throw error;
    } finally {
      halt.leave();
    }
  }

  private async consumeSlices(message: BusMessage, halt: Halt, onStarted: () => void): Promise<void> {
    const key = await this.keys.of(message.campaignId);
    const channel = key === undefined ? undefined : this.channels.get(key.channel);
    const send = await channel?.prepare(message);
    // Nothing to send yet, or nobody here who could: a worker of a newer version may.
    if (key === undefined || channel === undefined || send === undefined)
      return await this.claims.giveBack(message.claimId, NOTHING_TO_SEND_MS);
    const limit = this.pacer.limitOf(message.campaignId, key.ratePerSecond, key.channel);
    const rest = [...message.deliveryIds];
    const batch: Batch = { message, rest, key, channel, send, permits: this.permitsOf(channel), limit, halt, bounced: false };
    const slices: Promise<number>[] = [];
    const starting: Promise<void>[] = [];
    const failures: unknown[] = [];
    try {
      for await (const slice of limit === undefined ? this.slices(batch) : this.pacedSlices(batch, limit)) {
        starting.push(
          new Promise((resolve) => {
            const work = this.sendSlice(batch, slice, resolve).catch((error: unknown) => {
              batch.bounced = true;
              failures.push(error);
              return 0;
            });
            slices.push(work);
          }),
        );
      }
      if (limit !== undefined) void Promise.all(starting).then(onStarted);
    } finally {
      // All of them, also when one fails or no more can be begun: until then some of it may still start.
      await Promise.all(slices);
    }
    if (failures.length > 0) throw failures[0];
    if (rest.length > 0 && !batch.bounced) await this.claims.giveBack(message.claimId);
    const settled = (await Promise.all(slices)).reduce((sum, n) => sum + n, 0);
    // A slice that is all of it ended it itself. Of a message that came twice others may have begun the rest.
    if (settled > 0 && (slices.length > 1 || settled < message.deliveryIds.length)) await this.claims.end(message.claimId);
  }

  /** As many as there are places, at once. */
  private async *slices(batch: Batch): AsyncGenerator<Slice> {
    const { message, rest, permits } = batch;
    while (rest.length > 0 && !batch.bounced) {
      const places = await permits.take(message.campaignId, rest.length);
      if (this.ending) return permits.give(message.campaignId, places);
      yield { ids: rest.splice(0, places), times: undefined };
    }
  }

  /**
   * Those that have a place get moments, and come when it is time to prepare them: until then no lock is held, and a pause finds nobody. A
   * place is taken before the moments, so that a receiver that is slow burns none.
   */
  private async *pacedSlices(batch: Batch, limit: Limit): AsyncGenerator<Slice> {
    const { message, rest, permits } = batch;
    while (rest.length > 0 && !batch.bounced && !this.ending) {
      let held = await permits.take(message.campaignId, Math.min(rest.length, this.pacer.blockOf(limit)));
      try {
        const reserved = await this.pacer.reserve(limit, held);
        if ('waitMs' in reserved) {
          permits.give(message.campaignId, held);
          held = 0;
          await this.pacer.pause(reserved.waitMs);
          continue;
        }
        for (const times of stretches(reserved.times)) {
          await this.pacer.timeToPrepare(times[0] ?? 0);
          if (batch.bounced || this.ending) break;
          // Too late for all of it: these moments are lost, and its deliveries get others.
          if (this.pacer.isOver(times.at(-1) ?? 0)) continue;
          held -= times.length;
          yield { ids: rest.splice(0, times.length), times };
        }
      } finally {
        permits.give(message.campaignId, held);
      }
    }
  }

  private permitsOf(channel: Channel): Permits {
    const known = this.permits.get(channel);
    if (known !== undefined) return known;
    const permits = new Permits(channel.slots, SLICE_PATIENCE_MS);
    this.permits.set(channel, permits);
    return permits;
  }

  /** Answers how many were settled; calls `started` when all that will be sent of it has started. */
  private async sendSlice(batch: Batch, { ids, times }: Slice, started: () => void): Promise<number> {
    const { channel, permits, message } = batch;
    let held = ids.length;
    const giveBack = (count: number): void => {
      held -= count;
      permits.give(message.campaignId, count);
    };
    const results: Promise<Settlement>[] = [];
    let begun: OutgoingDelivery[] = [];
    let forget: () => void = () => undefined;
    try {
      // Nothing of it would begin, and the lock would only keep the next in the queue for it waiting.
      if (batch.halt.called) {
        batch.bounced = true;
        await this.noteStale(message, ids, begun);
        return 0;
      }
      const asked = performance.now();
      const hold = await this.fence.hold(batch.key.lockKey);
      try {
        begun = await this.begin(message, ids);
        const begunAt = systemClock.now();
        batch.bounced ||= begun.length === 0;
        giveBack(ids.length - begun.length);
        const { gate, allAsked, ...asking } = askedBy(begun.length, hold, batch.halt);
        forget = asking.forget;
        const start = (delivery: OutgoingDelivery, mayStart: StartGate): void => {
          results.push(this.send(batch, delivery, begunAt, mayStart).finally(() => giveBack(1)));
        };
        let handed: number;
        if (batch.limit !== undefined && times !== undefined) {
          this.pacer.prepared(performance.now() - asked);
          handed = await this.startPaced(batch.limit, batch.halt, begun, times, gate, start);
        } else handed = await startAtOnce(batch.halt, begun, gate, start);
        for (const delivery of begun.slice(handed)) results.push(this.leave(batch, delivery, begunAt).finally(() => giveBack(1)));
        // What ends without asking has started nothing, so the slice has started when either is true of each.
        await Promise.race([allAsked, Promise.all(results)]);
      } finally {
        forget();
        await hold.release();
      }
      started();
      const told = this.noteStale(message, ids, begun);
      const settled = await this.settle(message, channel, await Promise.all(results));
      await told;
      return settled;
    } finally {
      started();
      giveBack(held);
    }
  }

  /** Starts each at a moment of its own, until it is called off; those for which none is left do not start. Answers how many it handed over. */
  private async startPaced(
    { lateness }: Limit,
    halt: Halt,
    begun: readonly OutgoingDelivery[],
    times: readonly number[],
    gate: StartGate,
    start: (delivery: OutgoingDelivery, mayStart: StartGate) => void,
  ): Promise<number> {
    const moments = [...times];
    for (const [index, delivery] of begun.entries()) {
      while (moments[0] !== undefined && this.pacer.isOver(moments[0])) moments.shift();
      const moment = moments.shift();
      if (moment !== undefined) await Promise.race([this.pacer.until(moment), halt.call]);
      if (halt.called) return index;
      start(delivery, () => gate() && moment !== undefined && lateness.allows(moment));
    }
    return begun.length;
  }

  private async begin(message: BusMessage, ids: string[]): Promise<OutgoingDelivery[]> {
    const { campaignId, executionId, epoch, claimId } = message;
    const begun = await this.database.run(beginDeliveries, {
      campaign: campaignId,
      execution: executionId,
      epoch,
      claim: claimId,
      process: this.options.process,
      ids,
      sendMs: this.options.sendMs,
    });
    return begun;
  }

  /** For the feed alone: what was begun is sent whether or not this can be told. */
  private async noteStale({ campaignId, epoch }: BusMessage, ids: readonly string[], begun: readonly { id: string }[]): Promise<void> {
    if (begun.length === ids.length) return;
    const won = new Set(begun.map((row) => row.id));
    const stale = ids.filter((id) => !won.has(id));
    this.metrics.stale(stale.length);
    await this.database
      .run(noteStale, { campaign: campaignId, epoch, ids: stale })
      .catch((error: unknown) => this.log.warn({ err: error, n: stale.length }, 'stale messages could not be told'));
  }

  /** Called off before its channel was asked for it. */
  private leave(batch: Batch, delivery: OutgoingDelivery, begunAt: number): Promise<Settlement> {
    const notStarted = { ...batch, send: (): Promise<SendResult> => Promise.resolve({ outcome: 'NOT_STARTED' }) };
    return this.send(notStarted, delivery, begunAt, () => false);
  }

  private async send(
    { message, channel, key, send }: Batch,
    delivery: OutgoingDelivery,
    begunAt: number,
    gate: StartGate,
  ): Promise<Settlement> {
    let sentAt: number | null = null;
    const stamped: StartGate = () => {
      const mayStart = gate();
      if (mayStart) sentAt = systemClock.now();
      return mayStart;
    };
    const result = await send(delivery, stamped).catch(
      (error: unknown): SendResult => ({ outcome: 'RETRY', reason: reasonOf(error), afterMs: 1000, ambiguous: true }),
    );
    this.metrics.sent(channel.name, result.outcome, 1);
    const whose = { id: delivery.id, attempt: delivery.attempt, claim: message.claimId, begunAt, sentAt };
    return { ...whose, ...verdict(channel, key.onUnknown, delivery, result) };
  }

  /** Answers how many were settled; 0 when the rescuer will decide on them. */
  private settle(message: BusMessage, channel: Channel, settlements: readonly Settlement[]): Promise<number> {
    const whose = {
      campaign: message.campaignId,
      execution: message.executionId,
      epoch: message.epoch,
      claim: settlements.length === message.deliveryIds.length ? message.claimId : null,
      firstOfferMs: channel.name === 'screen' ? this.options.firstOfferMs : null,
    };
    return this.settler.settle(whose, settlements);
  }
}

async function startAtOnce(
  halt: Halt,
  begun: readonly OutgoingDelivery[],
  gate: StartGate,
  start: (delivery: OutgoingDelivery, mayStart: StartGate) => void,
): Promise<number> {
  for (const [index, delivery] of begun.entries()) {
    if (halt.called) return index;
    start(delivery, gate);
    // A whole batch in one turn of the event loop would hold up everything else for tens of milliseconds.
    if ((index + 1) % SENDS_A_TURN === 0) await nextTurn();
  }
  return begun.length;
}

const OF_UNKNOWN = { hold: 'UNKNOWN', fail: 'FAILED' } as const;

/** Back to PENDING only if the failure is certain or the channel is safe; an ambiguous end on an unsafe channel is as the campaign says. */
function verdict(
  channel: Channel,
  onUnknown: OnUnknown,
  delivery: OutgoingDelivery,
  result: SendResult,
): Pick<Settlement, 'outcome' | 'reason' | 'delayMs' | 'doubt'> {
  const certain = { delayMs: 0, doubt: false };
  if (result.outcome === 'SUCCESS') return { outcome: 'SUCCESS', reason: null, ...certain };
  if (result.outcome === 'FAILED') return { outcome: 'FAILED', reason: result.reason, ...certain };
  if (result.outcome === 'NOT_STARTED') return { outcome: 'NOT_STARTED', reason: 'not started in time', ...certain };
  const { reason, afterMs, ambiguous: doubt } = result;
  const unknown = doubt && channel.redelivery === 'unsafe';
  if (unknown && onUnknown !== 'retry') return { outcome: OF_UNKNOWN[onUnknown], reason, delayMs: 0, doubt };
  const tries = delivery.attempt - delivery.unstarted;
  if (tries >= channel.maxAttempts) return { outcome: unknown ? 'UNKNOWN' : 'FAILED', reason, delayMs: 0, doubt };
  return { outcome: 'PENDING', reason, delayMs: Math.max(afterMs, backoff(tries, { firstMs: afterMs, maxMs: 60_000 })), doubt };
}
