import type { ChannelModel, ConsumeMessage, Options } from 'amqplib';
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '../kit/ids.js';
import type { OnActorError } from '../kit/actor.js';
import type { Log } from '../kit/log.js';
import { ConfirmLane, type Outgoing, type Published } from '../kit/rabbitmq/confirm-lane.js';
import { declareQueue, withChannel } from '../kit/rabbitmq/declare.js';
import { RabbitLink } from '../kit/rabbitmq/rabbitmq-link.js';
import { type BusDepths, type BusHandler, type BusMessage, type BusMetrics, type Lane, LANES, type OutsideBus } from './bus.js';
import { type BusPatience, DEAD_BYTES, encodeMessage, MOST_DEAD, MOST_REASON, PATIENCE } from './bus-message.js';
import { RabbitmqConsumption } from './rabbitmq-consumption.js';

export interface RabbitmqBusOptions {
  /** amqp:// or amqps://, with the virtual host as its path. */
  url: string;
  /** How long a publish may take until it is not certain, ms. */
  confirmMs: number;
  patience?: BusPatience;
  log: Log;
  metrics: BusMetrics;
  onError: OnActorError;
}

const NAME = 'campaign-delivery';
export const QUEUES = { plain: NAME, paced: `${NAME}.paced` } as const satisfies Record<Lane, string>;
export const DEAD_QUEUE = `${NAME}.dead`;
const ASK_MS = 2000;

const LANE_QUEUE: Options.AssertQueue = {
  durable: true,
  arguments: {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': DEAD_QUEUE,
    // What dies in the queue leaves it when it has arrived among the dead letters, which a queue offers only that refuses when it is full.
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
    // The net below the consumers' own count.
    'x-delivery-limit': 100,
  },
};
const DEAD_LETTERS: Options.AssertQueue = { durable: true, arguments: { 'x-max-length': MOST_DEAD } };

/**
 * RabbitMQ by AMQP 0-9-1: a quorum queue a lane, published to with confirms. One connection publishes; each that consumes has one of its
 * own, since a server that is short of memory stops reading from connections that publish.
 */
export class RabbitmqBus implements OutsideBus {
  readonly kind = 'rabbitmq';
  private readonly confirms: ConfirmLane;
  private readonly link: RabbitLink;
  private readonly consumptions = new Set<RabbitmqConsumption>();
  private readonly listeners: ((connected: boolean) => void)[] = [];
  private blockedBy: string | undefined;
  private wasConnected = false;
  private closed = false;

  /** Begins to connect; publishes fail until it has. */
  constructor(private readonly options: RabbitmqBusOptions) {
    this.confirms = new ConfirmLane(options.confirmMs);
    this.link = new RabbitLink(this.linkOptions('marquee bus publisher'), {
      up: (model) => this.up(model),
      down: (reason) => {
        this.blockedBy = undefined;
        this.confirms.detach(reason);
        this.tell();
      },
      blocked: (reason) => {
        this.blockedBy = reason;
        if (reason !== undefined) this.confirms.failAll(`RabbitMQ takes nothing: ${reason}`);
        this.tell();
      },
    });
    this.link.start();
  }

  get connected(): boolean {
    return !this.closed && this.confirms.open && this.blockedBy === undefined;
  }

  async publish(lane: Lane, message: BusMessage): Promise<void> {
    const sent = outgoing(QUEUES[lane], Buffer.from(encodeMessage(message)), message.claimId);
    let published = await this.send(sent);
    if (published.result === 'returned' && this.link.model !== undefined) {
      // Somebody deleted the queue.
      await inTime(declare(this.link.model, this.options.log));
      published = await this.send(sent);
    }
    this.options.metrics.message(published.result === 'confirmed' ? 'published' : 'unpublished');
    if (published.result !== 'confirmed') throw new Error(`RabbitMQ did not confirm a message: ${published.reason}`);
  }

  consume(lane: Lane, prefetch: number, handler: BusHandler): { stop(): Promise<void> } {
    const consumption = new RabbitmqConsumption({
      link: this.linkOptions(`marquee bus consumer ${lane}`),
      queue: QUEUES[lane],
      prefetch,
      patience: this.options.patience ?? PATIENCE,
      declare: (model) => declare(model, this.options.log),
      handler,
      bury: (message, reason) => this.bury(message, reason),
      metrics: this.options.metrics,
      onError: this.options.onError,
    });
    this.consumptions.add(consumption);
    return {
      stop: async () => {
        await consumption.stop();
        this.consumptions.delete(consumption);
      },
    };
  }

  async depths(): Promise<BusDepths> {
    const { model } = this.link;
    if (model === undefined || this.blockedBy !== undefined) throw new Error('RabbitMQ cannot be asked now');
    const messagesIn = async (queue: string): Promise<number> =>
      (await inTime(withChannel(model, (channel) => channel.checkQueue(queue)))).messageCount;
    const [dead, ...waiting] = await Promise.all([DEAD_QUEUE, ...LANES.map((lane) => QUEUES[lane])].map(messagesIn));
    return { waiting: waiting.reduce((sum, n) => sum + n, 0), dead: dead ?? 0 };
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.listeners.push(listener);
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumptions].map((consumption) => consumption.stop()));
    this.consumptions.clear();
    this.closed = true;
    await this.link.close();
    this.confirms.detach('the bus is closed');
  }

  private linkOptions(name: string) {
    const { url, log } = this.options;
    return { url, log, name };
  }

  private async up(model: ChannelModel): Promise<void> {
    await declare(model, this.options.log);
    const channel = await model.createConfirmChannel();
    channel.on('error', (error) => this.options.onError(error, 'bus'));
    // Its connection goes with it, and both are made anew.
    channel.once('close', () => {
      this.confirms.detach('the channel was closed');
      this.tell();
      if (this.link.model === model) void model.close().catch(() => undefined);
    });
    this.confirms.attach(channel);
    this.tell();
  }

  /** With its reason, and the beginning of its body where that is too large; false when it is not certain that it arrived. */
  private async bury({ content, fields, properties }: ConsumeMessage, reason: string): Promise<boolean> {
    const id: unknown = properties.messageId;
    const sent = outgoing(DEAD_QUEUE, content.subarray(0, DEAD_BYTES), typeof id === 'string' ? id : newId());
    sent.options.headers = { 'x-reason': reason.slice(0, MOST_REASON), 'x-queue': fields.routingKey, 'x-bytes': content.length };
    const published = await this.send(sent);
    if (published.result === 'returned' && this.link.model !== undefined)
      await inTime(declare(this.link.model, this.options.log)).catch((error: unknown) => this.options.onError(error, 'bus'));
    return published.result === 'confirmed';
  }

  private async send(sent: Outgoing): Promise<Published> {
    if (this.blockedBy !== undefined) return { result: 'failed', reason: `it takes nothing: ${this.blockedBy}` };
    const [published] = await this.confirms.publish([sent]);
    return published ?? { result: 'failed', reason: 'no answer' };
  }

  private tell(): void {
    const { connected } = this;
    if (connected === this.wasConnected) return;
    this.wasConnected = connected;
    for (const listener of this.listeners) listener(connected);
  }
}

function outgoing(queue: string, content: Buffer, messageId: string): Outgoing {
  return {
    exchange: '',
    key: queue,
    content,
    options: { persistent: true, mandatory: true, contentType: 'application/json', messageId },
  };
}

async function declare(model: ChannelModel, log: Log): Promise<void> {
  await declareQueue(model, DEAD_QUEUE, DEAD_LETTERS, log);
  for (const lane of LANES) await declareQueue(model, QUEUES[lane], LANE_QUEUE, log);
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
