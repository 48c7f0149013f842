import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CircuitState, ClickAck, ClickCounters } from '@marquee/contracts';
import { CautiousMarks } from '../clicks/publisher/cautious-marks.js';
import { ClickPublisher } from '../clicks/publisher/click-publisher.js';
import { noClicks } from '../clicks/publisher/counters.js';
import { DroppedRepetitions } from '../clicks/publisher/dropped-repetitions.js';
import { FallbackChain } from '../clicks/publisher/fallback-chain.js';
import { GuardedBroker } from '../clicks/publisher/guarded-broker.js';
import { OutageLog } from '../clicks/publisher/outage-log.js';
import { PostgresFallback } from '../clicks/publisher/postgres-fallback.js';
import { PostgresMarks } from '../clicks/publisher/postgres-marks.js';
import { RedisFallback } from '../clicks/publisher/redis-fallback.js';
import { RedisMarks } from '../clicks/publisher/redis-marks.js';
import { Replayer } from '../clicks/publisher/replayer.js';
import { Spill } from '../clicks/publisher/spill.js';
import type { ClickBroker } from '../clicks/click-broker.js';
import type { ClickMessage } from '../clicks/click.js';
import { type LastWords, sayLastWords } from '../clicks/ledger/last-words.js';
import type { LedgerWriter } from '../clicks/ledger/ledger-writer.js';
import { bury } from '../clicks/dead-letters/dead-letters.js';
import type { OnActorError } from '../kit/actor.js';
import { backoff } from '../kit/backoff.js';
import { CircuitBreaker } from '../kit/circuit-breaker.js';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { RedisConnection } from '../kit/redis-connection.js';
import { doneWithin, systemTiming } from '../kit/timing.js';
import { type Database, isUnavailable } from '../store/database.js';
import { LeaseLock } from '../store/lease-lock.js';

export interface ClickPublishingOptions {
  /** This process in click_processes, and its name among those who hold locks. */
  process: number;
  holder: string;
  dataDir: string;
  redisUrl?: string | undefined;
  ack: ClickAck;
  memory: number;
  durableMs: number;
  /** How long the broker may be slow before the fallback gets a click too, ms; not set: 20 where an answer waits for it, 10 with Redis; else 1,000. */
  confirmMs?: number | undefined;
  /** How long the first fallback may take before the next is asked, ms; not set: 25. */
  turnMs?: number | undefined;
  retryMs: readonly number[];
  breaker: { failures: number; openMs: number; successes: number };
  /** How long the end waits for clicks to be placed before it writes them to a file, ms; not set: 5,000. */
  drainMs?: number | undefined;
  dedupeDays: number;
  replayRate: number;
  /** As of ClickPublisherParts. */
  liable?: (() => boolean) | undefined;
  onError: OnActorError;
  log: Log;
}

const DAY_S = 86_400;
const POLL_MS = 1000;
/** With what listens, which ends before, less than the ten seconds after which many a supervisor kills. */
const DRAIN_MS = 5000;
/** How long the end waits for the database to hear the last word, and for each thing that stands on it, ms: it may hang. */
const HEAR_MS = 1000;
const CLICKS_REDIS = { name: 'marquee-clicks', away: 'Redis is away: clicks go on without it' };
/** How long a start waits for Redis, ms: without it clicks go on too. */
const REDIS_MS = 1000;
const HEDGE_MS: Record<ClickAck, number> = { accepted: 1000, durable: 20 };
/** Redis has a click within a millisecond, and no disk is waited for: so the answer need not wait for a broker that stalls on its own. */
const HEDGE_BY_REDIS_MS: Record<ClickAck, number> = { accepted: 1000, durable: 10 };
const LEASE = { atMostMs: 15_000, atLeastMs: 0 };

const HEAR_AGAIN = { firstMs: 100, maxMs: 5000 };

/** The publisher of one process with all that it stands on. */
export class ClickPublishing {
  readonly publisher: ClickPublisher;
  readonly replayer: Replayer;
  readonly fallback: FallbackChain;
  readonly counters: ClickCounters = noClicks();
  private readonly breaker: CircuitBreaker;
  private readonly outages: OutageLog;
  private readonly dropped: DroppedRepetitions;
  private readonly redis: RedisConnection | undefined;
  private readonly spill: Spill;
  private readonly stopping = new AbortController();

  constructor(
    private readonly database: Database,
    broker: ClickBroker,
    private readonly ledger: Pick<LedgerWriter, 'accepted' | 'say' | 'unsaid'>,
    private readonly options: ClickPublishingOptions,
  ) {
    const { log, process, redisUrl } = options;
    const { counters } = this;
    const timing = systemTiming;
    this.redis = redisUrl === undefined ? undefined : new RedisConnection(redisUrl, log, CLICKS_REDIS);
    this.outages = new OutageLog(counters, () => this.publisher.inMemory, timing, log);
    this.breaker = new CircuitBreaker({ ...options.breaker, clock: timing, onChange: (state, reason) => this.changed(state, reason) });
    const guarded = new GuardedBroker(broker, this.breaker, counters);
    const durable = new PostgresFallback(database, timing);
    const inRedis = this.redis === undefined ? undefined : new RedisFallback(this.redis, timing);
    this.fallback = new FallbackChain(inRedis === undefined ? [durable] : [inRedis, durable], timing, log, options.turnMs);
    const marks = new CautiousMarks(
      this.redis === undefined ? new PostgresMarks(database) : new RedisMarks(this.redis, options.dedupeDays * DAY_S),
      timing,
      { waitMs: options.ack === 'durable' ? 10 : 50, restMs: POLL_MS },
      log,
    );
    this.dropped = new DroppedRepetitions(database, process, timing, log);
    this.spill = new Spill(join(options.dataDir, 'clicks'));
    const shared = {
      broker: guarded,
      marks,
      counters,
      timing,
      bury: (corpses: Parameters<typeof bury>[1]) => bury(database, corpses, timing.now()),
    };
    // Where both are the same database, what the one is slow to take the other would be slow to take too.
    const hedgeMs =
      broker.kind === 'database' && inRedis === undefined
        ? null
        : (options.confirmMs ?? (inRedis === undefined ? HEDGE_MS : HEDGE_BY_REDIS_MS)[options.ack]);
    this.publisher = new ClickPublisher(
      {
        ...shared,
        fallback: this.fallback,
        liable: options.liable,
        ledger: { accepted: (clickedAt) => ledger.accepted(clickedAt), repeated: (clickedAt) => this.dropped.add(clickedAt) },
      },
      { process, ack: options.ack, memory: options.memory, durableMs: options.durableMs, retryMs: options.retryMs, hedgeMs },
    );
    this.replayer = new Replayer(
      {
        ...shared,
        chain: this.fallback,
        redis: inRedis,
        durable,
        holds: (messageId) => this.publisher.holds(messageId),
        lock: new LeaseLock(database, 'click-replay', options.holder, LEASE),
      },
      { rate: options.replayRate, pollMs: POLL_MS, onError: options.onError },
    );
  }

  /** The circuit before the broker; `since` and `retryAt` are epoch ms. */
  circuit(): { state: CircuitState; failures: number; since: number; retryAt: number | null } {
    return this.breaker.view();
  }

  /** Resolves when clicks may be accepted: with Redis or, after a moment, without it. */
  async start(): Promise<void> {
    await this.redis?.whenReady(REDIS_MS);
    this.redis?.onReady(() => void this.redisCame());
    this.outages.start(this.breaker);
    this.replayer.start();
    void this.takeIn();
  }

  /**
   * Accepts nothing more; resolves when all is placed and the ledger knows, or after some seconds: what nothing took by then, and what the ledger has
   * not heard, is in a file, whatever hangs. True when nothing is left to this process.
   */
  async stop(): Promise<boolean> {
    const left = await this.publisher.stop(this.options.drainMs ?? DRAIN_MS);
    if (left.length === 0) await doneWithin(HEAR_MS, Promise.all([this.ledger.say(), this.dropped.say()]));
    const isPlaced = left.length === 0 && this.unsaid().accepted.length + this.unsaid().dropped.length === 0;
    if (!isPlaced) await this.leave(left);
    this.stopping.abort();
    this.outages.stop();
    this.dropped.stop();
    await doneWithin(HEAR_MS, this.replayer.stop());
    await doneWithin(HEAR_MS, this.fallback.close());
    await this.redis?.close();
    return isPlaced;
  }

  /** Leaves to the next start, in a file, what is left to do: clicks, words to the ledger, and to say that this process has ended in good order. */
  async leave(clicks: readonly ClickMessage[]): Promise<void> {
    const { ack, log, process } = this.options;
    try {
      // Of durable clicks nobody was told that they are accepted: now they are.
      if (ack === 'durable') this.publisher.spilled();
      const path = await this.spill.write(process, clicks, this.unsaid());
      log.warn(
        { clicks: clicks.length, path },
        'clicks that nothing could take, and the last word to the ledger, wait in a file for the next start',
      );
    } catch (error) {
      log.error({ clicks: clicks.length, err: error }, 'clicks that nothing could take are lost');
    }
  }

  private unsaid(): LastWords {
    return { process: this.options.process, accepted: this.ledger.unsaid(), dropped: this.dropped.left() };
  }

  private changed(state: CircuitState, reason: string): void {
    this.outages.changed(state, reason);
    if (state !== 'OPEN') this.replayer.wake();
  }

  private async takeIn(): Promise<void> {
    const { log } = this.options;
    try {
      await this.spill.takeIn(async ({ messages, words }) => {
        await this.publisher.takeIn(messages);
        log.info({ clicks: messages.length, process: words?.process }, 'clicks of a process that ended in an outage are taken in');
        if (words !== undefined) await this.sayFor(words);
      });
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'clicks that wait in a file could not be taken in');
    }
  }

  /** As soon as the database hears it; rejects when this process ends before. */
  private async sayFor(words: LastWords): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 1; ; failures += 1) {
      try {
        return await sayLastWords(this.database, words);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
      }
      await delay(backoff(failures, HEAR_AGAIN), undefined, { signal });
    }
  }

  private async redisCame(): Promise<void> {
    this.replayer.healSoon();
    if (this.options.ack !== 'durable' || this.redis === undefined) return;
    if ((await this.redis.keeps()) !== false) return;
    this.fallback.demote('redis');
    this.options.log.warn(
      'this Redis forgets what it holds when it ends (appendonly no): clicks that must not be lost wait in the database',
    );
  }
}
