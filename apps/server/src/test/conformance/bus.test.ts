import { rabbitmqOrSkip, redisOrSkip } from '@marquee/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BusHandler, BusMessage, Lane } from '../../bus/bus.js';
import { MOST_BYTES } from '../../bus/bus-message.js';
import { LocalBus } from '../../bus/local-bus.js';
import { newId } from '../../kit/ids.js';
import { type BusClient, type BusHarness, RabbitBusHarness, RedisBusHarness } from '../support/bus-harness.js';
import { eventually, within } from '../support/eventually.js';
import { Inbox } from '../support/inbox.js';

const OUTSIDE = [
  { name: 'RabbitMQ', missing: rabbitmqOrSkip() === undefined, open: (): Promise<BusHarness> => RabbitBusHarness.open() },
  { name: 'Redis', missing: redisOrSkip() === undefined, open: (): Promise<BusHarness> => RedisBusHarness.open() },
];
/** For what comes by itself; a busy machine takes its time. */
const PATIENT_MS = 60_000;

function claim(deliveries = 1): BusMessage {
  return {
    campaignId: newId(),
    executionId: newId(),
    epoch: 3,
    claimId: newId(),
    deliveryIds: Array.from({ length: deliveries }, () => newId()),
  };
}

const claims = (n: number): BusMessage[] => Array.from({ length: n }, () => claim());
const idsOf = (messages: readonly BusMessage[]): string[] => messages.map(({ claimId }) => claimId).sort();

/** What every bus is to those who publish and those who handle. */
interface AnyBus {
  publish(message: BusMessage): Promise<void>;
  consume(handler: BusHandler): { stop(): Promise<void> };
}

function localBus(): AnyBus {
  const bus = new LocalBus({ ofOneCampaign: 100, most: 100, onError: () => undefined });
  return {
    publish: (message) => bus.publish(message),
    consume: (handler) => {
      bus.subscribe(handler);
      return bus;
    },
  };
}

/** A consumer that notes what it is given. */
class Taker {
  readonly got = new Inbox<BusMessage>();
  private readonly consumer: { stop(): Promise<void> };

  constructor({ bus }: BusClient, handler: BusHandler = () => Promise.resolve(), prefetch = 100, lane: Lane = 'plain') {
    this.consumer = bus.consume(lane, prefetch, (message, started) => {
      this.got.put(message);
      return handler(message, started);
    });
  }

  get ids(): string[] {
    return idsOf(this.got.all);
  }

  count(n: number): Promise<BusMessage[]> {
    return within(PATIENT_MS, `${n} messages`, this.got.count(n));
  }

  stop(): Promise<void> {
    return this.consumer.stop();
  }
}

/** A handler that ends when the test says so. */
function held(): { handler: BusHandler; ends: (() => void)[]; starts: (() => void)[] } {
  const ends: (() => void)[] = [];
  const starts: (() => void)[] = [];
  const handler: BusHandler = (_, started) => {
    starts.push(started);
    return new Promise((resolve) => ends.push(resolve));
  };
  return { handler, ends, starts };
}

describe.each([{ name: 'this process', missing: false, open: undefined }, ...OUTSIDE])('$name as a bus', ({ missing, open }) => {
  describe.skipIf(missing)('carries claims', () => {
    let harness: BusHarness | undefined;
    let client: BusClient | undefined;
    let bus: AnyBus;
    beforeAll(async () => {
      harness = await open?.();
      client = await harness?.client();
      const outside = client?.bus;
      bus =
        outside === undefined
          ? localBus()
          : { publish: (message) => outside.publish('plain', message), consume: (handler) => outside.consume('plain', 100, handler) };
    }, 180_000);
    afterAll(async () => {
      await client?.close();
      await harness?.close();
    });

    it('hands each message over as it was published', async () => {
      const got = new Inbox<BusMessage>();
      const consumer = bus.consume((message) => (got.put(message), Promise.resolve()));
      const messages = [claim(), claim(500), ...claims(98)];
      await Promise.all(messages.map((message) => bus.publish(message)));
      await within(PATIENT_MS, 'all messages', got.count(100));
      const byId = new Map(got.all.map((message) => [message.claimId, message]));
      for (const message of messages) expect(byId.get(message.claimId)).toEqual(message);
      await consumer.stop();
    });

    it('stops when all handlers have ended', async () => {
      const { handler, ends } = held();
      const began = new Inbox<BusMessage>();
      const consumer = bus.consume((message, started) => (began.put(message), handler(message, started)));
      await bus.publish(claim());
      await bus.publish(claim());
      await within(PATIENT_MS, 'the handlers', began.count(2));
      let stopped = false;
      const stopping = consumer.stop().then(() => (stopped = true));
      ends[0]?.();
      await delay(100);
      expect(stopped).toBe(false);
      ends[1]?.();
      await within(PATIENT_MS, 'the end', stopping);
    });

    it('goes on with others when a handler throws', async () => {
      const done = new Inbox<string>();
      const bad = claim();
      let refused = false;
      const consumer = bus.consume(({ claimId }) => {
        if (claimId === bad.claimId && !refused) {
          refused = true;
          return Promise.reject(new Error('no'));
        }
        done.put(claimId);
        return Promise.resolve();
      });
      const good = claims(5);
      for (const message of [bad, ...good]) await bus.publish(message);
      for (const { claimId } of good)
        await within(
          PATIENT_MS,
          'the others',
          done.first((id) => id === claimId),
        );
      await consumer.stop();
    });
  });
});

describe.each(OUTSIDE)('$name between processes', ({ missing, open }) => {
  describe.skipIf(missing)('keeps the port’s promises', () => {
    let harness: BusHarness;
    const clients: BusClient[] = [];
    const client = async (way?: 'cut'): Promise<BusClient> => {
      const made = await harness.client(way);
      clients.push(made);
      return made;
    };
    beforeAll(async () => {
      harness = await open();
    }, 180_000);
    afterEach(async () => {
      for (const each of clients.splice(0)) await each.close();
      await harness.empty();
    }, PATIENT_MS);
    afterAll(() => harness?.close());
    const empty = async ({ bus }: BusClient): Promise<void> =>
      await eventually(async () => expect((await bus.depths()).waiting).toBe(0), PATIENT_MS);

    promisesOfHandingOut(() => harness, client, empty);
    promisesOfTryingAgain(() => harness, client, empty);
    promisesOfConnections(() => harness, client, empty);
  });
});

type Make = (way?: 'cut') => Promise<BusClient>;
type Empty = (client: BusClient) => Promise<void>;

function promisesOfHandingOut(_: () => BusHarness, client: Make, empty: Empty): void {
  it('hands over each message of one process to another, and keeps the lanes apart', async () => {
    const [one, other] = [await client(), await client()];
    const plain = new Taker(other);
    const paced = new Taker(other, undefined, 100, 'paced');
    const [of, on] = [claims(30), claims(20)];
    for (const message of of) await one.bus.publish('plain', message);
    await Promise.all(on.map((message) => one.bus.publish('paced', message)));
    await Promise.all([plain.count(30), paced.count(20)]);
    expect(plain.ids).toEqual(idsOf(of));
    expect(paced.ids).toEqual(idsOf(on));
    await Promise.all([plain.stop(), paced.stop()]);
    expect([one.counted.published, other.counted.done]).toEqual([50, 50]);
    await empty(one);
  });

  it('keeps what is published while nobody consumes, and says how much that is', async () => {
    const one = await client();
    const messages = claims(12);
    for (const message of messages) await one.bus.publish('plain', message);
    await eventually(async () => expect(await one.bus.depths()).toEqual({ waiting: 12, dead: 0 }));
    const taker = new Taker(await client());
    await taker.count(12);
    expect(taker.ids).toEqual(idsOf(messages));
    await empty(one);
  });

  it('has no more out than the prefetch; what has started all makes room', async () => {
    const one = await client();
    for (const message of claims(25)) await one.bus.publish('plain', message);
    const { handler, ends, starts } = held();
    const taker = new Taker(one, handler, 10);
    await taker.count(10);
    await delay(200);
    expect(taker.got.all).toHaveLength(10);
    for (const started of starts.slice(0, 3)) started();
    await taker.count(13);
    await delay(200);
    expect(taker.got.all).toHaveLength(13);
    const ending = setInterval(() => ends.shift()?.(), 5);
    await taker.count(25);
    await empty(one);
    clearInterval(ending);
    for (const end of ends) end();
    await taker.stop();
    expect(one.counted).toMatchObject({ done: 25, again: 0, dead: 0 });
  });

  it('shares messages among those who consume', async () => {
    const [one, other] = [await client(), await client()];
    const slowly: BusHandler = () => delay(20);
    const takers = [new Taker(one, slowly, 2), new Taker(other, slowly, 2)];
    const messages = claims(40);
    for (const message of messages) await one.bus.publish('plain', message);
    await eventually(() => expect(takers.flatMap(({ ids }) => ids).sort()).toEqual(idsOf(messages)), PATIENT_MS);
    for (const taker of takers) expect(taker.got.all.length).toBeGreaterThanOrEqual(5);
    for (const taker of takers) await taker.stop();
  });

  it('begins nothing after stop, and leaves the rest to others', async () => {
    const one = await client();
    for (const message of claims(20)) await one.bus.publish('plain', message);
    const { handler, ends } = held();
    const taker = new Taker(one, handler, 8);
    await taker.count(8);
    const stopping = taker.stop();
    for (const end of ends) end();
    await within(PATIENT_MS, 'the end', stopping);
    expect(taker.got.all).toHaveLength(8);
    const rest = new Taker(await client());
    await rest.count(12);
    await rest.stop();
    expect(new Set([...taker.ids, ...rest.ids]).size).toBe(20);
  });
}

function promisesOfTryingAgain(harness: () => BusHarness, client: Make, empty: Empty): void {
  it('hands a message out again of which the handler said no, and then no more', async () => {
    const one = await client();
    let refusals = 2;
    const taker = new Taker(one, () => {
      refusals -= 1;
      return refusals >= 0 ? Promise.reject(new Error('not now')) : Promise.resolve();
    });
    const message = claim(3);
    await one.bus.publish('plain', message);
    expect(await taker.count(3)).toEqual([message, message, message]);
    await empty(one);
    await taker.stop();
    expect(one.counted).toMatchObject({ done: 1, again: 2, dead: 0 });
    expect(await harness().dead()).toEqual([]);
  });

  it('puts among the dead letters what was refused too often, with the last reason', async () => {
    const one = await client();
    const taker = new Taker(one, () => Promise.reject(new Error('never')));
    const message = claim();
    await one.bus.publish('plain', message);
    await eventually(async () => expect((await one.bus.depths()).dead).toBe(1), PATIENT_MS);
    await taker.stop();
    expect(taker.got.all).toHaveLength(3);
    expect(await harness().dead()).toEqual([{ reason: 'never', body: expect.stringContaining(message.claimId) as unknown }]);
    expect(one.counted).toMatchObject({ done: 0, again: 2, dead: 1 });
    await empty(one);
  });

  it.each([
    ['is not JSON', 'not { json', /^not JSON: /],
    ['is of another version', JSON.stringify({ v: 2, ...claim() }), /^of version 2/],
    ['is no claim', JSON.stringify({ ...claim(), epoch: 'x' }), /^not a claim: epoch/],
    ['is too large', JSON.stringify({ ...claim(), more: 'x'.repeat(MOST_BYTES) }), /bytes, more than/],
    ['names nothing', JSON.stringify({ ...claim(), deliveryIds: [] }), /^not a claim: deliveryIds/],
  ])('puts among the dead letters what %s, and hands out what comes after it', async (_, body, reason) => {
    const one = await client();
    const taker = new Taker(one);
    await harness().put('plain', body);
    const message = claim();
    await one.bus.publish('plain', message);
    await taker.count(1);
    const [dead] = await eventually(async () => {
      const found = await harness().dead();
      expect(found).toHaveLength(1);
      return found;
    }, PATIENT_MS);
    expect(dead?.reason).toMatch(reason);
    expect(body.startsWith((dead?.body ?? '').slice(0, 1000))).toBe(true);
    await taker.stop();
    expect(taker.got.all).toEqual([message]);
  });

  it('understands a message of one delivery, and one without a version', async () => {
    const one = await client();
    const taker = new Taker(one);
    const { deliveryIds, ...message } = claim();
    const [deliveryId] = deliveryIds;
    await harness().put('plain', JSON.stringify({ ...message, deliveryId }));
    expect(await taker.count(1)).toEqual([{ ...message, deliveryIds }]);
    await taker.stop();
  });
}

function promisesOfConnections(harness: () => BusHarness, client: Make, empty: Empty): void {
  it('gives to another what a consumer had whose connection was killed', async () => {
    const [one, dying] = [await client(), await client()];
    const messages = claims(6);
    for (const message of messages) await one.bus.publish('plain', message);
    const { handler, ends } = held();
    const taker = new Taker(dying, handler);
    await taker.count(6);
    await dying.cut();
    const heir = new Taker(one);
    await heir.count(6);
    expect(heir.ids).toEqual(idsOf(messages));
    for (const end of ends) end();
    await heir.stop();
    await empty(one);
  });

  it('puts among the dead letters what every consumer died of', async () => {
    const one = await client();
    const message = claim();
    await one.bus.publish('plain', message);
    for (let death = 1; death <= 3; death += 1) {
      const dying = await client();
      const { handler, ends } = held();
      const taker = new Taker(dying, handler);
      await taker.count(1);
      await dying.cut();
      for (const end of ends) end();
    }
    const heir = new Taker(one);
    await eventually(async () => expect((await one.bus.depths()).dead).toBe(1), PATIENT_MS);
    const [dead] = await harness().dead();
    expect(dead?.reason).toMatch(/handed out 3 times/);
    await heir.stop();
    expect(heir.got.all).toEqual([]);
  });

  it('fails at once while it is away, says so, and goes on by itself', async () => {
    const one = await client();
    const states = new Inbox<boolean>();
    one.bus.onConnectionChange((connected) => states.put(connected));
    const taker = new Taker(one);
    await one.bus.publish('plain', claim());
    await taker.count(1);
    await one.cut();
    await within(
      PATIENT_MS,
      'word of it',
      states.first((connected) => !connected),
    );
    expect(one.bus.connected).toBe(false);
    await expect(within(PATIENT_MS, 'an answer', one.bus.publish('plain', claim()))).rejects.toThrow();
    await expect(one.bus.depths()).rejects.toThrow();
    await one.mend();
    await within(
      PATIENT_MS,
      'the connection',
      states.first((connected) => connected),
    );
    const after = claim();
    await one.bus.publish('plain', after);
    await within(
      PATIENT_MS,
      'what came after',
      taker.got.first(({ claimId }) => claimId === after.claimId),
    );
    await taker.stop();
    expect(states.all).toEqual([false, true]);
    expect(one.errors).toEqual([]);
  });

  it('begins while it is away, and works when it is there', async () => {
    const one = await client('cut');
    const taker = new Taker(one);
    expect(one.bus.connected).toBe(false);
    await expect(one.bus.publish('plain', claim())).rejects.toThrow();
    await delay(300);
    await one.mend();
    await eventually(() => expect(one.bus.connected).toBe(true), PATIENT_MS);
    const message = claim();
    await one.bus.publish('plain', message);
    await within(
      PATIENT_MS,
      'the message',
      taker.got.first(({ claimId }) => claimId === message.claimId),
    );
    await taker.stop();
    expect(one.errors).toEqual([]);
  });

  it('closes while it is away', async () => {
    const one = await client();
    const taker = new Taker(one);
    await one.bus.publish('plain', claim());
    await taker.count(1);
    await one.cut();
    await within(PATIENT_MS, 'the end', one.bus.close());
  });
}
