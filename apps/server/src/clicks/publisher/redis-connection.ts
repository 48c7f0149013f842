import { Redis } from 'ioredis';
import { backoff } from '../../kit/backoff.js';
import { reasonOf } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';

/** A command that has no answer by then failed, ms. */
const COMMAND_MS = 2000;
const RECONNECT = { firstMs: 100, maxMs: 2000 };

/** A connection to one Redis, made again whenever it is lost; commands fail at once while there is none. Says each loss and each return once. */
export class RedisConnection {
  readonly redis: Redis;
  private lost = false;
  private closing = false;
  private readonly listeners: (() => void)[] = [];

  constructor(url: string, log: Log) {
    this.redis = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      commandTimeout: COMMAND_MS,
      connectTimeout: COMMAND_MS,
      keepAlive: 5000,
      connectionName: 'marquee-clicks',
      retryStrategy: (times) => backoff(times, RECONNECT),
    });
    this.redis.on('ready', () => {
      if (this.lost) log.warn('Redis is back');
      this.lost = false;
      for (const listener of this.listeners) listener();
    });
    const gone = (reason: string): void => {
      if (!this.lost && !this.closing) log.warn({ reason }, 'Redis is away: clicks go on without it');
      this.lost = true;
    };
    this.redis.on('error', (error: unknown) => gone(reasonOf(error)));
    this.redis.on('close', () => gone('the connection was closed'));
  }

  get ready(): boolean {
    return this.redis.status === 'ready';
  }

  onReady(listener: () => void): void {
    this.listeners.push(listener);
    if (this.ready) listener();
  }

  /** Resolves when it can be used, or after so long. */
  async whenReady(atMostMs: number): Promise<void> {
    if (this.ready) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.redis.once('ready', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /**
   * Whether what it has answered for survives its own end (append-only file); undefined when it does not say. A Redis without one forgets
   * what it took since its last snapshot.
   */
  async keeps(): Promise<boolean | undefined> {
    const info = await this.redis.info('persistence').catch(() => '');
    const enabled = /aof_enabled:(\d)/.exec(info)?.[1];
    return enabled === undefined ? undefined : enabled === '1';
  }

  close(): Promise<void> {
    this.closing = true;
    this.redis.disconnect();
    return Promise.resolve();
  }
}
