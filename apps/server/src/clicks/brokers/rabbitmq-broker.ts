import type { ChannelModel, ConfirmChannel, ConsumeMessage, connect } from 'amqplib';
import { setTimeout as delay } from 'node:timers/promises';
import type { OnActorError } from '../../kit/actor.js';
import { backoff } from '../../kit/backoff.js';
import { reasonOf } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';
import { ConfirmLane, type Outgoing } from '../../kit/rabbitmq/confirm-lane.js';
import { withChannel } from '../../kit/rabbitmq/declare.js';
import { RabbitLink } from '../../kit/rabbitmq/rabbitmq-link.js';
import type { ClickMessage } from '../click.js';
import type { ClickBroker, ConsumeOptions, Decision, Delivered, Published } from '../click-broker.js';
import type { Corpse } from '../dead-letters/dead-letters.js';
import { corpseOf, outgoing, outgoingDead } from './amqp-click.js';
import { RabbitConsumer } from './rabbitmq-consumer.js';
import { CLICKS, DEAD, declareTopology } from './rabbitmq-topology.js';

export interface RabbitmqBrokerOptions {
  /** amqp:// or amqps://, with the virtual host as its path. */
  url: string;
  /** Confirm channels that publish. */
  channels: number;
  /** How long a publish may take until it is answered by `failed`, ms. */
  confirmMs: number;
  log: Log;
  onError: OnActorError;
  connect?: typeof connect;
}

const REOPEN = { firstMs: 300, maxMs: 3000 };
const ASK_MS = 2000;
/** A queue that is declared right after it was deleted may keep the server (3.10) from telling its consumers, who then get nothing any more. */
const HEAL_AFTER_MS = 300;

/** RabbitMQ by AMQP 0-9-1: some confirm channels on one connection, and a connection for each consumer. */
export class RabbitmqBroker implements ClickBroker {
  readonly kind = 'rabbitmq';
  private readonly lanes: ConfirmLane[];
  private readonly link: RabbitLink;
  private readonly consumers = new Set<RabbitConsumer>();
  private readonly clickConsumers = new Set<RabbitConsumer>();
  private readonly listeners: ((connected: boolean) => void)[] = [];
  private readonly closing = new AbortController();
  private blockedBy: string | undefined;
  private wasConnected = false;
  private healing: Promise<void> | undefined;

  /** Begins to connect; publishes fail until it has. */
  constructor(private readonly options: RabbitmqBrokerOptions) {
    this.lanes = Array.from({ length: options.channels }, () => new ConfirmLane(options.confirmMs));
    this.link = new RabbitLink(this.linkOptions('marquee clicks publisher'), {
      up: (model) => this.up(model),
      down: (reason) => this.down(reason),
      blocked: (reason) => this.block(reason),
    });
    this.link.start();
  }

  get connected(): boolean {
    return !this.closing.signal.aborted && this.lanes.some((lane) => lane.open);
  }

  get blocked(): boolean {
    return this.blockedBy !== undefined;
  }

  get channels(): number {
    return this.lanes.filter((lane) => lane.open).length;
  }

  async publish(messages: readonly ClickMessage[]): Promise<Published[]> {
    if (messages.length === 0) return [];
    const sent = messages.map(outgoing);
    const published = await this.send(sent);
    if (!published.some(({ result }) => result === 'returned') || !(await this.heal())) return published;
    const returned = published.flatMap(({ result }, index) => (result === 'returned' ? [index] : []));
    // Somebody had deleted the queue or its binding: now it is there again.
    const again = await this.send(returned.map((index) => sent[index] as Outgoing));
    for (const [at, index] of returned.entries()) published[index] = again[at] as Published;
    return published;
  }

  consume(options: ConsumeOptions, handle: (batch: Delivered[]) => Promise<Decision[]>): { stop(): Promise<void> } {
    const consumer = this.consumer(CLICKS.queue, 'marquee clicks consumer', options, handle);
    this.clickConsumers.add(consumer);
    return {
      stop: async () => {
        await this.end(consumer);
        this.clickConsumers.delete(consumer);
      },
    };
  }

  /** The same for the dead letter queue; what `keep` rejects is given to it again. */
  consumeDead(options: ConsumeOptions, keep: (letters: Corpse[]) => Promise<void>): { stop(): Promise<void> } {
    const consumer = this.consumer(DEAD.queue, 'marquee dead letter keeper', options, async (batch) => {
      await keep(batch.map(corpseOf));
      return batch.map(() => 'done');
    });
    return { stop: () => this.end(consumer) };
  }

  /** What waits, and what this process has out: what other processes have out is the server's secret. */
  async depth(): Promise<number> {
    const ready = await this.messagesIn(CLICKS.queue);
    return [...this.clickConsumers].reduce((sum, consumer) => sum + consumer.out, ready);
  }

  /** Dead letters that no keeper has taken yet. */
  async deadDepth(): Promise<number> {
    return await this.messagesIn(DEAD.queue);
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.listeners.push(listener);
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => this.end(consumer)));
    this.clickConsumers.clear();
    this.closing.abort();
    await this.link.close();
    for (const lane of this.lanes) lane.detach('the broker is closed');
  }

  private linkOptions(name: string) {
    const { url, log, connect } = this.options;
    return { url, log, name, ...(connect === undefined ? {} : { connect }) };
  }

  private consumer(
    queue: string,
    name: string,
    options: ConsumeOptions,
    handle: (batch: Parameters<typeof corpseOf>[0][]) => Promise<Decision[]>,
  ): RabbitConsumer {
    const consumer = new RabbitConsumer({
      ...options,
      link: this.linkOptions(name),
      queue,
      declare: (model) => declareTopology(model, this.options.log),
      handle,
      bury: (message, reason) => this.bury(message, reason),
      onError: this.options.onError,
    });
    this.consumers.add(consumer);
    return consumer;
  }

  private async end(consumer: RabbitConsumer): Promise<void> {
    await consumer.stop();
    this.consumers.delete(consumer);
  }

  /** By the channels that publish: a server that is short of memory would stop reading from a consumer that did. */
  private async bury(message: ConsumeMessage, reason: string): Promise<boolean> {
    const [published] = await this.send([outgoingDead(message, reason)]);
    if (published?.result === 'returned') await this.heal();
    return published?.result === 'confirmed';
  }

  private send(messages: readonly Outgoing[]): Promise<Published[]> {
    const reason = this.blockedBy === undefined ? undefined : `the broker takes nothing: ${this.blockedBy}`;
    if (reason !== undefined) return Promise.resolve(messages.map(() => ({ result: 'failed', reason })));
    const open = this.lanes.filter((lane) => lane.open);
    // One that is closed says why.
    const lane = (open.length > 0 ? open : this.lanes).reduce((least, each) => (each.load < least.load ? each : least));
    return lane.publish(messages);
  }

  private async up(model: ChannelModel): Promise<void> {
    await declareTopology(model, this.options.log);
    await Promise.all(this.lanes.map((lane) => this.openLane(model, lane)));
  }

  private down(reason: string): void {
    this.blockedBy = undefined;
    for (const lane of this.lanes) lane.detach(reason);
    this.tell();
  }

  private block(reason: string | undefined): void {
    this.blockedBy = reason;
    if (reason !== undefined) for (const lane of this.lanes) lane.failAll(`the broker takes nothing: ${reason}`);
    this.tell();
  }

  private async openLane(model: ChannelModel, lane: ConfirmLane): Promise<void> {
    const channel: ConfirmChannel = await model.createConfirmChannel();
    let reason = 'the channel was closed';
    channel.on('error', (error) => {
      reason = reasonOf(error);
    });
    channel.once('close', () => {
      lane.detach(reason);
      this.tell();
      if (this.link.model === model && !this.closing.signal.aborted) void this.reopenLane(model, lane, reason);
    });
    lane.attach(channel);
    this.tell();
  }

  /** The others go on; what closed it may be gone from the server, so that is declared again. What ends with its connection is told by the link alone. */
  private async reopenLane(model: ChannelModel, lane: ConfirmLane, reason: string): Promise<void> {
    const over = (): boolean => this.link.model !== model || this.closing.signal.aborted;
    for (let failures = 1; ; failures += 1) {
      await delay(backoff(failures, REOPEN), undefined, { signal: this.closing.signal }).catch(() => undefined);
      if (over()) return;
      if (failures === 1) this.options.onError(new Error(`a channel was closed: ${reason}`), 'click publisher');
      try {
        await declareTopology(model, this.options.log);
        return await this.openLane(model, lane);
      } catch (error) {
        if (over()) return;
        this.options.onError(error, 'click publisher');
      }
    }
  }

  private tell(): void {
    const { connected } = this;
    if (connected === this.wasConnected) return;
    this.wasConnected = connected;
    for (const listener of this.listeners) listener(connected);
  }

  /** Declares everything once more, once for all who ask meanwhile; false when that was not possible in time. */
  private async heal(): Promise<boolean> {
    const { model } = this.link;
    if (model === undefined) return false;
    const declared = async (): Promise<void> => {
      await delay(HEAL_AFTER_MS);
      await declareTopology(model, this.options.log);
    };
    this.healing ??= inTime(declared()).finally(() => {
      this.healing = undefined;
    });
    try {
      await this.healing;
      return true;
    } catch (error) {
      this.options.onError(error, 'click publisher');
      return false;
    }
  }

  private async messagesIn(queue: string): Promise<number> {
    // Those who consume are never blocked.
    const model = [...this.consumers].map((consumer) => consumer.model).find((each) => each !== undefined) ?? this.link.model;
    if (model === undefined) throw new Error('RabbitMQ cannot be reached');
    const { messageCount } = await inTime(withChannel(model, (channel) => channel.checkQueue(queue)));
    return messageCount;
  }
}

async function inTime<Result>(asked: Promise<Result>): Promise<Result> {
  const late = new AbortController();
  try {
    return await Promise.race([
      asked,
      delay(ASK_MS, undefined, { signal: late.signal }).then(() => Promise.reject(new Error('RabbitMQ did not answer in time'))),
    ]);
  } finally {
    late.abort();
  }
}
