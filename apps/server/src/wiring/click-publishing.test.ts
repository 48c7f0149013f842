import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisOrSkip, RedisServer } from '@marquee/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FALLBACK_PREFIX } from '../clicks/publisher/redis-fallback.js';
import { silentLog } from '../kit/log.js';
import { clickOf, ToldBroker } from '../test/support/click-parts.js';
import { eventually } from '../test/support/eventually.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { ClickPublishing, type ClickPublishingOptions } from './click-publishing.js';

let store: TestStore;
let folder: string;
let broker: ToldBroker;
let accepted = 0;
const opened: ClickPublishing[] = [];

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-clicks-'));
  broker = new ToldBroker();
  await store.sql('truncate click_fallback, click_marks, click_dead_letters, click_settled');
});
afterEach(async () => {
  broker.connect(true);
  broker.behaviour = 'confirm';
  await Promise.all(opened.splice(0).map((each) => each.stop()));
  await rm(folder, { recursive: true });
});

async function open(options: Partial<ClickPublishingOptions> = {}): Promise<ClickPublishing> {
  const ledger = {
    accepted: (): void => {
      accepted += 1;
    },
  };
  const publishing = new ClickPublishing(store.database, broker, ledger, {
    process: 9,
    holder: 'test',
    dataDir: folder,
    ack: 'durable',
    memory: 2000,
    durableMs: 2000,
    retryMs: [100, 500, 2000],
    breaker: { failures: 5, openMs: 60_000, successes: 2 },
    dedupeDays: 7,
    replayRate: 10_000,
    onError: () => undefined,
    log: silentLog,
    ...options,
  });
  opened.push(publishing);
  await publishing.start();
  return publishing;
}

async function inTable(): Promise<number> {
  const [row] = await store.sql<{ n: number }>('select count(*)::int as n from click_fallback');
  return row?.n ?? -1;
}

describe('a publisher without Redis', () => {
  test('stores durable clicks in the table while the broker is away, and replays them when it is back', async () => {
    const { publisher, counters } = await open();
    broker.connect(false);
    const answers = await Promise.all(Array.from({ length: 50 }, async () => await publisher.accept(clickOf())));
    expect(new Set(answers)).toEqual(new Set(['OK']));
    expect(await inTable()).toBe(50);
    broker.connect(true);
    await eventually(async () => expect([broker.taken.length, await inTable()]).toEqual([50, 0]));
    expect(counters).toMatchObject({ stored: 50, replayed: 50 });
  });

  test('tells the ledger of the repetitions it dropped, each once', async () => {
    const { publisher } = await open();
    const click = clickOf({ clickedAt: 1_800_000_012_345 });
    for (let n = 0; n < 3; n += 1) void publisher.accept(click);
    const settled = (): Promise<unknown[]> => store.sql('select process, minute::float8, duplicates::int, dropped::int from click_settled');
    await eventually(async () => expect(await settled()).toEqual([{ process: 9, minute: 1_800_000_000_000, duplicates: 2, dropped: 2 }]));
    // The consumer adds to the same row.
    await store.sql('update click_settled set duplicates = duplicates + 5');
    await publisher.accept(click);
    await eventually(async () => expect(await settled()).toMatchObject([{ duplicates: 8, dropped: 3 }]));
  });

  test('that ends when nothing takes its clicks leaves them in a file, and the next one publishes them', async () => {
    const publishing = await open({ ack: 'accepted', drainMs: 200 });
    broker.behaviour = 'hang';
    const clicks = [clickOf(), clickOf()];
    for (const click of clicks) void publishing.publisher.accept(click);
    opened.splice(0);
    expect(await publishing.stop()).toBe(false);
    expect(await readdir(join(folder, 'clicks'))).toEqual(['clicks-9.ndjson']);
    broker = new ToldBroker();
    await open({ process: 10 });
    await eventually(async () => expect(await readdir(join(folder, 'clicks'))).toEqual([]));
    expect(broker.taken.map(({ process, seq }) => [process, seq])).toEqual([
      [9, 1],
      [9, 2],
    ]);
  });
});

describe.skipIf(redisOrSkip() === undefined)('a publisher with Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.remove());

  test('stores clicks in Redis while the broker is away; while Redis is away too, in the table; and replays both', async () => {
    const { publisher } = await open({ redisUrl: server.url });
    broker.connect(false);
    const first = clickOf();
    expect(await publisher.accept(first)).toBe('OK');
    expect(await inTable()).toBe(0);
    await server.halt('SIGKILL');
    expect(await publisher.accept(clickOf())).toBe('OK');
    expect(await inTable()).toBe(1);
    await server.run();
    broker.connect(true);
    await eventually(() => expect(broker.taken).toHaveLength(2));
    await eventually(async () => expect(await inTable()).toBe(0));
  });

  test('starts and accepts without it', async () => {
    await server.halt();
    const { publisher } = await open({ redisUrl: server.url });
    expect(await publisher.accept(clickOf())).toBe('OK');
    broker.connect(false);
    expect(await publisher.accept(clickOf())).toBe('OK');
    expect(await inTable()).toBe(1);
    await server.run();
  });

  test('keeps durable clicks in the table where Redis would forget them', async () => {
    const { Redis } = await import('ioredis');
    const other = new Redis(server.url);
    await other.config('SET', 'appendonly', 'no');
    await other.flushall();
    const { publisher, fallback } = await open({ redisUrl: server.url });
    broker.connect(false);
    await eventually(() => expect(fallback.present.map(({ kind }) => kind)).toEqual(['postgres', 'redis']));
    await publisher.accept(clickOf());
    expect(await inTable()).toBe(1);
    expect(await other.keys(`${FALLBACK_PREFIX}*`)).toEqual([]);
    other.disconnect();
  });
});
