import { DelayedError, type Job, type JobJson, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { OnActorError } from '../kit/actor.js';
import { backoff } from '../kit/backoff.js';
import { reasonOf } from '../kit/errors.js';
import { isOfConnection } from '../kit/redis-connection.js';
import { doneWithin } from '../kit/timing.js';
import type { BusHandler, BusMetrics } from './bus.js';
import { type BusPatience, decodeMessage, MOST_DEAD, MOST_REASON } from './bus-message.js';

export interface RedisConsumptionOptions {
  url: string;
  queue: string;
  prefix: string;
  prefetch: number;
  lockMs: number;
  patience: BusPatience;
  handler: BusHandler;
  metrics: BusMetrics;
  onError: OnActorError;
}

/** A connection that knows those that were made after its model. */
class Original extends Redis {
  readonly copies: Redis[] = [];

  override duplicate(...args: Parameters<Redis['duplicate']>): Redis {
    const copy = super.duplicate(...args);
    this.copies.push(copy);
    return copy;
  }
}

/** One that also takes a job whose data is not JSON: it is poison as the others are, and would be looked at for ever. */
class Taker extends Worker<unknown, void> {
  protected override createJob(data: JobJson, jobId: string): Job<unknown, void> {
    try {
      return super.createJob(data, jobId);
    } catch {
      return super.createJob({ ...data, data: JSON.stringify({ body: data.data }) }, jobId);
    }
  }
}

const RECONNECT = { firstMs: 100, maxMs: 2000 };
/** How soon what Redis did not answer is asked again, ms. */
const RETRY_MS = 300;
/** How long the end waits for a Redis that does not answer, ms. */
const CLOSE_MS = 2000;

/** A consumer of one queue, on connections of its own that are made anew for ever. */
export class RedisConsumption {
  private readonly redis: Original;
  private readonly worker: Taker;
  /** Those that have started all, too: they are done, and their handlers not at their end. */
  private readonly handling = new Set<Promise<void>>();
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: RedisConsumptionOptions) {
    const { url, queue, prefix, prefetch, lockMs, patience, onError } = options;
    this.redis = new Original(url, {
      // What was taken is answered when Redis is back.
      maxRetriesPerRequest: null,
      keepAlive: 5000,
      connectionName: 'marquee-bus-consumer',
      retryStrategy: (times) => backoff(times, RECONNECT),
    });
    this.redis.on('error', () => undefined);
    this.worker = new Taker(queue, (job, token) => this.process(job, token), {
      connection: this.redis,
      prefix,
      concurrency: prefetch,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: patience.tries,
      runRetryDelay: RETRY_MS,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: MOST_DEAD },
      skipVersionCheck: true,
    });
    // Of lost connections the bus has said it already.
    this.worker.on('error', (error) => isOfConnection(error) || onError(error, 'bus'));
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    const closed = this.worker.close().catch(() => undefined);
    await Promise.all(this.handling);
    await doneWithin(CLOSE_MS, closed);
    // What waits for an answer of a Redis that is away waits no more.
    for (const client of [...this.redis.copies, this.redis]) hangUp(client);
    await doneWithin(CLOSE_MS, closed);
  }

  private async process(job: Job<unknown, void>, token: string | undefined): Promise<void> {
    const { handler, metrics, onError, patience } = this.options;
    if (this.stopping !== undefined) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const decoded = decodeMessage(bodyOf(job.data));
    if ('poison' in decoded) return this.bury(decoded.poison);
    if (job.attemptsStarted > patience.tries) return this.bury(`handed out ${job.attemptsStarted - 1} times, and nobody was done with it`);
    try {
      await new Promise<void>((started, failed) => {
        const work = handler(decoded.message, started)
          .then(started, (error: unknown) => {
            onError(error, 'bus');
            failed(error);
          })
          .finally(() => this.handling.delete(work));
        this.handling.add(work);
      });
    } catch (error) {
      if (job.attemptsStarted >= patience.tries) return this.bury(reasonOf(error));
      metrics.message('again');
      await job.moveToDelayed(Date.now() + backoff(job.attemptsStarted, patience.again), token);
      throw new DelayedError();
    }
    metrics.message('done');
  }

  /** A job that fails in this way is not tried again, and kept with its reason. */
  private bury(reason: string): never {
    this.options.metrics.message('dead');
    throw new UnrecoverableError(reason.slice(0, MOST_REASON));
  }
}

/** One that is between two attempts is only at its end, and tells those who wait for it, after another. */
function hangUp(client: Redis): void {
  const isBetween = client.status === 'reconnecting' || client.status === 'close';
  client.disconnect();
  if (!isBetween) return;
  void client
    .connect()
    .catch(() => undefined)
    .then(() => client.disconnect());
}

/** What nobody here published may have any shape. */
function bodyOf(data: unknown): string {
  if (typeof data !== 'object' || data === null || !('body' in data)) return JSON.stringify(data) ?? '';
  return typeof data.body === 'string' ? data.body : JSON.stringify(data.body);
}
