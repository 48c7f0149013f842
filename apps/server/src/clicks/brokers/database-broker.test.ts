import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../kit/ids.js';
import { type BrokerClient, DatabaseHarness } from '../../test/support/click-broker-harness.js';
import { eventually } from '../../test/support/eventually.js';
import { Inbox } from '../../test/support/inbox.js';
import type { ClickMessage } from '../click.js';
import type { Decision, Delivered } from '../click-broker.js';

/** One that holds a message claims no other. */
const CONSUME = { prefetch: 4, batch: 4, waitMs: 5 };

let seq = 0;
function click(messageId = newId()): ClickMessage {
  seq += 1;
  return { messageId, body: JSON.stringify({ messageId }), process: 7, seq };
}

describe('the queue in the database', () => {
  let harness: DatabaseHarness;
  const clients: BrokerClient[] = [];
  const client = async (): Promise<BrokerClient> => {
    const made = await harness.client();
    clients.push(made);
    return made;
  };
  /** A consumer that is given its answer by the test. */
  function slow({ broker }: BrokerClient) {
    const got = new Inbox<Delivered>();
    let answer!: (decision: Decision) => void;
    const answered = new Promise<Decision>((resolve) => {
      answer = resolve;
    });
    const consumer = broker.consume(CONSUME, async (batch) => {
      for (const each of batch) got.put(each);
      const decision = await answered;
      return batch.map(() => decision);
    });
    return { got, answer: (decision: Decision) => answer(decision), stop: () => consumer.stop() };
  }
  beforeAll(async () => {
    harness = await DatabaseHarness.open();
  });
  afterEach(async () => {
    for (const each of clients.splice(0)) await each.close();
  });
  afterAll(() => harness.close());

  it.each([{ dead: 'too late' }, 'again'] as Decision[])('does not listen to %j of a consumer that had its time', async (late) => {
    const one = await client();
    await one.broker.publish([click()]);
    const first = slow(one);
    await first.got.count(1);
    const second = slow(await client());
    await second.got.count(1);
    const held = await harness.store.sql('select * from click_queue');
    expect(held).toMatchObject([{ tries: 2 }]);
    first.answer(late);
    await first.stop();
    expect(await harness.store.sql('select * from click_queue')).toEqual(held);
    expect(await harness.dead()).toEqual([]);
    second.answer('done');
    await second.stop();
    await eventually(async () => expect(await one.broker.depth()).toBe(0));
  });

  it('keeps what can be stored when one of a batch cannot', async () => {
    const one = await client();
    const messages = [click(), click('no uuid'), click(), click(), { ...click(), process: 3e9 }, click()];
    const published = await one.broker.publish(messages);
    expect(published.map(({ result }) => result)).toEqual(['confirmed', 'returned', 'confirmed', 'confirmed', 'returned', 'confirmed']);
    expect(published[1]).toMatchObject({ reason: expect.stringContaining('uuid') });
    const counter = slow(one);
    counter.answer('done');
    await counter.got.count(4);
    await counter.stop();
    expect(counter.got.all.map(({ messageId }) => messageId)).not.toContain('no uuid');
  });
});
