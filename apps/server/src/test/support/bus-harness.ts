import { RabbitServer, RedisServer } from '@marquee/testing';
import { connect } from 'amqplib';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { type BusMetrics, type Lane, LANES, type OutsideBus } from '../../bus/bus.js';
import type { BusPatience } from '../../bus/bus-message.js';
import { DEAD_QUEUE, QUEUES as RABBIT_QUEUES, RabbitmqBus } from '../../bus/rabbitmq-bus.js';
import { PREFIX, QUEUES as REDIS_QUEUES, RedisBus } from '../../bus/redis-bus.js';
import { silentLog } from '../../kit/log.js';
import { Gate } from './gate.js';

export interface DeadMessage {
  reason: string;
  body: string;
}

type Result = Parameters<BusMetrics['message']>[0];

/** A client of the bus with its own way to it, which can be cut. */
export interface BusClient {
  bus: OutsideBus;
  /** What it counted. */
  counted: Record<Result, number>;
  /** What it complained of. */
  errors: unknown[];
  cut(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** One kind of outside bus under test. */
export interface BusHarness {
  /** `cut`: its way is cut from the beginning. */
  client(way?: 'cut'): Promise<BusClient>;
  /** Puts a body on the bus that nobody here would publish. */
  put(lane: Lane, body: string): Promise<void>;
  dead(): Promise<DeadMessage[]>;
  /** Forgets all. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** Short, for a test waits for it. */
const PATIENCE: BusPatience = { tries: 3, again: { firstMs: 20, maxMs: 50 } };
const LOCK_MS = 1000;
const CONFIRM_MS = 2000;

interface Observers {
  log: typeof silentLog;
  metrics: BusMetrics;
  onError: (error: unknown) => void;
}

async function clientOf(url: string, way: 'cut' | undefined, open: (url: string, observers: Observers) => OutsideBus): Promise<BusClient> {
  const to = new URL(url);
  const gate = await Gate.before(to.hostname, Number(to.port));
  to.host = `127.0.0.1:${gate.port}`;
  if (way === 'cut') await gate.shut();
  const counted = { published: 0, unpublished: 0, done: 0, again: 0, dead: 0 };
  const errors: unknown[] = [];
  const metrics = { message: (result: Result) => void (counted[result] += 1) };
  const bus = open(to.href, { log: silentLog, metrics, onError: (error) => void errors.push(error) });
  if (way !== 'cut' && !bus.connected) await new Promise<void>((resolve) => bus.onConnectionChange((connected) => connected && resolve()));
  const close = async (): Promise<void> => {
    await bus.close();
    await gate.shut();
  };
  return { bus, counted, errors, cut: () => gate.shut(), mend: () => gate.open(), close };
}

export class RabbitBusHarness implements BusHarness {
  private constructor(private readonly server: RabbitServer) {}

  static async open(): Promise<RabbitBusHarness> {
    return new RabbitBusHarness(await RabbitServer.start());
  }

  client(way?: 'cut'): Promise<BusClient> {
    return clientOf(
      this.server.url,
      way,
      (url, observers) => new RabbitmqBus({ url, confirmMs: CONFIRM_MS, patience: PATIENCE, ...observers }),
    );
  }

  async put(lane: Lane, body: string): Promise<void> {
    await this.with(async (channel) => {
      channel.sendToQueue(RABBIT_QUEUES[lane], Buffer.from(body));
      await channel.waitForConfirms();
    });
  }

  async dead(): Promise<DeadMessage[]> {
    return await this.with(async (channel) => {
      const found: DeadMessage[] = [];
      for (let got = await channel.get(DEAD_QUEUE); got !== false; got = await channel.get(DEAD_QUEUE))
        found.push({ reason: String(got.properties.headers?.['x-reason']), body: got.content.toString() });
      return found;
    });
  }

  async empty(): Promise<void> {
    await this.with(async (channel) => {
      for (const queue of [DEAD_QUEUE, ...LANES.map((lane) => RABBIT_QUEUES[lane])]) await channel.deleteQueue(queue);
    });
  }

  async close(): Promise<void> {
    await this.server.remove();
  }

  /** What it got and did not acknowledge is the queue's again. */
  private async with<Answer>(work: (channel: Channel) => Promise<Answer>): Promise<Answer> {
    const model = await connect(this.server.url);
    try {
      return await work(await model.createConfirmChannel());
    } finally {
      await model.close();
    }
  }
}

type Channel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>;

export class RedisBusHarness implements BusHarness {
  private constructor(
    private readonly server: RedisServer,
    readonly redis: Redis,
  ) {}

  static async open(): Promise<RedisBusHarness> {
    const server = await RedisServer.start();
    return new RedisBusHarness(server, new Redis(server.url, { maxRetriesPerRequest: null }));
  }

  client(way?: 'cut'): Promise<BusClient> {
    return clientOf(this.server.url, way, (url, observers) => new RedisBus({ url, lockMs: LOCK_MS, patience: PATIENCE, ...observers }));
  }

  async put(lane: Lane, body: string): Promise<void> {
    await this.queue(lane).add('claim', { body });
  }

  async dead(): Promise<DeadMessage[]> {
    const jobs = await Promise.all(LANES.map((lane) => this.queue(lane).getFailed()));
    return jobs.flat().map(({ failedReason, data }) => ({ reason: failedReason, body: (data as { body: string }).body }));
  }

  async empty(): Promise<void> {
    await this.redis.flushdb();
  }

  async close(): Promise<void> {
    this.redis.disconnect();
    await this.server.remove();
  }

  private queue(lane: Lane): Queue {
    return new Queue(REDIS_QUEUES[lane], { connection: this.redis, prefix: PREFIX });
  }
}
