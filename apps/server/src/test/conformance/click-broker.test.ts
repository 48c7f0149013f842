import { setTimeout as delay } from 'node:timers/promises';
import { rabbitmqOrSkip } from '@marquee/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClickMessage } from '../../clicks/click.js';
import type { ConsumeOptions, Decision, Delivered } from '../../clicks/click-broker.js';
import { newId } from '../../kit/ids.js';
import { type BrokerClient, type ClickBrokerHarness, DatabaseHarness, RabbitHarness } from '../support/click-broker-harness.js';
import { eventually, within } from '../support/eventually.js';
import { Inbox } from '../support/inbox.js';

const KINDS = [
  { name: 'the database', missing: false, open: (): Promise<ClickBrokerHarness> => DatabaseHarness.open() },
  { name: 'RabbitMQ', missing: rabbitmqOrSkip() === undefined, open: (): Promise<ClickBrokerHarness> => RabbitHarness.open() },
];

const CONSUME: ConsumeOptions = { prefetch: 100, batch: 20, waitMs: 5 };

let seq = 0;
function click(fields: Partial<ClickMessage> = {}): ClickMessage {
  const messageId = fields.messageId ?? newId();
  seq += 1;
  const body = JSON.stringify({ messageId, uid: 'ünï', adId: 'ad-1', adType: 'image', clickedAt: '1700000000000', ip: '10.0.0.0' });
  return { messageId, body, process: 7, seq, ...fields };
}

function clicks(n: number): ClickMessage[] {
  return Array.from({ length: n }, () => click());
}

const idsOf = (messages: readonly ClickMessage[]): string[] => messages.map((message) => message.messageId);
const confirmed = (n: number): unknown[] => Array.from({ length: n }, () => ({ result: 'confirmed' }));
const done = (batch: Delivered[]): Decision[] => batch.map(() => 'done');

/** A consumer that notes what it is given, and decides. */
class Counter {
  readonly got = new Inbox<Delivered>();
  private readonly consumer: { stop(): Promise<void> };

  constructor({ broker }: BrokerClient, decide: (batch: Delivered[]) => Decision[] | Promise<Decision[]> = done, options = CONSUME) {
    this.consumer = broker.consume(options, async (batch) => {
      for (const message of batch) this.got.put(message);
      return await decide(batch);
    });
  }

  ids(): string[] {
    return idsOf(this.got.all);
  }

  stop(): Promise<void> {
    return this.consumer.stop();
  }
}

describe.each(KINDS)('$name as a broker of clicks', ({ missing, open }) => {
  describe.skipIf(missing)('keeps the port’s promises', () => {
    let harness: ClickBrokerHarness;
    const clients: BrokerClient[] = [];
    const client = async (kind?: 'patient'): Promise<BrokerClient> => {
      const made = await harness.client(kind);
      clients.push(made);
      return made;
    };
    beforeAll(async () => {
      harness = await open();
    }, 120_000);
    afterEach(async () => {
      for (const each of clients.splice(0)) await each.close();
    });
    afterAll(() => harness.close());

    it('confirms each message of each publish, and hands it over as it was', async () => {
      const one = await client();
      const batches = [clicks(1), clicks(500), clicks(3), clicks(200)];
      const answers = await Promise.all(batches.map((batch) => one.broker.publish(batch)));
      expect(answers).toEqual(batches.map((batch) => confirmed(batch.length)));
      expect(await one.broker.publish([])).toEqual([]);

      const counter = new Counter(one);
      await counter.got.count(704);
      await counter.stop();
      const got = new Map(counter.got.all.map((message) => [message.messageId, message]));
      for (const message of batches.flat()) expect(got.get(message.messageId)).toMatchObject({ ...message, tries: 1 });
    });

    it('hands over at once what is published while a consumer waits, by another client too', async () => {
      const counter = new Counter(await client('patient'));
      const other = await client();
      await delay(300);
      const messages = clicks(30);
      await other.broker.publish(messages);
      await within(30_000, 'the clicks', counter.got.count(30));
      await counter.stop();
      expect(counter.ids().sort()).toEqual(idsOf(messages).sort());
    });

    it('hands over a message twice that was published twice', async () => {
      const one = await client();
      const message = click();
      const again = click({ messageId: message.messageId });
      expect(await one.broker.publish([message, again])).toEqual(confirmed(2));
      expect(await one.broker.publish([message])).toEqual(confirmed(1));
      const counter = new Counter(one);
      const got = await counter.got.count(3);
      await counter.stop();
      expect(got.map((each) => each.seq).sort((a, b) => a - b)).toEqual([message.seq, message.seq, again.seq]);
    });

    it('gives a message again of which the consumer said so, and counts its tries', async () => {
      const one = await client();
      await one.broker.publish(clicks(2));
      const stubborn = click();
      await one.broker.publish([stubborn]);
      const counter = new Counter(one, (batch) =>
        batch.map(({ messageId, tries }) => (messageId === stubborn.messageId && tries < 3 ? 'again' : 'done')),
      );
      await counter.got.first((message) => message.messageId === stubborn.messageId && message.tries === 3);
      await counter.stop();
      expect(counter.got.all.filter((message) => message.messageId === stubborn.messageId).map(({ tries }) => tries)).toEqual([1, 2, 3]);
      expect(counter.got.all).toHaveLength(5);
      await eventually(async () => expect(await one.broker.depth()).toBe(0));
    });

    it('gives the first of a batch again though all behind it are done', async () => {
      const one = await client();
      const messages = clicks(20);
      await one.broker.publish(messages);
      const [head] = messages;
      const counter = new Counter(one, (batch) =>
        batch.map(({ messageId, tries }) => (messageId === head?.messageId && tries < 2 ? 'again' : 'done')),
      );
      await counter.got.first((message) => message.messageId === head?.messageId && message.tries === 2);
      await counter.stop();
      // Nothing else came again: what was done is answered, each by itself.
      expect(counter.got.all).toHaveLength(21);
      await eventually(async () => expect(await one.broker.depth()).toBe(0));
    });

    it('gives a whole batch again when handling it failed', async () => {
      const one = await client();
      const messages = clicks(10);
      await one.broker.publish(messages);
      let failures = 2;
      const handled = new Inbox<string>();
      const counter = new Counter(one, (batch) => {
        failures -= 1;
        if (failures >= 0) throw new Error('the database is away');
        for (const id of idsOf(batch)) handled.put(id);
        return done(batch);
      });
      await handled.count(10);
      await counter.stop();
      expect([...handled.all].sort()).toEqual(idsOf(messages).sort());
      await eventually(async () => expect(await one.broker.depth()).toBe(0));
    });

    it('takes a dead message out of the queue, with its reason, and no other', async () => {
      const one = await client();
      const [bad, ...good] = clicks(6);
      if (bad === undefined) throw new Error('no click');
      await one.broker.publish([...good, bad]);
      const counter = new Counter(one, (batch) => batch.map(({ messageId }) => (messageId === bad.messageId ? { dead: 'no ad' } : 'done')));
      await counter.got.count(6);
      const dead = await eventually(async () => {
        const found = (await harness.dead()).filter((each) => each.messageId === bad.messageId);
        expect(found).toHaveLength(1);
        return found;
      });
      await counter.stop();
      expect(dead).toEqual([{ messageId: bad.messageId, reason: 'no ad', body: bad.body }]);
      expect(counter.got.all).toHaveLength(6);
      await eventually(async () => expect(await one.broker.depth()).toBe(0));
    });

    it('gives to another what a consumer had that died', async () => {
      const one = await client();
      const dying = await client();
      const messages = clicks(10);
      await one.broker.publish(messages);
      let letGo!: (decisions: Decision[]) => void;
      const held = new Promise<Decision[]>((resolve) => {
        letGo = resolve;
      });
      const dead = new Counter(dying, () => held);
      await dead.got.count(10);
      await dying.cut();

      const heir = new Counter(one);
      await within(30_000, 'what the dead one had', heir.got.count(10));
      expect(heir.ids().sort()).toEqual(idsOf(messages).sort());
      expect(heir.got.all.map(({ tries }) => tries)).toEqual(messages.map(() => 2));
      // Its word comes too late to change anything.
      letGo(messages.map(() => 'again'));
      await dead.stop();
      await heir.stop();
      await eventually(async () => expect(await one.broker.depth()).toBe(0));
    });

    it('fails at once or in time while it is away, says so, and goes on by itself', async () => {
      const one = await client();
      const states = new Inbox<boolean>();
      one.broker.onConnectionChange((connected) => states.put(connected));
      const counter = new Counter(one);
      const before = clicks(5);
      expect(await one.broker.publish(before)).toEqual(confirmed(5));
      await counter.got.count(5);
      await eventually(async () => expect(await one.broker.depth()).toBe(0));

      await one.cut();
      const lost = await within(30_000, 'an answer', one.broker.publish(clicks(3)));
      expect(lost.map(({ result }) => result)).toEqual(['failed', 'failed', 'failed']);
      await within(
        30_000,
        'word of it',
        states.first((connected) => !connected),
      );
      expect(one.broker.connected).toBe(false);

      await one.mend();
      await within(
        30_000,
        'the connection',
        states.first((connected) => connected),
      );
      expect(one.broker.connected).toBe(true);
      const after = clicks(5);
      expect(await one.broker.publish(after)).toEqual(confirmed(5));
      await within(
        30_000,
        'what came after',
        counter.got.first((message) => message.messageId === after.at(-1)?.messageId),
      );
      await counter.stop();
    });

    it('has no more out than the prefetch, and tells how many wait or are out', async () => {
      const one = await client();
      await one.broker.publish(clicks(25));
      await eventually(async () => expect(await one.broker.depth()).toBe(25));
      const answers: (() => void)[] = [];
      const options = { prefetch: 10, batch: 5, waitMs: 5 };
      const counter = new Counter(one, (batch) => new Promise((resolve) => answers.push(() => resolve(done(batch)))), options);
      await counter.got.count(10);
      await delay(200);
      expect(counter.got.all).toHaveLength(10);
      await eventually(async () => expect(await one.broker.depth()).toBe(25));
      const answering = setInterval(() => answers.shift()?.(), 5);
      await counter.got.count(25);
      await eventually(async () => expect(await one.broker.depth()).toBe(0));
      clearInterval(answering);
      await counter.stop();
    });

    it('begins no batch after stop, which waits for those under way, and leaves the rest', async () => {
      const one = await client();
      await one.broker.publish(clicks(40));
      let answer!: () => void;
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      const options = { prefetch: 20, batch: 20, waitMs: 5 };
      const counter = new Counter(one, async (batch) => (await answered, done(batch)), options);
      await counter.got.count(20);
      const stopping = counter.stop();
      answer();
      await stopping;
      expect(counter.got.all).toHaveLength(20);
      await eventually(async () => expect(await one.broker.depth()).toBe(20));
      const rest = new Counter(one);
      await rest.got.count(20);
      await rest.stop();
      expect(new Set([...counter.ids(), ...rest.ids()]).size).toBe(40);
    });
  });
});
