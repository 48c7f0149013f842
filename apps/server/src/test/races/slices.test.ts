import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Channel } from '../../channels/channel.js';
import { claimMessage, consumerOf, lockKeyOf, signal, TestChannel } from '../support/dispatching.js';
import { countsOf, openTestStore, runningCampaign, statesOf, type TestStore } from '../support/store.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

test('sends that wait for their connections keep no pause waiting beyond the deadline, and do not start after it', async () => {
  const run = await runningCampaign(store, 10);
  const connected = signal();
  const channel = new TestChannel(
    'safe',
    () => Promise.resolve({ outcome: 'SUCCESS' }),
    () => connected.given,
  );
  const consuming = consumerOf(store, channel, store.fence({ deadlineMs: 200 })).consume(await claimMessage(store, run));
  await expect.poll(() => countsOf(store, run.execution)).toEqual({ SENDING: 10 });
  // It would come when the database ends the holder's session, later than anybody waits here.
  const pause = await store.fence({ waitMs: 3000 }).barrier(await lockKeyOf(store, run), () => Promise.resolve('read'));
  expect(pause).toMatchObject({ confirmed: true });
  connected.give();
  await consuming;
  expect(channel.started).toBe(0);
  expect(await statesOf(store, run.execution)).toEqual({ PENDING: 10 });
});

test('the results of many slices are settled together, and their claim ends with them', async () => {
  const run = await runningCampaign(store, 120);
  const odd = new Set(
    (await store.sql<{ id: string }>('select id from deliveries where execution_id = $1', [run.execution]))
      .map(({ id }) => id)
      .filter((_, index) => index % 2 === 1),
  );
  const sends: Channel = new TestChannel('safe', (id) =>
    Promise.resolve(odd.has(id) ? { outcome: 'FAILED', reason: 'no' } : { outcome: 'SUCCESS' }),
  );
  const few: Channel = { name: 'screen', redelivery: 'safe', slots: 4, maxAttempts: 5, prepare: (batch) => sends.prepare(batch) };
  await consumerOf(store, few, store.fence()).consume(await claimMessage(store, run, 120));
  expect(await statesOf(store, run.execution)).toEqual({ SUCCESS: 60, FAILED: 60 });
  expect(await countsOf(store, run.execution)).toEqual({ SUCCESS: 60, FAILED: 60 });
  expect(await store.sql('select from claims where execution_id = $1', [run.execution])).toEqual([]);
});
