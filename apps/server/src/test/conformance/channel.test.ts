import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Send, SendResult } from '../../channels/channel.js';
import { CHANNEL_KINDS, type ChannelHarness, outgoing } from '../support/channel-harness.js';

const open = (): boolean => true;
const shut = (): boolean => false;

describe.each(CHANNEL_KINDS)('channel $name', ({ name, can, delivers, open: openHarness }) => {
  const arrivals = (count: number): number => (delivers ? count : 0);
  let harness: ChannelHarness;
  beforeEach(async () => {
    harness = await openHarness();
  });
  afterEach(() => harness.close());

  async function prepared(count: number): Promise<{ send: Send; deliveries: ReturnType<typeof outgoing>['deliveries'] }> {
    const { batch, deliveries } = outgoing(count);
    const send = await harness.channel.prepare(batch);
    if (send === undefined) throw new Error('there was nothing to send');
    return { send, deliveries };
  }

  test('says what it is', () => {
    const { channel } = harness;
    expect(channel.name).toBe(name);
    expect(['safe', 'unsafe']).toContain(channel.redelivery);
    expect(channel.slots).toBeGreaterThan(0);
    expect(channel.maxAttempts).toBeGreaterThan(0);
  });

  test('sends nothing of a campaign that it does not know', async () => {
    const { batch } = outgoing(1);
    expect(await harness.channel.prepare({ ...batch, campaignId: randomUUID() })).toBeUndefined();
  });

  test('sends each delivery once, and asks its gate once for each', async () => {
    const { send, deliveries } = await prepared(20);
    const asked = new Map<string, number>();
    const results = await Promise.all(
      deliveries.map((delivery) =>
        send(delivery, () => {
          asked.set(delivery.id, (asked.get(delivery.id) ?? 0) + 1);
          return true;
        }),
      ),
    );
    expect(results).toEqual(deliveries.map(() => ({ outcome: 'SUCCESS' })));
    expect(deliveries.map(({ id }) => asked.get(id))).toEqual(deliveries.map(() => 1));
    const arrived = harness.arrived();
    expect(new Set(arrived).size).toBe(arrived.length);
    expect(arrived).toHaveLength(arrivals(20));
  });

  test('sends nothing when the gate is closed, and goes on when it is open again', async () => {
    const { send, deliveries } = await prepared(20);
    // On connections that are not open yet, and on those that are.
    for (let round = 0; round < 2; round += 1) {
      const before = harness.arrived().length;
      const results = await Promise.all(deliveries.map((delivery) => send(delivery, shut)));
      expect(results).toEqual(deliveries.map(() => ({ outcome: 'NOT_STARTED' })));
      // What had been sent would be there before what is sent after it.
      const [last] = deliveries;
      if (last === undefined) throw new Error('no delivery');
      expect(await send(last, open)).toEqual({ outcome: 'SUCCESS' });
      expect(harness.arrived().length - before).toBe(arrivals(1));
    }
  });

  test('a closed gate holds up none of the others that were asked for at the same moment', async () => {
    const { send, deliveries } = await prepared(20);
    const results = await Promise.all(deliveries.map((delivery, index) => send(delivery, index % 2 === 0 ? open : shut)));
    const expected = deliveries.map((_, index): SendResult => ({ outcome: index % 2 === 0 ? 'SUCCESS' : 'NOT_STARTED' }));
    expect(results).toEqual(expected);
    expect(harness.arrived()).toHaveLength(arrivals(10));
  });

  test.each(can.filter((way) => way === 'refuses'))('a failure that is certain is said to be one, with its reason', async (way) => {
    harness.receiving(way);
    const { send, deliveries } = await prepared(3);
    for (const result of await Promise.all(deliveries.map((delivery) => send(delivery, open)))) {
      expect(result).toMatchObject({ reason: expect.stringMatching(/\w/) });
      expect(result.outcome === 'FAILED' || (result.outcome === 'RETRY' && !result.ambiguous), JSON.stringify(result)).toBe(true);
    }
  });

  test.each(can.filter((way) => way === 'vanishes'))(
    'an end that nobody can tell is said to be one, and is repeated under the same key',
    async (way) => {
      harness.receiving(way);
      const { send, deliveries } = await prepared(3);
      for (const result of await Promise.all(deliveries.map((delivery) => send(delivery, open)))) {
        expect(result).toMatchObject({ outcome: 'RETRY', ambiguous: true, reason: expect.stringMatching(/\w/) });
      }
      harness.receiving('takes');
      const again = await Promise.all(deliveries.map((delivery) => send({ ...delivery, attempt: 2 }, open)));
      expect(again).toEqual(deliveries.map(() => ({ outcome: 'SUCCESS' })));
      const arrived = harness.arrived();
      expect(arrived.slice(0, 3).sort()).toEqual(arrived.slice(3).sort());
    },
  );

  test('a gate that throws sends nothing, and breaks nothing', async () => {
    const { send, deliveries } = await prepared(2);
    const [one, other] = deliveries;
    if (one === undefined || other === undefined) throw new Error('no deliveries');
    const result = await send(one, () => {
      throw new Error('no gate');
    }).catch(() => undefined);
    expect(result?.outcome).not.toBe('SUCCESS');
    expect(harness.arrived()).toEqual([]);
    expect(await send(other, open)).toEqual({ outcome: 'SUCCESS' });
  });

  test('sends of several campaigns’ batches at once do not get in each other’s way, nor go beyond its slots', async () => {
    const batches = await Promise.all(Array.from({ length: 4 }, () => prepared(50)));
    const results = await Promise.all(batches.flatMap(({ send, deliveries }) => deliveries.map((delivery) => send(delivery, open))));
    expect(results).toEqual(results.map(() => ({ outcome: 'SUCCESS' })));
    expect(harness.arrived()).toHaveLength(arrivals(200));
    expect(harness.mostAtOnce?.() ?? 0).toBeLessThanOrEqual(harness.channel.slots);
  });
});
