import { Redis } from 'ioredis';
import { backoff } from './backoff.js';
import { errorCode, reasonOf } from './errors.js';
import type { Log } from './log.js';

/** A command that has no answer by then failed, ms. */
const COMMAND_MS = 2000;
const RECONNECT = { firstMs: 100, maxMs: 2000 };

/** Whether an error only says that a connection was lost, or could not be made. */
export function isOfConnection(error: unknown): boolean {
  return /^E[A-Z]+$/.test(errorCode(error) ?? '') || reasonOf(error).startsWith('Connection is closed');
}

export interface RedisConnectionOptions {
  /** What Redis' own lists call it. */
  name: string;
  /** What is logged when it is lost. */
  away: string;
}

/** A connection to one Redis, made again whenever it is lost; commands fail at once while there is none. Says each loss and each return once. */
export class RedisConnection {
  readonly redis: Redis;
  private lost = false;
  private closing = false;
  private readonly listeners: (() => void)[] = [];
  private readonly lossListeners: (() => void)[] = [];

  constructor(url: string, log: Log, { name, away }: RedisConnectionOptions) {
    this.redis = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      commandTimeout: COMMAND_MS,
      connectTimeout: COMMAND_MS,
      keepAlive: 5000,
      connectionName: name,
      retryStrategy: (times) => backoff(times, RECONNECT),
    });
    this.redis.on('ready', () => {
      if (this.lost) log.warn({ connection: name }, 'Redis is back');
      this.lost = false;
      for (const listener of this.listeners) listener();
    });
    const gone = (reason: string): void => {
      if (!this.lost && !this.closing) log.warn({ connection: name, reason }, away);
      this.lost = true;
      for (const listener of this.lossListeners) listener();
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

  onLoss(listener: () => void): void {
    this.lossListeners.push(listener);
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
