import { expect, test } from 'vitest';
import type { BusMessage } from './bus.js';
import { LocalBus } from './local-bus.js';

function message(campaignId: string): BusMessage {
  return { campaignId, executionId: campaignId, epoch: 0, claimId: '', deliveryIds: [] };
}

/** A bus whose messages end when the test says so. */
function held(most: number) {
  const ends: (() => void)[] = [];
  const startings: (() => void)[] = [];
  const bus = new LocalBus({
    ofOneCampaign: 4,
    most,
    onError: (error) => {
      throw error;
    },
  });
  bus.subscribe((_, started) => {
    startings.push(started);
    return new Promise((resolve) => ends.push(resolve));
  });
  return { bus, ends, startings };
}

test('campaigns whose messages hang leave room to those that come after them', async () => {
  const { bus, ends } = held(8);
  const took = ['a', 'b', 'c', 'd'].map((campaign) => {
    let count = 0;
    for (; bus.room(campaign) === 'free'; count += 1) void bus.publish(message(campaign));
    return count;
  });
  expect(took).toEqual([4, 2, 1, 1]);
  expect(bus.room('e')).toBe('full');
  let told = 0;
  bus.onRoom(() => (told += 1));
  ends[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toBe(1);
  expect([bus.room('a'), bus.room('e')]).toEqual(['enough', 'free']);
  for (const end of ends) end();
  await bus.stop();
});

test('a message that only waits for results takes no room, and is waited for at the end', async () => {
  const { bus, ends, startings } = held(1);
  void bus.publish(message('a'));
  expect(bus.room('a')).toBe('full');
  startings[0]?.();
  startings[0]?.();
  expect(bus.room('a')).toBe('free');
  let stopped = false;
  const stopping = bus.stop().then(() => (stopped = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(stopped).toBe(false);
  ends[0]?.();
  await stopping;
});
