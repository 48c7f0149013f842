import { reasonOf } from '../../kit/errors.js';
import { backoff } from '../../kit/backoff.js';
import type { Log } from '../../kit/log.js';
import type { Postmaster } from './pid-file.js';
import { isAlive } from '../../kit/processes/process-identity.js';

export interface WatcherOptions {
  /** The server as it is known now. */
  readonly postmaster: Postmaster;
  /** Brings the server back on the same port, or finds that somebody has; throws when it cannot. */
  readonly revive: () => Promise<Postmaster>;
  readonly log: Log;
  /** How often to look, ms. One file of /proc is read. */
  readonly everyMs?: number;
}

const EVERY_MS = 200;

/** Sees to it that the server is there until `stop`: one that died unexpectedly is brought back, with growing pauses between attempts that fail. */
export class Watcher {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;
  private failures = 0;
  private lastReason = '';
  private postmaster: Postmaster;

  constructor(private readonly options: WatcherOptions) {
    this.postmaster = options.postmaster;
    this.aim(options.everyMs ?? EVERY_MS);
  }

  /** No look and no revival starts any more; resolves when a present one has ended, with the server as last known. */
  async stop(): Promise<Postmaster> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
    return this.postmaster;
  }

  private aim(delayMs: number): void {
    if (this.stopped) return;
    // The watch alone is no reason for the process to live.
    this.timer = setTimeout(() => {
      this.looking = this.look().then((next) => this.aim(next));
    }, delayMs).unref();
  }

  private async look(): Promise<number> {
    const { log, everyMs = EVERY_MS } = this.options;
    if (await isAlive(this.postmaster.identity)) return everyMs;
    try {
      if (this.failures === 0) log.warn(`PostgreSQL (process ${this.postmaster.identity.pid}) ended unexpectedly; starting it again`);
      this.postmaster = await this.options.revive();
      log.info(`PostgreSQL is back (process ${this.postmaster.identity.pid}, port ${this.postmaster.port})`);
      this.failures = 0;
      this.lastReason = '';
      return everyMs;
    } catch (error) {
      this.failures += 1;
      const reason = reasonOf(error);
      if (reason !== this.lastReason) log.error(`PostgreSQL cannot be started again, trying on: ${reason}`);
      this.lastReason = reason;
      return backoff(this.failures, { firstMs: 250, maxMs: 10_000 });
    }
  }
}
