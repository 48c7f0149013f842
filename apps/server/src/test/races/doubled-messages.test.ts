import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SendResult } from '../../channels/channel.js';
import { endClaim } from '../../deliveries/claims.store.js';
import { beginDeliveries } from '../../deliveries/deliveries.store.js';
import { handlerOf } from '../../wiring/bus.js';
import { silentLog } from '../../kit/log.js';
import { claimMessage, consumerOf, signal, TestChannel } from '../support/dispatching.js';
import { eventually } from '../support/eventually.js';
import { openTestStore, runningCampaign, statesOf, type TestStore } from '../support/store.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const claimsOf = (execution: string): Promise<unknown[]> => store.sql('select id from claims where execution_id = $1', [execution]);

/** A channel that is held up until the test lets it go, and counts how often each delivery was sent. */
function counting() {
  const { given, give } = signal();
  const sent = new Map<string, number>();
  const channel = new TestChannel('unsafe', async (id): Promise<SendResult> => {
    sent.set(id, (sent.get(id) ?? 0) + 1);
    await given;
    return { outcome: 'SUCCESS' };
  });
  return { channel, sent, give };
}

test('a message that comes to two processes is sent by one of them', async () => {
  const run = await runningCampaign(store, 6);
  const message = await claimMessage(store, run);
  const { channel, sent, give } = counting();
  const handlers = [0, 1].map(() => handlerOf(consumerOf(store, channel, store.fence()), silentLog));
  const handled = Promise.all(handlers.map((handler) => handler(message, () => undefined)));
  await eventually(() => expect(sent.size).toBe(6));
  give();
  await handled;
  expect([...sent.values()]).toEqual([1, 1, 1, 1, 1, 1]);
  expect(await statesOf(store, run.execution)).toEqual({ SUCCESS: 6 });
  expect(await claimsOf(run.execution)).toEqual([]);
});

test('a message that comes again while its process sends it is passed over', async () => {
  const run = await runningCampaign(store, 3);
  const message = await claimMessage(store, run);
  const { channel, sent, give } = counting();
  const handler = handlerOf(consumerOf(store, channel, store.fence()), silentLog);
  const first = handler(message, () => undefined);
  await eventually(() => expect(sent.size).toBe(3));
  // It resolves although nothing of the first has ended.
  await handler(message, () => undefined);
  give();
  await first;
  expect([...sent.values()]).toEqual([1, 1, 1]);
  const told = await store.sql<{ payload: unknown }>(
    `select payload from outbox where aggregate_id = $1 and payload::text like '%REJECTED_STALE%'`,
    [run.campaign],
  );
  expect(told).toEqual([]);
});

test('a claim does not end while some of it is claimed or being sent', async () => {
  const run = await runningCampaign(store, 3);
  const { claimId, epoch, deliveryIds } = await claimMessage(store, run);
  const [first = '', ...rest] = deliveryIds;
  const begin = (ids: string[]) =>
    store.database.run(beginDeliveries, { ...run, claim: claimId, process: null, epoch, ids, sendMs: 20_000 });
  const end = () => store.database.run(endClaim, { claim: claimId });
  await end();
  expect(await claimsOf(run.execution)).toHaveLength(1);
  await begin([first]);
  await store.sql(`update deliveries set status = 'SUCCESS' where id = any($1)`, [rest]);
  await end();
  expect(await claimsOf(run.execution)).toHaveLength(1);
  await store.sql(`update deliveries set status = 'SUCCESS' where id = $1`, [first]);
  await end();
  expect(await claimsOf(run.execution)).toEqual([]);
});
