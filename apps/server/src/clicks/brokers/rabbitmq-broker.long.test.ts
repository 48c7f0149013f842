import { RabbitServer, rabbitmqOrSkip } from '@marquee/testing';
import { type ConfirmChannel, connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../kit/ids.js';
import { systemClock } from '../../kit/clock.js';
import { silentLog } from '../../kit/log.js';
import { eventually, within } from '../../test/support/eventually.js';
import { Inbox } from '../../test/support/inbox.js';
import { PassingProxy } from '../../test/support/passing-proxy.js';
import { openTestStore, type TestStore } from '../../test/support/store.js';
import type { ClickMessage } from '../click.js';
import type { ConsumeOptions, Decision, Delivered } from '../click-broker.js';
import { DeadLetterKeeper } from '../dead-letters/dead-letter-keeper.js';
import { RabbitmqBroker } from './rabbitmq-broker.js';

const CONSUME: ConsumeOptions = { prefetch: 100, batch: 20, waitMs: 5 };
const CONFIRM_MS = 3000;

let seq = 0;
function clicks(n: number): ClickMessage[] {
  return Array.from({ length: n }, () => {
    const messageId = newId();
    seq += 1;
    return { messageId, body: JSON.stringify({ messageId, clickedAt: '1700000000000' }), process: 7, seq };
  });
}
const done = (batch: Delivered[]): Decision[] => batch.map(() => 'done');
const results = (published: { result: string }[]): string[] => [...new Set(published.map(({ result }) => result))];

let server: RabbitServer;
const brokers: RabbitmqBroker[] = [];

function open(more: { url?: string; connect?: typeof connect; onError?: (error: unknown) => void } = {}): RabbitmqBroker {
  const options = { url: server.url, channels: 3, confirmMs: CONFIRM_MS, log: silentLog, onError: () => undefined };
  const broker = new RabbitmqBroker({ ...options, ...more });
  brokers.push(broker);
  return broker;
}

const untilConnected = (broker: RabbitmqBroker): Promise<void> =>
  eventually(() => expect([broker.connected, broker.channels]).toEqual([true, 3]), 60_000);

async function connected(more: Parameters<typeof open>[0] = {}): Promise<RabbitmqBroker> {
  const broker = open(more);
  await untilConnected(broker);
  return broker;
}

/** All that comes from the queue from now on. */
function listening(broker: RabbitmqBroker): Inbox<Delivered> {
  const got = new Inbox<Delivered>();
  broker.consume(CONSUME, async (batch) => {
    for (const each of batch) got.put(each);
    return done(batch);
  });
  return got;
}

async function outside<Result>(work: (channel: ConfirmChannel) => Promise<Result>): Promise<Result> {
  const model = await connect(server.url);
  const channel = await model.createConfirmChannel();
  const result = await work(channel);
  await model.close();
  return result;
}

describe.skipIf(rabbitmqOrSkip() === undefined)('RabbitMQ', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    server = await RabbitServer.start();
  }, 180_000);
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close();
  });
  afterAll(() => server.remove());

  it('goes on by the other channels while one is closed by a bad declare, and opens it again', async () => {
    const channels: ConfirmChannel[] = [];
    const spying = (async (url: string, options: object) => {
      const model = await connect(url, options);
      const create = model.createConfirmChannel.bind(model);
      model.createConfirmChannel = async () => {
        const channel = await create();
        channels.push(channel);
        return channel;
      };
      return model;
    }) as typeof connect;
    const broker = await connected({ connect: spying });
    const got = listening(broker);
    const [spoilt] = channels;
    const refused = spoilt?.assertQueue('stats.ad.click', { durable: false });
    await expect(refused).rejects.toMatchObject({ code: 406 });
    expect([broker.connected, broker.channels]).toEqual([true, 2]);
    const messages = clicks(300);
    expect(results(await broker.publish(messages))).toEqual(['confirmed']);
    await within(30_000, 'the clicks', got.count(300));
    await untilConnected(broker);
    expect(channels).toHaveLength(4);
    for (let round = 0; round < 6; round += 1) expect(results(await broker.publish(clicks(10)))).toEqual(['confirmed']);
  });

  it('declares what somebody deleted, and loses nothing by it', async () => {
    const broker = await connected();
    await outside((channel) => channel.deleteQueue('stats.ad.click'));
    expect(results(await broker.publish(clicks(50)))).toEqual(['confirmed']);
    await outside((channel) => channel.deleteExchange('stats.events'));
    await eventually(async () => expect(results(await broker.publish(clicks(50)))).toEqual(['confirmed']));
    const got = listening(broker);
    await got.count(50);
    await outside((channel) => channel.deleteQueue('stats.ad.click'));
    const after = clicks(20);
    await eventually(async () => expect(results(await broker.publish(after))).toEqual(['confirmed']));
    await got.first(({ messageId }) => messageId === after[19]?.messageId);
  });

  it('tells what no queue takes from what was confirmed', async () => {
    const broker = await connected();
    await outside(async (channel) => {
      await channel.deleteQueue('stats.ad.click');
      await channel.deleteExchange('dlq.stats.events');
      await channel.assertExchange('dlq.stats.events', 'topic', { durable: true });
      await channel.assertQueue('elsewhere', { exclusive: true });
      // A queue of that name that this connection keeps for itself: the broker may neither declare nor bind it.
      await channel.assertQueue('stats.ad.click', { exclusive: true, durable: false });
      const published = await broker.publish(clicks(3));
      expect(published).toEqual(Array.from({ length: 3 }, () => ({ result: 'returned', reason: 'NO_ROUTE' })));
    });
    await eventually(async () => expect(results(await broker.publish(clicks(3)))).toEqual(['confirmed']));
    await outside((channel) => channel.purgeQueue('stats.ad.click'));
  });

  it('fails at once while the server is short of memory, consumes on, and publishes again when it is not', async () => {
    const broker = await connected();
    const before = clicks(2000);
    for (let at = 0; at < before.length; at += 500)
      expect(results(await broker.publish(before.slice(at, at + 500)))).toEqual(['confirmed']);
    await server.memoryAlarm(true);
    const published = await broker.publish(clicks(10));
    expect(published[0]).toMatchObject({ result: 'failed', reason: expect.stringContaining('low on memory') });
    expect([broker.connected, broker.blocked]).toEqual([true, true]);
    const got = listening(broker);
    await within(30_000, 'what was there before', got.count(2000));
    await eventually(async () => expect(await broker.depth()).toBe(0));
    await server.memoryAlarm(false);
    await eventually(() => expect(broker.blocked).toBe(false));
    expect(results(await broker.publish(clicks(10)))).toEqual(['confirmed']);
  });

  it('keeps what it confirmed over a kill, and everybody comes back, without an error for each channel', async () => {
    const errors: unknown[] = [];
    const broker = await connected({ onError: (error) => errors.push(error) });
    const waiting = await connected();
    const got = listening(waiting);
    await broker.publish(clicks(1));
    await got.count(1);
    const messages = clicks(500);
    const published = await broker.publish(messages);
    expect(results(published)).toEqual(['confirmed']);
    await server.halt('SIGKILL');
    expect(results(await broker.publish(clicks(5)))).toEqual(['failed']);
    await eventually(() => expect(broker.connected).toBe(false));
    await server.run();
    await untilConnected(broker);
    const missing = (): ClickMessage[] => {
      const ids = new Set(got.all.map((each) => each.messageId));
      return messages.filter(({ messageId }) => !ids.has(messageId));
    };
    await eventually(() => expect(missing()).toEqual([]), 60_000);
    expect(results(await broker.publish(clicks(5)))).toEqual(['confirmed']);
    expect(errors).toEqual([]);
  });

  it('answers in time for a server that says nothing any more', async () => {
    const proxy = await PassingProxy.start(server.url);
    const broker = await connected({ url: proxy.url });
    expect(results(await broker.publish(clicks(5)))).toEqual(['confirmed']);
    proxy.silence();
    const late = await within(CONFIRM_MS + 5000, 'an answer', broker.publish(clicks(5)));
    expect(late[0]).toEqual({ result: 'failed', reason: `the broker did not confirm within ${CONFIRM_MS} ms` });
    await within(30_000, 'its end', broker.close());
    await proxy.stop();
  });
});

describe.skipIf(rabbitmqOrSkip() === undefined)('dead letters of RabbitMQ', { timeout: 120_000 }, () => {
  let store: TestStore;
  let keeper: DeadLetterKeeper | undefined;
  beforeAll(async () => {
    server = await RabbitServer.start();
    store = await openTestStore();
  }, 180_000);
  afterEach(async () => {
    await keeper?.stop();
    for (const broker of brokers.splice(0)) await broker.close();
    await store.sql('truncate click_dead_letters, click_settled, click_ids, click_repeats');
  });
  afterAll(async () => {
    await server.remove();
    await store.close();
  });

  interface Row {
    message_id: string | null;
    reason: string;
    body: string;
    process: number | null;
    seq: string | null;
  }
  const rows = (): Promise<Row[]> => store.sql<Row & Record<string, unknown>>('select * from click_dead_letters order by id');
  function keep(broker: RabbitmqBroker): void {
    keeper = new DeadLetterKeeper(store.database, systemClock, broker, { keepMs: 86_400_000, onError: () => undefined });
    keeper.start();
  }

  it('come into the table with reason and ids, settled once, and the queue goes on', async () => {
    const broker = await connected();
    const [bad, good] = clicks(2) as [ClickMessage, ClickMessage];
    const got = new Inbox<Delivered>();
    broker.consume(CONSUME, async (batch) => {
      for (const each of batch) got.put(each);
      return batch.map((each): Decision => (each.messageId === good.messageId ? 'done' : { dead: `no: ${each.body.slice(0, 20)}` }));
    });
    // Twice, as when the first consumer died right before it acknowledged.
    await broker.publish([bad, good, bad]);
    await outside(async (channel) => {
      channel.publish('stats.events', 'stats.ad.click', Buffer.from([0xff, 0x00, 0x7b]), { headers: { 'x-odd': 1 } });
      channel.publish('stats.events', 'stats.ad.click', Buffer.alloc(0), { correlationId: '99999999999-1', messageId: 'x'.repeat(200) });
      channel.publish('stats.events', 'stats.ad.click', Buffer.alloc(200_000, 'y'), { messageId: 'long', contentType: 'text/plain' });
      await channel.waitForConfirms();
    });
    await got.count(6);
    keep(broker);
    const kept = await eventually(async () => {
      const there = await rows();
      expect(there).toHaveLength(4);
      return there;
    });
    expect(kept.find((row) => row.message_id === bad.messageId)).toMatchObject({
      reason: `no: ${bad.body.slice(0, 20)}`,
      body: bad.body,
      process: 7,
      seq: String(bad.seq),
    });
    const foreign = kept.filter((row) => row.process === null).sort((a, b) => a.body.length - b.body.length);
    expect(foreign.map((row) => [row.message_id?.length ?? null, row.body.length])).toEqual([
      [200, 0],
      [null, 3],
      [4, 65_536],
    ]);
    await eventually(async () => expect([await broker.depth(), await broker.deadDepth()]).toEqual([0, 0]));
    expect(await store.sql('select process, minute, dead from click_settled')).toEqual([
      { process: 7, minute: '1699999980000', dead: '1' },
    ]);
  });

  it('are made of what is delivered too often, whoever has it', async () => {
    const broker = await connected();
    const [fatal] = clicks(1) as [ClickMessage];
    await broker.publish([fatal]);
    await outside(async (channel) => {
      let deliveries = 0;
      await channel.consume('stats.ad.click', (message) => {
        if (message === null) return;
        deliveries += 1;
        channel.nack(message, false, true);
      });
      await eventually(async () => expect(await broker.deadDepth()).toBe(1), 60_000);
      expect(deliveries).toBe(101);
    });
    keep(broker);
    await eventually(async () =>
      expect(await rows()).toMatchObject([{ message_id: fatal.messageId, reason: 'delivered too often without an answer', process: 7 }]),
    );
  });

  it('wait in their queue while the database is away', async () => {
    const broker = await connected();
    broker.consume(CONSUME, async (batch) => batch.map(() => ({ dead: 'no' })));
    await broker.publish(clicks(30));
    await store.sql('alter table click_dead_letters rename to away');
    keep(broker);
    await eventually(async () => expect(await broker.depth()).toBe(0));
    await store.sql('alter table away rename to click_dead_letters');
    await eventually(async () => expect(await rows()).toHaveLength(30));
  });

  it('are forgotten when they are too old', async () => {
    await store.sql(`insert into click_dead_letters (reason, body, dead_at) values ('old', '', $1), ('new', '', $2)`, [
      Date.now() - 90_000_000,
      Date.now(),
    ]);
    keep(await connected());
    await eventually(async () => expect((await rows()).map((row) => row.reason)).toEqual(['new']));
  });
});
