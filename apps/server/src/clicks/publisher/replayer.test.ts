import { redisOrSkip, RedisServer } from '@marquee/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CircuitBreaker } from '../../kit/circuit-breaker.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import { systemTiming, type Timing } from '../../kit/timing.js';
import { LeaseLock } from '../../store/lease-lock.js';
import { ToldBroker } from '../../test/support/click-parts.js';
import { eventually } from '../../test/support/eventually.js';
import { openTestStore, type TestStore } from '../../test/support/store.js';
import type { ClickMessage } from '../click.js';
import { bury } from '../dead-letters/dead-letters.js';
import { noClicks } from './counters.js';
import { FallbackChain } from './fallback-chain.js';
import { GuardedBroker } from './guarded-broker.js';
import { PostgresFallback } from './postgres-fallback.js';
import { PostgresMarks } from './postgres-marks.js';
import { RedisConnection } from '../../kit/redis-connection.js';
import { FALLBACK_PREFIX, RedisFallback } from './redis-fallback.js';
import { Replayer } from './replayer.js';

let store: TestStore;

/** A replayer with what it stands on, over the test's database. */
class Replaying {
  readonly broker = new ToldBroker();
  readonly counters = noClicks();
  readonly held = new Set<string>();
  readonly errors: unknown[] = [];
  readonly durable: PostgresFallback;
  readonly breaker: CircuitBreaker;
  readonly replayer: Replayer;

  constructor({ rate = 1_000_000, holder = 'one', redis }: { rate?: number; holder?: string; redis?: RedisFallback } = {}) {
    const { database } = store;
    const timing: Timing = systemTiming;
    this.durable = new PostgresFallback(database, timing);
    this.breaker = new CircuitBreaker({
      failures: 5,
      openMs: 60_000,
      successes: 2,
      clock: timing,
      onChange: () => this.replayer.wake(),
    });
    this.replayer = new Replayer(
      {
        chain: new FallbackChain(redis === undefined ? [this.durable] : [redis, this.durable], timing, silentLog),
        redis,
        durable: this.durable,
        broker: new GuardedBroker(this.broker, this.breaker, this.counters),
        marks: new PostgresMarks(database),
        bury: (corpses) => bury(database, corpses, timing.now()),
        holds: (messageId) => this.held.has(messageId),
        lock: new LeaseLock(database, 'click-replay', holder, { atMostMs: 5000, atLeastMs: 0 }),
        counters: this.counters,
        timing,
      },
      { rate, pollMs: 25, onError: (error) => this.errors.push(error) },
    );
    started.push(this.replayer);
  }
}

const started: Replayer[] = [];

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  await store.sql('truncate click_fallback, click_marks, click_dead_letters, click_ids');
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((replayer) => replayer.stop()));
});

function clicks(count: number, from = 1): ClickMessage[] {
  return Array.from({ length: count }, (_, index) => {
    const messageId = newId();
    return { process: 5, seq: from + index, messageId, body: `{"messageId":"${messageId}","clickedAt":"1800000000000"}` };
  });
}

async function waiting(): Promise<number> {
  const [row] = await store.sql<{ n: number }>('select count(*)::int as n from click_fallback');
  return row?.n ?? -1;
}

describe('what waits in the fallback', () => {
  test('is published at start, oldest first, under its acceptance, marked and removed', async () => {
    const { replayer, broker, durable, counters } = new Replaying();
    const [older, newer] = [clicks(2), clicks(1200, 10)];
    await durable.store(newer);
    await durable.store(older);
    await store.sql('update click_fallback set stored_at = stored_at - 1000 where seq < 10');
    replayer.start();
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(
      broker.taken
        .slice(0, 2)
        .map(({ seq }) => seq)
        .toSorted((a, b) => a - b),
    ).toEqual([1, 2]);
    expect(broker.taken).toHaveLength(1202);
    expect(broker.taken).toContainEqual(newer[700]);
    await eventually(() => expect(counters).toMatchObject({ replayed: 1202, confirmed: 1202, marked: 1202 }));
  });

  test('stays there until it is confirmed', async () => {
    const { replayer, broker, durable } = new Replaying();
    await durable.store(clicks(3));
    broker.behaviour = 'hang';
    replayer.start();
    await eventually(() => expect(broker.attempts).toEqual([3]));
    expect(await waiting()).toBe(3);
    broker.release('failed');
    broker.behaviour = 'confirm';
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(broker.taken).toHaveLength(3);
  });

  test('waits while the circuit is open, and goes when it is half open; that closes it', async () => {
    const { replayer, broker, breaker, durable } = new Replaying();
    broker.connect(false);
    await durable.store(clicks(600));
    replayer.start();
    await store.sql('select pg_sleep(0.1)');
    expect(broker.attempts).toEqual([]);
    broker.connect(true);
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(breaker.state).toBe('CLOSED');
  });

  test('goes at a bounded rate', async () => {
    const { replayer, broker, durable } = new Replaying({ rate: 100 });
    await durable.store(clicks(300));
    replayer.start();
    const began = performance.now();
    await eventually(() => expect(broker.taken.length).toBeGreaterThan(100));
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(broker.attempts[0]).toBe(100);
  });

  test('is replayed by one process of two', async () => {
    const [one, two] = [new Replaying(), new Replaying({ holder: 'two' })];
    await one.durable.store(clicks(2000));
    one.replayer.start();
    two.replayer.start();
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(one.broker.taken.length + two.broker.taken.length).toBe(2000);
  });

  test('and is under way in this process too is left to it', async () => {
    const { replayer, broker, durable, held } = new Replaying();
    const [own, other] = clicks(2);
    if (own === undefined || other === undefined) throw new Error('two clicks');
    await durable.store([own, other]);
    held.add(own.messageId);
    replayer.start();
    await eventually(() => expect(broker.taken).toEqual([other]));
    held.clear();
    await eventually(async () => expect(await waiting()).toBe(0));
  });

  test('and can never be published is buried', async () => {
    const { replayer, broker, durable, counters } = new Replaying();
    await durable.store(clicks(2));
    broker.behaviour = 'return';
    replayer.start();
    await eventually(async () => expect(await waiting()).toBe(0));
    const rows = await store.sql('select process, seq::int, reason from click_dead_letters order by seq');
    expect(rows).toEqual([1, 2].map((seq) => ({ process: 5, seq, reason: 'no queue' })));
    expect(counters.dead).toBe(2);
  });

  test('is tried when somebody asks, though the circuit is open', async () => {
    const { replayer, broker, breaker, durable } = new Replaying();
    breaker.trip('told to');
    await durable.store(clicks(1));
    replayer.start();
    replayer.replayNow();
    await eventually(async () => expect(await waiting()).toBe(0));
    expect(broker.taken).toHaveLength(1);
  });
});

describe.skipIf(redisOrSkip() === undefined)('what waits in Redis', () => {
  let server: RedisServer;
  let connection: RedisConnection;
  beforeAll(async () => {
    server = await RedisServer.start();
    connection = new RedisConnection(server.url, silentLog, { name: 'marquee-test', away: 'away' });
    await connection.whenReady(60_000);
  });
  afterAll(async () => {
    await connection.close();
    await server.remove();
  });
  beforeEach(() => connection.redis.flushall());

  test('for 23 hours moves to the table before it is forgotten; the younger stays', async () => {
    let agoMs = 23.5 * 3_600_000;
    const redis = new RedisFallback(connection, { ...systemTiming, now: () => Date.now() - agoMs });
    const [old, young] = [clicks(3), clicks(1, 50)];
    await redis.store(old);
    agoMs = 0;
    await redis.store(young);
    const { replayer, broker } = new Replaying({ redis });
    broker.connect(false);
    replayer.start();
    await eventually(async () => expect(await waiting()).toBe(3));
    expect(await redis.oldest(10)).toEqual(young);
    broker.connect(true);
    await eventually(() => expect(broker.taken).toHaveLength(4));
    await eventually(async () => expect([await waiting(), await redis.depth()]).toEqual([0, 0]));
  });

  test('without a place in the index is found and replayed, also what others have left', async () => {
    const redis = new RedisFallback(connection, systemTiming);
    const foreign = newId();
    await connection.redis.set(FALLBACK_PREFIX + foreign, `{"messageId":"${foreign}"}`, 'EX', 3600);
    const { replayer, broker } = new Replaying({ redis });
    replayer.start();
    await eventually(() => expect(broker.taken).toMatchObject([{ messageId: foreign, process: 0, seq: 0 }]));
    await eventually(async () => expect(await connection.redis.dbsize()).toBe(0));
  });
});
