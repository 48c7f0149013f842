import { Queue } from 'bullmq';
import type { OnActorError } from '../kit/actor.js';
import type { Log } from '../kit/log.js';
import { isOfConnection, RedisConnection } from '../kit/redis-connection.js';
import { type BusDepths, type BusHandler, type BusMessage, type BusMetrics, type Lane, LANES, type OutsideBus } from './bus.js';
import { type BusPatience, encodeMessage, MOST_DEAD, PATIENCE } from './bus-message.js';
import { RedisConsumption } from './redis-consumption.js';

export interface RedisBusOptions {
  /** redis:// or rediss://, with the number of the database as its path. */
  url: string;
  /** How long what a consumer took is believed to be in its hands without a word, ms; it says one twice in that time. */
  lockMs: number;
  patience?: BusPatience;
  log: Log;
  metrics: BusMetrics;
  onError: OnActorError;
}

/** Before each key; a job's body is in its field `data`, as `{"body": …}`. */
export const PREFIX = 'marquee';
const NAME = 'campaign-delivery';
export const QUEUES = { plain: NAME, paced: `${NAME}.paced` } as const satisfies Record<Lane, string>;
/** The stream of events that nobody reads. */
const MOST_EVENTS = 100;

/**
 * Redis by BullMQ: a queue a lane, a job a message. The dead letters are its failed jobs. What a consumer had that died comes again when its locks
 * have run out; what Redis forgets when it dies waits for its lease.
 */
export class RedisBus implements OutsideBus {
  readonly kind = 'redis';
  private readonly connection: RedisConnection;
  private readonly queues: ReadonlyMap<Lane, Queue>;
  private readonly consumptions = new Set<RedisConsumption>();
  private readonly listeners: ((connected: boolean) => void)[] = [];
  private wasConnected = false;
  private closed = false;

  /** Begins to connect; publishes fail until it has. */
  constructor(private readonly options: RedisBusOptions) {
    const { url, log } = options;
    this.connection = new RedisConnection(url, log, {
      name: 'marquee-bus',
      away: 'Redis cannot be reached: deliveries wait until it can; trying again',
    });
    const { redis: connection } = this.connection;
    this.queues = new Map(
      LANES.map((lane) => {
        const queue = new Queue(QUEUES[lane], {
          connection,
          prefix: PREFIX,
          skipVersionCheck: true,
          streams: { events: { maxLen: MOST_EVENTS } },
          defaultJobOptions: { removeOnComplete: true, removeOnFail: { count: MOST_DEAD } },
        });
        // Of the connection it is said once, by itself.
        queue.on('error', (error) => isOfConnection(error) || options.onError(error, 'bus'));
        return [lane, queue];
      }),
    );
    this.connection.onReady(() => this.tell());
    this.connection.onLoss(() => this.tell());
  }

  get connected(): boolean {
    return !this.closed && this.connection.ready;
  }

  async publish(lane: Lane, message: BusMessage): Promise<void> {
    const { metrics } = this.options;
    try {
      if (!this.connected) throw new Error('Redis cannot be reached');
      await this.queues.get(lane)?.add('claim', { body: encodeMessage(message) });
      metrics.message('published');
    } catch (error) {
      metrics.message('unpublished');
      throw error;
    }
  }

  consume(lane: Lane, prefetch: number, handler: BusHandler): { stop(): Promise<void> } {
    const { url, lockMs, patience = PATIENCE, metrics, onError } = this.options;
    const place = { url, queue: QUEUES[lane], prefix: PREFIX };
    const consumption = new RedisConsumption({ ...place, prefetch, lockMs, patience, handler, metrics, onError });
    this.consumptions.add(consumption);
    return {
      stop: async () => {
        await consumption.stop();
        this.consumptions.delete(consumption);
      },
    };
  }

  async depths(): Promise<BusDepths> {
    if (!this.connected) throw new Error('Redis cannot be asked now');
    const counts = await Promise.all([...this.queues.values()].map((queue) => queue.getJobCounts('wait', 'delayed', 'failed')));
    const sum = (...names: string[]): number => counts.reduce((all, each) => names.reduce((n, name) => n + (each[name] ?? 0), all), 0);
    return { waiting: sum('wait', 'delayed'), dead: sum('failed') };
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.listeners.push(listener);
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumptions].map((consumption) => consumption.stop()));
    this.consumptions.clear();
    this.closed = true;
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
    await this.connection.close();
  }

  private tell(): void {
    const { connected } = this;
    if (connected === this.wasConnected) return;
    this.wasConnected = connected;
    for (const listener of this.listeners) listener(connected);
  }
}
