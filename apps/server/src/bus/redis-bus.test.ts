import { redisOrSkip } from '@marquee/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../kit/ids.js';
import { RedisBusHarness } from '../test/support/bus-harness.js';
import { eventually, within } from '../test/support/eventually.js';
import { Inbox } from '../test/support/inbox.js';
import type { BusMessage } from './bus.js';

const PATIENT_MS = 60_000;

describe.skipIf(redisOrSkip() === undefined)('Redis as a bus', () => {
  let harness: RedisBusHarness;
  beforeAll(async () => {
    harness = await RedisBusHarness.open();
  }, PATIENT_MS);
  afterAll(() => harness.close());

  it(
    'puts a job aside that BullMQ itself cannot read, and hands out what comes after it',
    async () => {
      const client = await harness.client();
      await harness.put('plain', 'x');
      const [key] = await harness.redis.keys('marquee:campaign-delivery:[0-9]*');
      await harness.redis.hset(key ?? '', 'data', '{ not json');
      const got = new Inbox<BusMessage>();
      const taker = client.bus.consume('plain', 10, (message) => (got.put(message), Promise.resolve()));
      const message = { campaignId: newId(), executionId: newId(), epoch: 0, claimId: newId(), deliveryIds: [newId()] };
      await client.bus.publish('plain', message);
      expect(await within(PATIENT_MS, 'the next', got.first())).toEqual(message);
      await eventually(async () => expect((await client.bus.depths()).dead).toBe(1), PATIENT_MS);
      expect(await harness.redis.hget(key ?? '', 'failedReason')).toMatch(/^not JSON/);
      expect(client.errors).toEqual([]);
      await taker.stop();
      await client.close();
    },
    PATIENT_MS,
  );
});
