import { redisOrSkip, RedisServer } from '@marquee/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../kit/clock.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';

import { openTestStore, type TestStore } from '../../test/support/store.js';
import type { ClickMessage } from '../click.js';
import type { Fallback } from '../fallback.js';
import type { Marks } from '../marks.js';
import { PostgresFallback } from './postgres-fallback.js';
import { PostgresMarks } from './postgres-marks.js';
import { RedisConnection } from '../../kit/redis-connection.js';
import { FALLBACK_INDEX, FALLBACK_PREFIX, RedisFallback } from './redis-fallback.js';
import { RedisMarks } from './redis-marks.js';

const redisServer = redisOrSkip();
/** Hours pass by hand. */
let aheadMs = 0;
const clock = { ...systemClock, now: () => Date.now() + aheadMs };

let store: TestStore;
let server: RedisServer | undefined;
let connection: RedisConnection | undefined;

beforeAll(async () => {
  store = await openTestStore();
  if (redisServer === undefined) return;
  server = await RedisServer.start();
  connection = new RedisConnection(server.url, silentLog, { name: 'marquee-test', away: 'away' });
  await connection.whenReady(60_000);
});

afterAll(async () => {
  await connection?.close();
  await server?.remove();
  await store.close();
});

beforeEach(async () => {
  aheadMs = 0;
  await store.sql('truncate click_fallback, click_marks');
  await connection?.redis.flushall();
});

function redis(): RedisConnection {
  if (connection === undefined) throw new Error('there is no Redis');
  return connection;
}

let seq = 0;
function message(given: Partial<ClickMessage> = {}): ClickMessage {
  const messageId = given.messageId ?? newId();
  seq += 1;
  return { process: 3, seq, messageId, body: `{"messageId":"${messageId}","agent":"ü\\"}","clickedAt":"1800000000000"}`, ...given };
}

const fallbacks: [string, boolean, () => Fallback][] = [
  ['PostgreSQL', false, () => new PostgresFallback(store.database, clock)],
  ['Redis', redisServer === undefined, () => new RedisFallback(redis(), clock)],
];

describe.each(fallbacks)('the fallback in %s', (_, absent, open) => {
  test.skipIf(absent)('gives back what it keeps, oldest first, and takes nothing away by it', async () => {
    const fallback = open();
    const messages = [message(), message(), message()];
    for (const each of messages) {
      await fallback.store([each]);
      aheadMs += 10;
    }
    expect(await fallback.oldest(2)).toEqual(messages.slice(0, 2));
    expect(await fallback.oldest(10)).toEqual(messages);
    expect(await open().depth()).toBe(3);
  });

  test.skipIf(absent)('keeps one acceptance once, and two acceptances of one click both', async () => {
    const fallback = open();
    const first = message();
    const second = message({ messageId: first.messageId });
    await fallback.store([first]);
    await fallback.store([first, second]);
    await fallback.store([second]);
    expect((await fallback.oldest(10)).map((each) => each.seq).toSorted((a, b) => a - b)).toEqual([first.seq, second.seq]);
    expect(await open().depth()).toBe(2);
  });

  test.skipIf(absent)('forgets what is removed by its acceptance, and no other', async () => {
    const fallback = open();
    const first = message();
    const second = message({ messageId: first.messageId });
    const other = message();
    await fallback.store([first, second, other]);
    await fallback.remove([first]);
    await fallback.remove([first, message()]);
    expect((await fallback.oldest(10)).map((each) => each.seq).toSorted((a, b) => a - b)).toEqual([second.seq, other.seq]);
    await fallback.remove([second, other]);
    expect(await fallback.oldest(10)).toEqual([]);
    expect(await open().depth()).toBe(0);
  });

  test.skipIf(absent)('takes a thousand at once', async () => {
    const fallback = open();
    const messages = Array.from({ length: 1000 }, () => message());
    await fallback.store(messages);
    expect(await fallback.oldest(2000)).toHaveLength(1000);
    await fallback.remove(messages);
    expect(await fallback.oldest(1)).toEqual([]);
  });
});

const marks: [string, boolean, () => Marks][] = [
  ['PostgreSQL', false, () => new PostgresMarks(store.database)],
  ['Redis', redisServer === undefined, () => new RedisMarks(redis(), 60)],
];

describe.each(marks)('marks in %s', (_, absent, open) => {
  test.skipIf(absent)('are known of what was marked, however often', async () => {
    const [one, two, three] = [newId(), newId(), newId()];
    await open().mark([one, two, one]);
    await open().mark([two]);
    expect(await open().known([one, two, three])).toEqual(new Set([one, two]));
    expect(await open().known([three])).toEqual(new Set());
    expect(await open().known([])).toEqual(new Set());
  });
});

describe.skipIf(redisServer === undefined)('clicks that wait in Redis', () => {
  test('lie under the keys that others look for, for 24 hours, as JSON with their acceptance', async () => {
    const click = message();
    await new RedisFallback(redis(), clock).store([click]);
    const key = `rabbitmq:fallback:stats.ad.click:${click.messageId}`;
    expect(JSON.parse((await redis().redis.get(key)) ?? '')).toEqual({ ...JSON.parse(click.body), acceptance: `3-${click.seq}` });
    expect(await redis().redis.pttl(key)).toBeGreaterThan(23.9 * 3_600_000);
    expect(await redis().redis.pttl(key)).toBeLessThanOrEqual(24 * 3_600_000);
  });

  test('are found again when the index is lost, and when somebody else left them', async () => {
    const fallback = new RedisFallback(redis(), clock);
    const kept = [message(), message()];
    await fallback.store(kept);
    await redis().redis.del(FALLBACK_INDEX);
    const foreign = newId();
    const body = `{"messageId":"${foreign}","clickedAt":"1"}`;
    await redis().redis.set(FALLBACK_PREFIX + foreign, body, 'EX', 3600);
    expect(await fallback.oldest(10)).toEqual([]);
    expect(await fallback.heal()).toBe(3);
    expect(await fallback.heal()).toBe(0);
    const found = await fallback.oldest(10);
    // It has an hour left, so it is the oldest.
    expect(found[0]).toEqual({ messageId: foreign, process: 0, seq: 0, body });
    expect(
      found
        .slice(1)
        .map((each) => each.seq)
        .toSorted((a, b) => a - b),
    ).toEqual(kept.map((each) => each.seq));
    await fallback.remove(found);
    expect(await redis().redis.dbsize()).toBe(0);
  });

  test('that have expired are no longer counted once they are met', async () => {
    const fallback = new RedisFallback(redis(), clock);
    const [gone, there] = [message(), message()];
    await fallback.store([gone]);
    aheadMs += 1;
    await fallback.store([there]);
    await redis().redis.del(FALLBACK_PREFIX + gone.messageId);
    expect(await fallback.oldest(1)).toEqual([there]);
    expect(await fallback.depth()).toBe(1);
  });

  test('are told by their age', async () => {
    const fallback = new RedisFallback(redis(), clock);
    const old = message();
    await fallback.store([old]);
    aheadMs = 23 * 3_600_000 + 1;
    await fallback.store([message()]);
    expect(await fallback.olderThan(23 * 3_600_000, 10)).toEqual([old]);
  });
});
