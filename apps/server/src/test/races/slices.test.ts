import { afterAll, beforeAll, expect, test } from 'vitest';
import { Interruptions } from '../../campaigns/interruptions.service.js';
import type { Channel } from '../../channels/channel.js';
import type { Consumer } from '../../dispatch/consumer.js';
import { systemClock } from '../../kit/clock.js';
import { silentLog } from '../../kit/log.js';
import { Notifications } from '../../store/notifications.js';
import { claimMessage, consumerOf, lockKeyOf, PATIENT, signal, TestChannel } from '../support/dispatching.js';
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
  const consuming = consumerOf(store, channel, store.fence({ deadlineMs: 200, idleMs: 60_000 })).consume(await claimMessage(store, run));
  await expect.poll(() => countsOf(store, run.execution)).toEqual({ SENDING: 10 });
  // It would come when the database ends the holder's session, later than anybody waits here.
  const pause = await store.fence({ waitMs: 30_000 }).barrier(await lockKeyOf(store, run), () => Promise.resolve('read'));
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

test('sends that wait for their connections keep no pause waiting once their worker hears of it, and do not start after it', async () => {
  const run = await runningCampaign(store, 10);
  const connected = signal();
  const channel = new TestChannel(
    'safe',
    () => Promise.resolve({ outcome: 'SUCCESS' }),
    () => connected.given,
  );
  // Neither the deadline nor the end of the holder's session comes before the pause gives up.
  const consumer = consumerOf(store, channel, store.fence({ deadlineMs: 60_000, idleMs: 60_000 }));
  await hearing(consumer, async () => {
    const consuming = consumer.consume(await claimMessage(store, run));
    await expect.poll(() => countsOf(store, run.execution), PATIENT).toEqual({ SENDING: 10 });
    const paused = await new Interruptions(store.database, store.fence(), systemClock).pause(run.campaign, { waitMs: 0, force: false });
    expect(paused).toMatchObject({ paused: true, epoch: 0 });
    connected.give();
    await consuming;
    expect(channel.started).toBe(0);
    expect(await statesOf(store, run.execution)).toEqual({ PENDING: 10 });
  });
});

test('word of a pause that comes after its resume calls off nothing of the next epoch', async () => {
  const run = await runningCampaign(store, 3);
  const interruptions = new Interruptions(store.database, store.fence(), systemClock);
  await interruptions.pause(run.campaign, { waitMs: 0, force: false });
  await interruptions.resume(run.campaign);
  const channel = new TestChannel(
    'safe',
    () => Promise.resolve({ outcome: 'SUCCESS' }),
    () => {
      consumer.callOff(`${run.campaign}:0`);
      return Promise.resolve();
    },
  );
  const consumer = consumerOf(store, channel, store.fence());
  await consumer.consume(await claimMessage(store, run));
  expect(channel.started).toBe(3);
});

test('who cancels waits for no send that waits for its connection once the worker hears of it', async () => {
  const run = await runningCampaign(store, 2);
  const connected = signal();
  const channel = new TestChannel(
    'safe',
    () => Promise.resolve({ outcome: 'SUCCESS' }),
    () => connected.given,
  );
  const consumer = consumerOf(store, channel, store.fence({ deadlineMs: 60_000, idleMs: 60_000 }));
  await hearing(consumer, async () => {
    const consuming = consumer.consume(await claimMessage(store, run));
    await expect.poll(() => countsOf(store, run.execution), PATIENT).toEqual({ SENDING: 2 });
    const cancelled = await new Interruptions(store.database, store.fence(), systemClock).cancel(run.campaign, false);
    expect(cancelled.status).toBe('cancelled');
    connected.give();
    await consuming;
    expect(channel.started).toBe(0);
  });
});

/** While the consumer hears what the database tells of pauses and cancels. */
async function hearing(consumer: Consumer, work: () => Promise<void>): Promise<void> {
  const notifications = new Notifications(store.database, silentLog);
  notifications.on('campaign_stopped', (detail) => consumer.callOff(detail));
  await notifications.start();
  try {
    await work();
  } finally {
    await notifications.stop();
  }
}
