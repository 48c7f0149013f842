import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisOrSkip, RedisServer } from '@marquee/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LedgerWriter } from '../clicks/ledger/ledger-writer.js';
import { FALLBACK_PREFIX } from '../clicks/publisher/redis-fallback.js';
import { Spill } from '../clicks/publisher/spill.js';
import { systemClock } from '../kit/clock.js';
import { newId } from '../kit/ids.js';
import { silentLog } from '../kit/log.js';
import { Database } from '../store/database.js';
import { clickOf, ToldBroker } from '../test/support/click-parts.js';
import { clickProcess } from '../test/support/clicks.js';
import { eventually } from '../test/support/eventually.js';
import { PassingProxy } from '../test/support/passing-proxy.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { ClickPublishing, type ClickPublishingOptions } from './click-publishing.js';

let store: TestStore;
let folder: string;
let broker: ToldBroker;
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

async function open(options: Partial<ClickPublishingOptions> = {}, database = store.database): Promise<ClickPublishing> {
  const ledger = new LedgerWriter(database, options.process ?? 9, systemClock, () => undefined);
  const publishing = new ClickPublishing(database, broker, ledger, {
    process: 9,
    holder: 'test',
    dataDir: folder,
    ack: 'durable',
    memory: 2000,
    durableMs: 30_000,
    // A machine that is busy is no reason to turn to the next.
    turnMs: 30_000,
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

async function files(): Promise<string[]> {
  return await readdir(join(folder, 'clicks'));
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
    await eventually(async () => expect(await files()).toEqual([]));
    expect(broker.taken.map(({ process, seq }) => [process, seq])).toEqual([
      [9, 1],
      [9, 2],
    ]);
  });
});

describe('a process that ended with something left', () => {
  test.each(['accepted', 'durable'] as const)(
    'has ended in good order once the next one has its clicks and its numbers (%s)',
    async (ack) => {
      const process = await clickProcess(store);
      const publishing = await open({ process, ack, drainMs: 200, dedupeDays: 7 });
      broker.connect(false);
      await store.sql('alter table click_fallback rename to click_fallback_away');
      try {
        for (let n = 0; n < 3; n += 1) void publishing.publisher.accept(clickOf());
        opened.splice(0);
        await publishing.stop();
      } finally {
        await store.sql('alter table click_fallback_away rename to click_fallback');
      }
      const row = () =>
        store.sql(
          'select ended_at is not null as ended, accepted::int from click_processes left join click_accepted on process = id where id = $1',
          [process],
        );
      expect(await row()).toEqual([{ ended: false, accepted: null }]);

      broker.connect(true);
      broker.behaviour = 'hang';
      await open({ process: process + 1 });
      await eventually(() => expect(broker.attempts).toEqual([3]));
      // The hedge in the table holds them from now on.
      await eventually(async () => expect(await row()).toEqual([{ ended: true, accepted: 3 }]));
      await eventually(async () => expect(await files()).toEqual([]));
    },
  );

  test('is not said to have ended before its clicks are safe', async () => {
    const process = await clickProcess(store);
    await new Spill(join(folder, 'clicks')).write(process, [{ process, seq: 1, messageId: newId(), body: '{}' }], {
      process,
      accepted: [],
      dropped: [],
    });
    broker.connect(false);
    await store.sql('alter table click_fallback rename to click_fallback_away');
    const ended = async () => (await store.sql('select ended_at is not null as ended from click_processes where id = $1', [process]))[0];
    try {
      const next = await open({ process: process + 1, drainMs: 0 });
      await eventually(() => expect(next.publisher.inMemory).toBe(1));
      expect(await ended()).toEqual({ ended: false });
      expect(await files()).toHaveLength(1);
    } finally {
      await store.sql('alter table click_fallback_away rename to click_fallback');
    }
    await eventually(async () => expect(await ended()).toEqual({ ended: true }));
  });

  test('and a database that hangs is in a file in time, its last word to the ledger too', async () => {
    const proxy = await PassingProxy.start(store.url);
    const database = new Database({ url: proxy.url, poolSize: 6, log: silentLog });
    try {
      const process = await clickProcess(store);
      await store.sql(
        `insert into click_fallback (process, seq, message_id, body, stored_at) values ($1, 1000, gen_random_uuid(), '{}', 0)`,
        [process],
      );
      const publishing = await open({ process, ack: 'accepted', drainMs: 100 }, database);
      opened.splice(0);
      broker.behaviour = 'hang';
      // The replayer is in mid-batch, under its lease.
      await eventually(() => expect(broker.attempts).toEqual([1]));
      proxy.silence();
      broker.release('confirmed');
      void publishing.publisher.accept(clickOf({ clickedAt: 1_800_000_012_345 }));
      expect(await publishing.stop()).toBe(false);
      expect(await files()).toEqual([`clicks-${process}.ndjson`]);
      const [click, words] = (await readFile(join(folder, 'clicks', `clicks-${process}.ndjson`), 'utf8')).trimEnd().split('\n');
      expect(JSON.parse(click ?? '')).toMatchObject({ process, seq: 1 });
      expect(JSON.parse(words ?? '')).toEqual({
        lastWords: { process, accepted: [{ minute: 1_800_000_000_000, accepted: 1, rejected: {} }], dropped: [] },
      });
    } finally {
      await proxy.stop();
      await database.close();
    }
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
