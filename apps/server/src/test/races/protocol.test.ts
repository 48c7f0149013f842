import { afterAll, beforeAll, expect, test } from 'vitest';
import { Interruptions } from '../../campaigns/interruptions.service.js';
import type { SendResult } from '../../channels/channel.js';
import { sweepDeliveries } from '../../deliveries/deliveries.store.js';
import { Sweeper } from '../../dispatch/sweeper.js';
import { systemClock } from '../../kit/clock.js';
import type { Fence } from '../../store/fence.js';
import { Outbox } from '../../store/outbox.js';
import { claimMessage, consumerOf, countWaiting, lockKeyOf, PATIENT, signal, TestChannel, waitForWaiters } from '../support/dispatching.js';
import { openTestStore, runningCampaign, statesOf, type TestCampaign, type TestStore } from '../support/store.js';

// Each of these stops a process at one point of docs/protocol and lets another pass; `npm run test:mutants` shows that they do notice.

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const SENT: SendResult = { outcome: 'SUCCESS' };
const SOON = { waitMs: 0, force: false };

function interruptions(fence: Fence = store.fence()): Interruptions {
  return new Interruptions(store.database, fence, systemClock);
}

test('pause waits for a batch between begin and start, and answers when it has started', async () => {
  const run = await runningCampaign(store, 1);
  const hold = await store.fence().hold(await lockKeyOf(store, run));
  let answered = false;
  const paused = interruptions()
    .pause(run.campaign, SOON)
    .then(() => {
      answered = true;
    });
  await waitForWaiters(store);
  expect(answered).toBe(false);
  await hold.release();
  await paused;
});

test('pause waits until each send of the batch has asked whether it may start', async () => {
  const run = await runningCampaign(store, 2);
  const { given: letGo, give } = signal();
  let waiting = 0;
  const channel = new TestChannel(
    'safe',
    () => Promise.resolve(SENT),
    () => {
      waiting += 1;
      return waiting === 1 ? Promise.resolve() : letGo;
    },
  );
  const consuming = consumerOf(store, channel, store.fence()).consume(await claimMessage(store, run));
  await expect.poll(() => channel.started, PATIENT).toBe(1);
  const paused = interruptions().pause(run.campaign, SOON);
  await waitForWaiters(store);
  give();
  await paused;
  expect(channel.started).toBe(2);
  await consuming;
});

test('a pause that a resume has overtaken while it waited is not confirmed', async () => {
  const run = await runningCampaign(store, 1);
  const hold = await store.fence().hold(await lockKeyOf(store, run));
  const answer = interruptions()
    .pause(run.campaign, SOON)
    .catch((error: unknown) => error);
  await waitForWaiters(store);
  await interruptions().resume(run.campaign);
  await hold.release();
  expect(await answer).toMatchObject({ code: 'CONFLICT' });
});

test('a consumer that was stopped before its lock begins nothing after pause has answered', async () => {
  const run = await runningCampaign(store, 3);
  const fence = store.fence();
  const reached = signal();
  const letGo = signal();
  const hold = fence.hold.bind(fence);
  fence.hold = async (key) => {
    reached.give();
    await letGo.given;
    return await hold(key);
  };
  const channel = new TestChannel('safe', () => Promise.resolve(SENT));
  const consuming = consumerOf(store, channel, fence).consume(await claimMessage(store, run));
  await reached.given;
  await interruptions().pause(run.campaign, SOON);
  letGo.give();
  await consuming;
  expect(channel.started).toBe(0);
  expect(await statesOf(store, run.execution)).toEqual({ IN_PROGRESS: 3 });
});

test('a consumer that waited for the lock when the pause came begins nothing, for it reads the flag after it has the lock', async () => {
  const run = await runningCampaign(store, 3);
  const letGo = signal();
  const held = signal();
  const barrier = store.fence().barrier(await lockKeyOf(store, run), async () => {
    held.give();
    await letGo.given;
  });
  await held.given;
  const channel = new TestChannel('safe', () => Promise.resolve(SENT));
  const consuming = consumerOf(store, channel, store.fence()).consume(await claimMessage(store, run));
  await waitForWaiters(store);
  const paused = interruptions().pause(run.campaign, SOON);
  await waitForWaiters(store, 2);
  letGo.give();
  await Promise.all([barrier, paused, consuming]);
  expect(channel.started).toBe(0);
  expect(await statesOf(store, run.execution)).toEqual({ IN_PROGRESS: 3 });
});

test('a claim waits for a pause that is being committed, and then claims nothing', async () => {
  const run = await runningCampaign(store, 3);
  await store.sql('begin');
  await store.sql('update campaigns set paused = true where id = $1', [run.campaign]);
  let claimed = false;
  const claiming = claimMessage(store, run).finally(() => {
    claimed = true;
  });
  await expect.poll(async () => claimed || (await countWaiting(store, 'row')) > 0, PATIENT).toBe(true);
  await store.sql('commit');
  expect((await claiming).deliveryIds).toEqual([]);
});

test('resume returns what was claimed and not begun: it is claimed again in the next epoch, and the old message bounces', async () => {
  const run = await runningCampaign(store, 3);
  const channel = new TestChannel('unsafe', () => Promise.resolve(SENT));
  const consumer = consumerOf(store, channel, store.fence());
  const old = await claimMessage(store, run);
  await interruptions().pause(run.campaign, SOON);
  expect(await interruptions().resume(run.campaign)).toEqual({ resumed: true, epoch: 1, rewound: 3 });
  const next = await claimMessage(store, run);
  expect(next).toMatchObject({ epoch: 1, deliveryIds: old.deliveryIds });
  await consumer.consume(old);
  expect(channel.started).toBe(0);
  await consumer.consume(next);
  expect(channel.started).toBe(3);
});

test('a message that was held up before begin while pause and resume passed begins nothing of the next claim', async () => {
  const run = await runningCampaign(store, 1);
  const old = await claimMessage(store, run);
  const channel = new TestChannel('unsafe', () => Promise.resolve(SENT));
  await interruptions().pause(run.campaign, SOON);
  await interruptions().resume(run.campaign);
  const next = await claimMessage(store, run);
  // The row is locked while the old message begins: it looks at the row again when it has waited.
  await store.sql('begin');
  await store.sql('select from deliveries where execution_id = $1 for update', [run.execution]);
  const consuming = consumerOf(store, channel, store.fence()).consume(old);
  await expect.poll(async () => (await countWaiting(store, 'row')) > 0 || (await staleOf(run.campaign)) > 0, PATIENT).toBe(true);
  await store.sql('commit');
  await consuming;
  expect(channel.started).toBe(0);
  await consumerOf(store, channel, store.fence()).consume(next);
  expect(channel.started).toBe(1);
});

test('a result that comes after pause and resume counts', async () => {
  const run = await runningCampaign(store, 1);
  const { given: ended, give: end } = signal();
  const channel = new TestChannel('unsafe', () => ended.then(() => SENT));
  const consuming = consumerOf(store, channel, store.fence()).consume(await claimMessage(store, run));
  await expect.poll(() => channel.started, PATIENT).toBe(1);
  await interruptions().pause(run.campaign, SOON);
  await interruptions().resume(run.campaign);
  end();
  await consuming;
  expect(await statesOf(store, run.execution)).toEqual({ SUCCESS: 1 });
});

test('a delivery is SENDING for everybody before its first byte', async () => {
  const run = await runningCampaign(store, 1);
  const seen: unknown[] = [];
  const channel = new TestChannel('unsafe', async () => {
    seen.push(await statesOf(store, run.execution));
    return SENT;
  });
  await consumerOf(store, channel, store.fence()).consume(await claimMessage(store, run));
  expect(seen).toEqual([{ SENDING: 1 }]);
});

const MAYBE: SendResult = { outcome: 'RETRY', reason: 'no answer', afterMs: 0, ambiguous: true };

test('what may have been sent is not sent again on an unsafe channel', async () => {
  const run = await runningCampaign(store, 1);
  const channel = new TestChannel('unsafe', () => Promise.resolve(MAYBE));
  await consumerOf(store, channel, store.fence()).consume(await claimMessage(store, run));
  expect(await statesOf(store, run.execution)).toEqual({ UNKNOWN: 1 });
});

test('what may have been sent, and waits to be sent again, does not end CANCELLED', async () => {
  const run = await runningCampaign(store, 1);
  const channel = new TestChannel('safe', () => Promise.resolve(MAYBE));
  await consumerOf(store, channel, store.fence()).consume(await claimMessage(store, run));
  expect(await statesOf(store, run.execution)).toEqual({ PENDING: 1 });
  await interruptions().cancel(run.campaign, false);
  await store.database.run(sweepDeliveries, { campaign: run.campaign, outcome: 'CANCELLED', reason: 'cancelled', most: 100 });
  expect(await statesOf(store, run.execution)).toEqual({ UNKNOWN: 1 });
});

test('a cancelled campaign is swept until the last send has ended, also when that one is to be tried again', async () => {
  const run = await runningCampaign(store, 2);
  const { given: ended, give: end } = signal();
  const channel = new TestChannel('unsafe', () =>
    ended.then((): SendResult => ({ outcome: 'RETRY', reason: 'refused', afterMs: 0, ambiguous: false })),
  );
  const consuming = consumerOf(store, channel, store.fence()).consume(await claimMessage(store, run, 1));
  await expect.poll(() => channel.started, PATIENT).toBe(1);
  await interruptions().cancel(run.campaign, false);
  const errors: unknown[] = [];
  const sweeper = new Sweeper(store.database, new Outbox(30_000), { pollMs: 50, onError: (error) => errors.push(error) });
  sweeper.start();
  await expect.poll(() => statesOf(store, run.execution), PATIENT).toEqual({ SENDING: 1, CANCELLED: 1 });
  // It has looked once, and goes on looking.
  await expect
    .poll(() => store.sql(`select from outbox where aggregate_id = $1 and last_error is not null`, [run.campaign]))
    .toHaveLength(1);
  end();
  await consuming;
  await expect.poll(() => statesOf(store, run.execution), PATIENT).toEqual({ CANCELLED: 2 });
  await sweeper.stop();
  expect(errors).toEqual([]);
});

test('what a person sends again although nobody knows whether it was sent does not end CANCELLED', async () => {
  const run = await endedCampaign('UNKNOWN');
  expect(await interruptions().retry(run.campaign, { scope: 'unknown' })).toMatchObject({ retried: 1 });
  expect(await statesOf(store, run.execution)).toEqual({ PENDING: 1 });
  await interruptions().cancel(run.campaign, false);
  await store.database.run(sweepDeliveries, { campaign: run.campaign, outcome: 'CANCELLED', reason: 'cancelled', most: 100 });
  expect(await statesOf(store, run.execution)).toEqual({ UNKNOWN: 1 });
});

test('a retry that meets a cancel makes nothing due that nobody would end', async () => {
  const run = await endedCampaign('FAILED');
  await store.sql('begin');
  await store.sql(`update campaigns set status = 'cancelled' where id = $1`, [run.campaign]);
  let ended = false;
  const retrying = interruptions()
    .retry(run.campaign, { scope: 'failed' })
    .catch((error: unknown) => error)
    .finally(() => {
      ended = true;
    });
  await expect.poll(async () => ended || (await countWaiting(store, 'row')) > 0, PATIENT).toBe(true);
  await store.sql('commit');
  expect(await retrying).toMatchObject({ code: 'CONFLICT' });
  expect(await statesOf(store, run.execution)).toEqual({ FAILED: 1 });
});

/** A campaign to recipients whose execution is over, with one delivery that ended so. */
async function endedCampaign(status: 'FAILED' | 'UNKNOWN'): Promise<TestCampaign> {
  const run = await runningCampaign(store, 1, 'active');
  await store.sql(`update campaigns set channel = 'null' where id = $1`, [run.campaign]);
  await store.sql(`update executions set state = 'COMPLETED' where id = $1`, [run.execution]);
  await store.sql(`update deliveries set status = $2, next_attempt_at = null where execution_id = $1`, [run.execution, status]);
  return run;
}

async function staleOf(campaign: string): Promise<number> {
  const rows = await store.sql(`select from outbox where aggregate_id = $1 and payload::text like '%REJECTED_STALE%'`, [campaign]);
  return rows.length;
}
