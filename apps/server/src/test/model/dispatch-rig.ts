import { expect } from 'vitest';
import type { BusMessage } from '../../bus/bus.js';
import { FenceKeys } from '../../campaigns/fence-keys.store.js';
import { Interruptions } from '../../campaigns/interruptions.service.js';
import type { Channel, OutgoingDelivery, Send, SendResult } from '../../channels/channel.js';
import { claimDeliveries, rescueDeliveries } from '../../deliveries/deliveries.store.js';
import { Claims } from '../../dispatch/claims.js';
import { Consumer } from '../../dispatch/consumer.js';
import { Pacer } from '../../dispatch/pacer.js';
import { Reconciler } from '../../dispatch/reconciler.js';
import { Sweeper } from '../../dispatch/sweeper.js';
import { type Clock, systemClock } from '../../kit/clock.js';
import { ProblemError } from '../../kit/errors.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import { Fence, type Hold } from '../../store/fence.js';
import { Outbox } from '../../store/outbox.js';
import { countsOf, runningCampaign, statesOf, type TestCampaign, type TestStore } from '../support/store.js';
import { DispatchModel } from './dispatch-model.js';

const LEASE_MS = 30_000;
export const DELIVERIES = 4;

/** A send that has started: what happens to it is up to the test. */
interface Effect {
  id: string;
  attempt: number;
  run: Run;
  result: SendResult | undefined;
  end: (result: SendResult) => void;
}

/** One message in a consumer's hands. */
interface Run {
  message: BusMessage;
  effects: Effect[];
  unstarted: OutgoingDelivery[];
  done: Promise<void>;
  released: Promise<void>;
}

class SteppedSweeper extends Sweeper {
  step(): Promise<number> {
    return this.turn();
  }
}

class SteppedReconciler extends Reconciler {
  step(): Promise<number> {
    return this.turn();
  }
}

/** A fence that says when what was held last is given back. */
export class WatchedFence extends Fence {
  released: Promise<void> = Promise.resolve();

  override async hold(lockKey: number): Promise<Hold> {
    const hold = await super.hold(lockKey);
    let told: () => void = () => undefined;
    this.released = new Promise((resolve) => {
      told = resolve;
    });
    return { mayStart: () => hold.mayStart(), release: () => hold.release().then(told) };
  }
}

/** A clock that the test sets forward. */
export class SetClock implements Clock {
  private ahead = 0;

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic() + this.ahead;
  }

  forward(ms: number): void {
    this.ahead += ms;
  }
}

/** The engine over a real database, with a bus and a channel that do what the test says, beside the model of what it should do. */
export class DispatchRig {
  readonly bus: BusMessage[] = [];
  readonly effects: Effect[] = [];
  private readonly frozen: { run: Run; thaws: (() => void)[]; released: boolean }[] = [];
  private run: Run | undefined;
  private isFreezing = false;
  private arrived: () => void = () => undefined;
  private pauseAnswered = false;
  private cancelAnswered = false;
  private readonly consumer: Consumer;
  private readonly interruptions: Interruptions;
  private readonly sweeper: SteppedSweeper;
  private readonly reconciler: SteppedReconciler;

  private constructor(
    private readonly store: TestStore,
    private readonly test: TestCampaign,
    private readonly fence: WatchedFence,
    private readonly clock: SetClock,
    readonly model: DispatchModel,
    private readonly safe: boolean,
  ) {
    const { database } = store;
    const onError = (error: unknown): never => {
      throw error;
    };
    this.consumer = new Consumer(
      database,
      fence,
      new FenceKeys(database),
      new Claims(database, LEASE_MS, onError),
      new Map([['webhook', this.channel()]]),
      new Pacer(database, systemClock, new Map()),
      { process: null, sendMs: 20_000, firstOfferMs: 10_000 },
      { stale: () => undefined, sent: () => undefined },
      silentLog,
    );
    this.interruptions = new Interruptions(database, fence, this.clock);
    this.sweeper = new SteppedSweeper(database, new Outbox(10_000), { pollMs: 1000, onError });
    this.reconciler = new SteppedReconciler(database, this.clock, {
      intervalMs: 1000,
      playLogKeepMs: 1e9,
      deliveryLogKeepMs: 1e9,
      onError,
    });
  }

  static async open(store: TestStore, clock: SetClock, fence: WatchedFence, safe: boolean): Promise<DispatchRig> {
    const test = await runningCampaign(store, DELIVERIES, 'active');
    await store.sql(`update campaigns set channel = 'webhook', content = '{"url": "http://127.0.0.1"}' where id = $1`, [test.campaign]);
    const rows = await store.sql<{ id: string }>('select id from deliveries where execution_id = $1', [test.execution]);
    const model = new DispatchModel(
      rows.map((row) => row.id),
      safe,
    );
    return new DispatchRig(store, test, fence, clock, model, safe);
  }

  async claim(most: number): Promise<void> {
    const { campaign, execution } = this.test;
    const claimId = newId();
    const rows = await this.store.database.run(claimDeliveries, {
      campaign,
      execution,
      claim: claimId,
      process: null,
      most,
      leaseMs: LEASE_MS,
    });
    expect(rows).toHaveLength(this.model.runs ? Math.min(most, this.model.of('PENDING').length) : 0);
    const [first] = rows;
    if (first === undefined) return;
    const deliveryIds = rows.map((row) => row.id);
    expect(first.epoch).toBe(this.model.epoch);
    this.model.claim(deliveryIds, claimId);
    this.bus.push({ campaignId: campaign, executionId: execution, epoch: first.epoch, claimId, deliveryIds });
  }

  /** Hands a message to a consumer. `keep`: it will come again. `freeze`: the consumer stops between begin and the start of its sends. */
  async deliver(index: number, { keep, freeze }: { keep: boolean; freeze: boolean }): Promise<void> {
    const message = this.pick(this.bus, index);
    if (message === undefined) return;
    if (!keep) this.bus.splice(this.bus.indexOf(message), 1);
    const begins = this.model.begin(message.deliveryIds, message.claimId, message.epoch);
    const run: Run = { message, effects: [], unstarted: [], done: Promise.resolve(), released: Promise.resolve() };
    this.run = run;
    this.isFreezing = freeze && this.frozen.length < 2;
    const arrived = new Promise<void>((resolve) => {
      this.arrived = resolve;
    });
    run.done = this.consumer.consume(message);
    await Promise.race([arrived, run.done]);
    run.released = this.fence.released;
    if (this.isFreezing) {
      expect(run.unstarted.map(({ id }) => id).sort()).toEqual([...begins].sort());
      return;
    }
    await Promise.race([run.released, run.done]);
    expect(run.effects.map(({ id }) => id).sort()).toEqual([...begins].sort());
  }

  lose(index: number): void {
    const message = this.pick(this.bus, index);
    if (message !== undefined) this.bus.splice(this.bus.indexOf(message), 1);
  }

  /** Lets the consumers go on that were stopped before their sends. */
  async thaw(): Promise<void> {
    for (const { run, thaws } of this.frozen.splice(0)) {
      for (const thaw of thaws) thaw();
      await run.released;
      const started = new Set(run.effects.map(({ id }) => id));
      const late = run.unstarted.filter(({ id }) => !started.has(id));
      if (run.effects.length > 0) expect(late).toEqual([]);
      if (run.effects.length === 0) await run.done;
      for (const { id, attempt } of late) this.model.settle(id, attempt, { outcome: 'NOT_STARTED' });
    }
  }

  /** Ends a send; its batch is settled when all of it have ended. Of one that was rescued meanwhile this is a zombie's late word. */
  async end(index: number, result: SendResult): Promise<void> {
    const effect = this.pick(
      this.effects.filter((each) => each.result === undefined),
      index,
    );
    if (effect === undefined) return;
    effect.result = result;
    effect.end(result);
    const { effects, done } = effect.run;
    if (effects.some((each) => each.result === undefined)) return;
    await done;
    for (const each of effects) if (each.result !== undefined) this.model.settle(each.id, each.attempt, each.result);
  }

  /** The leases of all claims run out and a rescuer comes by. Frozen consumers, too, are taken for dead. */
  async expire(): Promise<void> {
    const { campaign } = this.test;
    // No lease ends before the deadline of the sends that it is for.
    await this.passDeadline(LEASE_MS);
    const claims = await this.store.sql<{ id: string }>(
      `update claims set lease_until = now() - interval '1 ms' where campaign_id = $1 returning id`,
      [campaign],
    );
    await this.store.database.run(rescueDeliveries, { most: 1000, safeChannels: this.safe ? ['webhook'] : [] });
    this.model.rescue(new Set(claims.map((row) => row.id)));
  }

  async pause(): Promise<void> {
    const over = this.model.status !== 'active';
    const answer = await this.answerOf(this.interruptions.pause(this.test.campaign, { waitMs: 0, force: false }));
    if (over) return expect(answer).toBe('CONFLICT');
    this.model.paused = true;
    if (this.isHeld) return expect(answer).toBe('PAUSE_UNCONFIRMED');
    expect(answer).toEqual({ paused: true, epoch: this.model.epoch, draining: this.model.of('SENDING').length });
    this.pauseAnswered = true;
  }

  /** By two people at once: one of them is told that there is nothing to resume. */
  async resume(): Promise<void> {
    this.pauseAnswered = false;
    const { campaign } = this.test;
    const answers = await Promise.all([1, 2].map(() => this.answerOf(this.interruptions.resume(campaign))));
    const rewound = this.model.resume();
    if (rewound === undefined) return expect(answers).toEqual(['CONFLICT', 'CONFLICT']);
    expect(answers).toContain('CONFLICT');
    expect(answers).toContainEqual({ resumed: true, epoch: this.model.epoch, rewound });
  }

  async cancel(): Promise<void> {
    const answer = await this.answerOf(this.interruptions.cancel(this.test.campaign, false));
    this.model.status = 'cancelled';
    if (this.isHeld) return expect(answer).toBe('CANCEL_UNCONFIRMED');
    expect(answer).toMatchObject({ status: 'cancelled' });
    this.cancelAnswered = true;
  }

  async sweep(): Promise<void> {
    await this.store.sql('update outbox set claimed_until = null where aggregate_id = $1', [this.test.campaign]);
    await this.sweeper.step();
    this.model.sweep();
  }

  async retry(scope: 'failed' | 'unknown'): Promise<void> {
    const answer = await this.answerOf(this.interruptions.retry(this.test.campaign, { scope }));
    if (this.model.status === 'cancelled') return expect(answer).toBe('CONFLICT');
    const retried = this.model.retry(scope === 'failed' ? 'FAILED' : 'UNKNOWN');
    expect(answer).toEqual({ retried, executionId: this.test.execution });
  }

  async reconcile(): Promise<void> {
    await this.reconciler.step();
    this.model.complete();
    this.pauseAnswered &&= this.model.paused;
  }

  /** So much later that everything that waits for its time is due. */
  async wait(): Promise<void> {
    await this.passDeadline(3000);
    await this.store.sql('update deliveries set next_attempt_at = now() where execution_id = $1 and next_attempt_at > now()', [
      this.test.execution,
    ]);
  }

  /** Who is stopped before its sends lets go of the lock when none of them may start any more. */
  private async passDeadline(ms: number): Promise<void> {
    this.clock.forward(ms);
    await Promise.all(this.frozen.map(({ run }) => run.released));
    for (const each of this.frozen) each.released = true;
  }

  /** Somebody may still start a send that was begun. */
  private get isHeld(): boolean {
    return this.frozen.some(({ released }) => !released);
  }

  /** The rows are what the model says, and the kept counts are what the rows say. */
  async check(): Promise<void> {
    const rows = await this.store.sql<{ id: string; status: string; attempt: number; doubt: boolean }>(
      'select id, status, attempt, doubt from deliveries where execution_id = $1 order by id',
      [this.test.execution],
    );
    const expected = [...this.model.rows].sort(([a], [b]) => (a < b ? -1 : 1));
    expect(rows).toEqual(expected.map(([id, { status, attempt, doubt }]) => ({ id, status, attempt, doubt })));
    expect(await countsOf(this.store, this.test.execution)).toEqual(await statesOf(this.store, this.test.execution));
  }

  /** Whatever happened: with a worker that lives and nobody who pauses, every delivery ends. */
  async finish(): Promise<void> {
    await this.thaw();
    if (this.model.paused) await this.resume();
    for (let round = 0; round < 10 && (this.model.status === 'active' || this.isOpen); round += 1) {
      await this.wait();
      await this.expire();
      await this.claim(DELIVERIES);
      while (this.bus.length > 0) await this.deliver(0, { keep: false, freeze: false });
      while (this.effects.some((each) => each.result === undefined)) await this.end(0, { outcome: 'SUCCESS' });
      await this.sweep();
      await this.reconcile();
      await this.check();
    }
    expect(this.model.status).not.toBe('active');
    expect(this.isOpen).toBe(false);
  }

  private get isOpen(): boolean {
    return ['PENDING', 'IN_PROGRESS', 'SENDING'].some((status) => this.model.of(status).length > 0);
  }

  private channel(): Channel {
    const prepare = (): Promise<Send> => Promise.resolve((delivery, mayStart) => this.send(delivery, mayStart));
    return { name: 'webhook', redelivery: this.safe ? 'safe' : 'unsafe', slots: Number.POSITIVE_INFINITY, maxAttempts: 1000, prepare };
  }

  private async send(delivery: OutgoingDelivery, mayStart: () => boolean): Promise<SendResult> {
    const { run } = this;
    if (run === undefined) throw new Error('nobody consumes');
    if (this.isFreezing) await this.freeze(run, delivery);
    this.arrived();
    if (!mayStart()) return { outcome: 'NOT_STARTED' };
    this.mayTakeEffect(delivery);
    return await new Promise<SendResult>((end) => {
      const effect = { id: delivery.id, attempt: delivery.attempt, run, result: undefined, end };
      run.effects.push(effect);
      this.effects.push(effect);
    });
  }

  private async freeze(run: Run, delivery: OutgoingDelivery): Promise<void> {
    run.unstarted.push(delivery);
    const last = this.frozen.at(-1);
    const held = last?.run === run ? last : { run, thaws: [], released: false };
    if (held !== last) this.frozen.push(held);
    await new Promise<void>((thaw) => {
      held.thaws.push(thaw);
      this.arrived();
    });
  }

  /** Promises P1, P2 and P5, as the recipient sees them. */
  private mayTakeEffect({ id, attempt }: OutgoingDelivery): void {
    expect({ paused: this.pauseAnswered, cancelled: this.cancelAnswered }).toEqual({ paused: false, cancelled: false });
    const earlier = this.effects.filter((each) => each.id === id);
    expect(earlier.every((each) => each.attempt < attempt)).toBe(true);
    const { doubt } = this.model.row(id);
    const failed = (each: Effect): boolean =>
      each.result?.outcome === 'FAILED' || (each.result?.outcome === 'RETRY' && (this.safe || !each.result.ambiguous));
    // One that did not surely fail may only be followed by another when it is known to be in doubt.
    if (!earlier.every(failed)) expect(doubt).toBe(true);
  }

  private pick<Item>(items: Item[], index: number): Item | undefined {
    return items[index % Math.max(1, items.length)];
  }

  private async answerOf<Answer>(answer: Promise<Answer>): Promise<Answer | string> {
    return await answer.catch((error: unknown) => {
      if (error instanceof ProblemError) return error.code;
      throw error;
    });
  }
}
