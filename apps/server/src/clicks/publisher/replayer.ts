import type { ClickCounters } from '@marquee/contracts';
import { Actor, type OnActorError } from '../../kit/actor.js';
import { pause, type Timing } from '../../kit/timing.js';
import { isUnavailable } from '../../store/database.js';
import type { LeaseLock } from '../../store/lease-lock.js';
import type { ClickMessage } from '../click.js';
import type { Fallback } from '../fallback.js';
import type { Marks } from '../marks.js';
import type { FallbackChain } from './fallback-chain.js';
import type { GuardedBroker } from './guarded-broker.js';
import type { Corpse } from './layers.js';
import { FALLBACK_KEEP_MS, type RedisFallback } from './redis-fallback.js';

export interface ReplayerOptions {
  /** Most clicks a second. */
  rate: number;
  /** How often it looks, ms. */
  pollMs: number;
  onError: OnActorError;
}

export interface ReplayerParts {
  chain: FallbackChain;
  /** What waits there too long for its 24 hours moves to the durable one. */
  redis?: RedisFallback | undefined;
  durable: Pick<Fallback, 'store'>;
  broker: GuardedBroker;
  marks: Marks;
  bury: (corpses: readonly Corpse[]) => Promise<unknown>;
  /** What is under way in this process is not published a second time beside it. */
  holds: (messageId: string) => boolean;
  lock: Pick<LeaseLock, 'take' | 'extend' | 'release'>;
  counters: ClickCounters;
  timing: Timing;
}

const MOST_IN_BATCH = 500;
/** An hour before they would expire. */
const MOVE_AFTER_MS = FALLBACK_KEEP_MS - 3_600_000;
const HEAL_EVERY_MS = 600_000;

/**
 * Publishes what waits in the fallback, oldest first, at a bounded rate, in one process at a time: at start, when the circuit closes, when it is
 * asked, and as long as something waits. Nothing is removed before the broker has confirmed it, so a death in between publishes it once more.
 */
export class Replayer extends Actor {
  private stopping = false;
  private healedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly parts: ReplayerParts,
    private readonly options: ReplayerOptions,
  ) {
    super('click replayer', options.onError);
  }

  /** Now, also while the circuit is open: one attempt finds out. */
  replayNow(): void {
    this.parts.broker.breaker.reachable('a replay was asked for');
    this.wake();
  }

  /** Keys whose place in the index is unknown may have come: Redis is back. */
  healSoon(): void {
    this.healedAt = Number.NEGATIVE_INFINITY;
    this.wake();
  }

  override async stop(): Promise<void> {
    this.stopping = true;
    await super.stop();
  }

  protected override async turn(): Promise<number> {
    try {
      await this.heal();
      const { chain, lock } = this.parts;
      if ((await chain.oldest(1)).length === 0) return this.options.pollMs;
      const taken = await lock.take();
      if (taken.token === undefined) return this.options.pollMs;
      try {
        await this.moveOld();
        while (!this.stopping && (await this.replay()) && (await lock.extend(taken.token)));
      } finally {
        await lock.release(taken.token);
      }
    } catch (error) {
      // Of a store that is away others tell; what waits there waits on.
      if (!isUnavailable(error) && this.parts.chain.complete) throw error;
    }
    return this.options.pollMs;
  }

  /** One batch; false when there is no more to do now. */
  private async replay(): Promise<boolean> {
    const { broker, chain, timing, holds } = this.parts;
    const began = timing.monotonic();
    const most = Math.min(MOST_IN_BATCH, Math.max(1, this.options.rate));
    const messages = (await chain.oldest(most)).filter((message) => !holds(message.messageId));
    if (messages.length === 0) return false;
    const outcomes = await broker.publish(messages);
    if (outcomes === undefined) return false;
    const confirmed = messages.filter((_, index) => outcomes[index]?.result === 'confirmed');
    await this.settle(confirmed);
    await this.bury(
      messages.flatMap((message, index) => {
        const outcome = outcomes[index];
        return outcome?.result === 'returned' ? [{ ...message, reason: outcome.reason }] : [];
      }),
    );
    if (outcomes.some((outcome) => outcome.result === 'failed')) return false;
    const dueMs = (messages.length / this.options.rate) * 1000 - (timing.monotonic() - began);
    if (dueMs > 0) await pause(timing, dueMs);
    return true;
  }

  private async settle(confirmed: readonly ClickMessage[]): Promise<void> {
    if (confirmed.length === 0) return;
    const { chain, counters, marks } = this.parts;
    counters.replayed += confirmed.length;
    await chain.remove(confirmed);
    await marks.mark(confirmed.map((message) => message.messageId)).then(
      () => (counters.marked += confirmed.length),
      () => undefined,
    );
  }

  private async bury(corpses: readonly Corpse[]): Promise<void> {
    if (corpses.length === 0) return;
    await this.parts.bury(corpses);
    this.parts.counters.dead += corpses.length;
    await this.parts.chain.remove(corpses);
  }

  /** What Redis would forget soon goes where nothing is forgotten. */
  private async moveOld(): Promise<void> {
    const { redis, durable, chain } = this.parts;
    if (redis === undefined || !chain.present.includes(redis)) return;
    for (;;) {
      const old = await chain.ask(redis, redis.olderThan(MOVE_AFTER_MS, MOST_IN_BATCH));
      if (old.length === 0) return;
      await durable.store(old);
      await chain.ask(redis, redis.remove(old));
    }
  }

  private async heal(): Promise<void> {
    const { redis, chain, timing } = this.parts;
    if (redis === undefined || !chain.present.includes(redis) || timing.monotonic() - this.healedAt < HEAL_EVERY_MS) return;
    this.healedAt = timing.monotonic();
    await chain.ask(redis, redis.heal());
  }
}
