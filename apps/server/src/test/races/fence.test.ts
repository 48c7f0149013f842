import { afterAll, beforeAll, expect, test } from 'vitest';
import { targetScreens } from '../../audience/audience.store.js';
import { Interruptions } from '../../campaigns/interruptions.service.js';
import { cancelCampaign } from '../../campaigns/campaigns.store.js';
import { FenceKeys } from '../../campaigns/fence-keys.store.js';
import type { Channel, SendResult } from '../../channels/channel.js';
import {
  beginDeliveries,
  claimDeliveries,
  expireLeases,
  rescueDeliveries,
  settleDeliveries,
  sweepDeliveries,
} from '../../deliveries/deliveries.store.js';
import { Claims } from '../../dispatch/claims.js';
import { Consumer } from '../../dispatch/consumer.js';
import { Pacer } from '../../dispatch/pacer.js';
import { systemClock } from '../../kit/clock.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import { BARRIERS_AT_ONCE, type Fence } from '../../store/fence.js';
import { waitForWaiters } from '../support/dispatching.js';
import { countsOf, openTestStore, runningCampaign, statesOf, type TestCampaign, type TestStore } from '../support/store.js';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

async function claim({ campaign, execution }: TestCampaign, most = 100) {
  const claimId = newId();
  const rows = await store.database.run(claimDeliveries, { campaign, execution, claim: claimId, process: null, most, leaseMs: 30_000 });
  return { campaignId: campaign, executionId: execution, claimId, epoch: rows[0]?.epoch ?? -1, deliveryIds: rows.map((row) => row.id) };
}

function begin(message: Awaited<ReturnType<typeof claim>>) {
  const { campaignId: campaign, executionId: execution, claimId, epoch, deliveryIds: ids } = message;
  return store.database.run(beginDeliveries, { campaign, execution, claim: claimId, process: null, epoch, ids, sendMs: 20_000 });
}

function settle({ campaign, execution }: TestCampaign, id: string, attempt: number, outcome: string) {
  return store.database.run(settleDeliveries, {
    campaign,
    execution,
    epoch: 0,
    claim: null,
    claims: [newId()],
    begunAt: [Date.now()],
    sentAt: [Date.now()],
    ids: [id],
    attempts: [attempt],
    outcomes: [outcome],
    reasons: [null],
    delaysMs: [0],
    doubts: [false],
    firstOfferMs: 10_000,
  });
}

function interruptionsWith(fence: Fence): Interruptions {
  return new Interruptions(store.database, fence, systemClock);
}

/** A channel whose sends end when the test says so. */
class HeldChannel implements Channel {
  readonly name = 'screen';
  readonly redelivery = 'safe';
  readonly slots = Number.POSITIVE_INFINITY;
  readonly maxAttempts = 5;
  started = 0;
  private release: (result: SendResult) => void = () => undefined;
  private readonly ended = new Promise<SendResult>((resolve) => {
    this.release = resolve;
  });

  prepare(): ReturnType<Channel['prepare']> {
    return Promise.resolve((_delivery, mayStart) => {
      if (!mayStart()) return Promise.resolve<SendResult>({ outcome: 'NOT_STARTED' });
      this.started += 1;
      return this.ended;
    });
  }

  end(result: SendResult): void {
    this.release(result);
  }
}

function consumerOf(channel: Channel, fence: Fence): Consumer {
  const metrics = { stale: () => undefined, sent: () => undefined };
  const options = { process: null, sendMs: 20_000, firstOfferMs: 10_000 };
  return new Consumer(
    store.database,
    fence,
    new FenceKeys(store.database),
    new Claims(store.database, 30_000, (error) => {
      throw error;
    }),
    new Map([['screen', channel]]),
    new Pacer(store.database, systemClock, new Map()),
    options,
    metrics,
    silentLog,
  );
}

test('a message begins once; the same message again begins nothing', async () => {
  const run = await runningCampaign(store, 10);
  const message = await claim(run);
  expect(await begin(message)).toHaveLength(10);
  expect(await begin(message)).toHaveLength(0);
  expect(await countsOf(store, run.execution)).toEqual({ SENDING: 10 });
});

test('targeting goes on while a batch of the same execution counts what it moved', async () => {
  const run = await runningCampaign(store, 10);
  await store.sql(`update executions set targeted = false, target_cursor = 's-99999' where id = $1`, [run.execution]);
  const everyone = { ids: null, groups: null, anyTags: null, allTags: null, noTags: null };
  await store.database.transaction(async (batch) => {
    const claimId = newId();
    await batch.run(claimDeliveries, {
      campaign: run.campaign,
      execution: run.execution,
      claim: claimId,
      process: null,
      most: 5,
      leaseMs: 30_000,
    });
    const [step] = await store.database.run(targetScreens, { execution: run.execution, most: 1000, ...everyone });
    expect(step).toMatchObject({ targeted: true });
  });
});

test('two claims at once share the rows between them, none in both', async () => {
  const run = await runningCampaign(store, 200);
  const messages = await Promise.all([claim(run, 150), claim(run, 150), claim(run, 150)]);
  const ids = messages.flatMap((message) => message.deliveryIds);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a message of an earlier claim of the same epoch does not begin a newer one', async () => {
  const run = await runningCampaign(store, 1);
  const earlier = await claim(run);
  await store.sql(`update deliveries set status = 'PENDING', next_attempt_at = now() where execution_id = $1`, [run.execution]);
  const newer = await claim(run);
  expect(newer.epoch).toBe(earlier.epoch);
  expect(await begin(earlier)).toHaveLength(0);
  expect(await begin(newer)).toHaveLength(1);
});

test('a message of an older epoch does not begin, though its claim is the row’s', async () => {
  const run = await runningCampaign(store, 1);
  const message = await claim(run);
  await store.sql('update deliveries set epoch = epoch + 1 where execution_id = $1', [run.execution]);
  expect(await begin(message)).toHaveLength(0);
});

test.each([
  ['paused', `update campaigns set paused = true where id = $1`],
  ['cancelled', `update campaigns set status = 'cancelled' where id = $1`],
  ['completed', `update campaigns set status = 'completed' where id = $1`],
])('nothing of a %s campaign is claimed, and nothing claimed begins', async (_name, stop) => {
  const run = await runningCampaign(store, 5);
  const message = await claim(run, 2);
  await store.sql(stop, [run.campaign]);
  expect(await begin(message)).toHaveLength(0);
  expect((await claim(run)).deliveryIds).toHaveLength(0);
});

test('only the attempt that began settles; a zombie does not overwrite a newer attempt', async () => {
  const run = await runningCampaign(store, 1);
  const message = await claim(run);
  const [first] = await begin(message);
  const id = first?.id ?? '';
  await settle(run, id, 1, 'PENDING');
  await begin(await claim(run));
  expect(await settle(run, id, 1, 'FAILED')).toHaveLength(0);
  expect(await settle(run, id, 2, 'SUCCESS')).toHaveLength(1);
  expect(await statesOf(store, run.execution)).toEqual({ SUCCESS: 1 });
  expect(await countsOf(store, run.execution)).toEqual({ SUCCESS: 1 });
});

test('a late true result heals UNKNOWN, and the counts follow', async () => {
  const run = await runningCampaign(store, 1);
  const [row] = await begin(await claim(run));
  await store.sql(`update claims set lease_until = now() - interval '1 s' where execution_id = $1`, [run.execution]);
  await store.database.run(rescueDeliveries, { most: 100, safeChannels: [] });
  expect(await countsOf(store, run.execution)).toEqual({ UNKNOWN: 1 });
  expect(await settle(run, row?.id ?? '', 1, 'SUCCESS')).toHaveLength(1);
  expect(await countsOf(store, run.execution)).toEqual({ SUCCESS: 1 });
});

test('what a dead worker was sending comes back in doubt on a safe channel, and ends UNKNOWN when its campaign is cancelled', async () => {
  const run = await runningCampaign(store, 3);
  await begin(await claim(run, 1));
  await claim(run, 1);
  await store.sql(`update claims set lease_until = now() - interval '1 s' where execution_id = $1`, [run.execution]);
  await store.database.run(rescueDeliveries, { most: 100, safeChannels: ['screen'] });
  expect(await countsOf(store, run.execution)).toEqual({ PENDING: 3 });
  await store.database.run(cancelCampaign, { id: run.campaign });
  await store.database.run(sweepDeliveries, { campaign: run.campaign, outcome: 'CANCELLED', reason: 'cancelled', most: 100 });
  expect(await statesOf(store, run.execution)).toEqual({ CANCELLED: 2, UNKNOWN: 1 });
  expect(await countsOf(store, run.execution)).toEqual({ CANCELLED: 2, UNKNOWN: 1 });
});

test('a process that is the only one returns at once what the dead had claimed or were sending', async () => {
  const run = await runningCampaign(store, 3);
  await begin(await claim(run, 1));
  await claim(run, 1);
  await store.database.run(expireLeases, {});
  await store.database.run(rescueDeliveries, { most: 10_000, safeChannels: ['screen'] });
  expect(await statesOf(store, run.execution)).toEqual({ PENDING: 3 });
});

test('a claim or send whose lease has not ended is left alone', async () => {
  const run = await runningCampaign(store, 2);
  await begin(await claim(run, 1));
  await claim(run, 1);
  await store.database.run(rescueDeliveries, { most: 100, safeChannels: ['screen'] });
  expect(await statesOf(store, run.execution)).toEqual({ SENDING: 1, IN_PROGRESS: 1 });
});

test('cancel waits for the batch that is between begin and start, and answers when it has started', async () => {
  const run = await runningCampaign(store, 1);
  const fence = store.fence();
  const { lockKey } = (await new FenceKeys(store.database).of(run.campaign)) ?? { lockKey: 0 };
  const hold = await fence.hold(lockKey);
  let answered = false;
  const cancelled = interruptionsWith(store.fence())
    .cancel(run.campaign, false)
    .then(() => {
      answered = true;
    });
  // The barrier is seen waiting for the lock before the holder lets go: no answer can have come.
  await waitForWaiter();
  expect(answered).toBe(false);
  await hold.release();
  await cancelled;
  expect(answered).toBe(true);
});

test('cancel that cannot be confirmed says who holds the lock; with force the holder is ended and counted', async () => {
  const run = await runningCampaign(store, 1);
  const { lockKey } = (await new FenceKeys(store.database).of(run.campaign)) ?? { lockKey: 0 };
  const hold = await store.fence().hold(lockKey);
  const campaigns = interruptionsWith(store.fence({ waitMs: 1000 }));
  await expect(campaigns.cancel(run.campaign, false)).rejects.toMatchObject({
    code: 'CANCEL_UNCONFIRMED',
    extra: { holders: [{ application: 'marquee' }] },
  });
  expect((await campaigns.cancel(run.campaign, true)).status).toBe('cancelled');
  await expect.poll(() => hold.mayStart()).toBe(false);
  await hold.release();
});

test('after cancel has answered no send of any consumer starts', async () => {
  const run = await runningCampaign(store, 50);
  const fence = store.fence();
  const channel = new HeldChannel();
  const consumer = consumerOf(channel, fence);
  const messages = [await claim(run, 25), await claim(run, 25)];
  const [first, second] = messages;
  const consuming = consumer.consume(first as (typeof messages)[0]);
  await expect.poll(() => channel.started).toBe(25);
  const cancelled = await interruptionsWith(store.fence()).cancel(run.campaign, false);
  expect(cancelled.status).toBe('cancelled');
  await consumer.consume(second as (typeof messages)[0]);
  expect(channel.started).toBe(25);
  channel.end({ outcome: 'SUCCESS' });
  await consuming;
  expect(await statesOf(store, run.execution)).toEqual({ SUCCESS: 25, IN_PROGRESS: 25 });
});

test('what has not started by the deadline is settled back and not sent', async () => {
  const run = await runningCampaign(store, 5);
  const channel = new HeldChannel();
  await consumerOf(channel, store.fence({ deadlineMs: 0 })).consume(await claim(run));
  expect(channel.started).toBe(0);
  expect(await statesOf(store, run.execution)).toEqual({ PENDING: 5 });
  expect(await countsOf(store, run.execution)).toEqual({ PENDING: 5 });
});

async function waitForWaiter(): Promise<void> {
  await expect
    .poll(
      async () =>
        (
          await store.sql(
            `select 1 from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`,
          )
        ).length,
    )
    .toBeGreaterThan(0);
}

test('of many pauses that wait at the same time so many ask for their locks at once, and the others have their turn', async () => {
  const fence = store.fence();
  const locks = [1, 2, 3, 4, 5, 6, 7].map((n) => 900_000 + n);
  const holds = await Promise.all(locks.slice(0, BARRIERS_AT_ONCE).map((lock) => fence.hold(lock)));
  const barriers = locks.map((lock) => fence.barrier(lock, () => Promise.resolve(lock)));
  await waitForWaiters(store, BARRIERS_AT_ONCE);
  // Nobody holds the lock of the last; it is not its turn.
  expect(await Promise.race([barriers.at(-1), Promise.resolve('waits')])).toBe('waits');
  for (const hold of holds) await hold.release();
  expect(await Promise.all(barriers)).toEqual(locks.map((read) => ({ confirmed: true, read, forced: 0 })));
});

test('a pause whose turn does not come in time is not confirmed, and does not fail', async () => {
  const fence = store.fence({ waitMs: 400 });
  const hold = await fence.hold(900_100);
  const barriers = Array.from({ length: 3 * BARRIERS_AT_ONCE }, () => fence.barrier(900_100, () => Promise.resolve('read')));
  const answers = await Promise.all(barriers);
  expect(answers.map(({ confirmed }) => confirmed)).toEqual(barriers.map(() => false));
  expect(answers).toContainEqual({ confirmed: false, holders: [] });
  await hold.release();
});
