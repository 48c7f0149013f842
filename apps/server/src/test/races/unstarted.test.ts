import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SendResult } from '../../channels/channel.js';
import { clearanceOf } from '../../campaigns/clearance.store.js';
import { Deliveries } from '../../deliveries/deliveries.service.js';
import type { Fence } from '../../store/fence.js';
import { claimMessage, consumerOf, TestChannel } from '../support/dispatching.js';
import { openTestStore, runningCampaign, type TestStore } from '../support/store.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

/** A fence whose deadline has passed by the time a send could start, as long as `isLate` says so. */
function lateFence(isLate: () => boolean): Fence {
  const fence = store.fence();
  const hold: Fence['hold'] = async (lockKey) => {
    const held = await fence.hold(lockKey);
    return { release: () => held.release(), mayStart: () => !isLate() && held.mayStart() };
  };
  return Object.assign(Object.create(fence) as Fence, { hold });
}

test('a delivery that was begun and did not start in time has had no attempt, however often', async () => {
  const run = await runningCampaign(store, 1);
  const results: SendResult[] = [{ outcome: 'RETRY', reason: 'answered 500', afterMs: 0, ambiguous: false }, { outcome: 'SUCCESS' }];
  const channel = new TestChannel('safe', () => Promise.resolve(results.shift() ?? { outcome: 'FAILED', reason: 'once too often' }));
  let isLate = true;
  const consumer = consumerOf(
    store,
    channel,
    lateFence(() => isLate),
  );
  const deliveries = new Deliveries(store.database);
  const take = async (): Promise<string> => {
    await store.sql('update deliveries set next_attempt_at = now() where execution_id = $1 and next_attempt_at is not null', [
      run.execution,
    ]);
    const message = await claimMessage(store, run);
    await consumer.consume(message);
    return message.deliveryIds[0] ?? '';
  };
  let id = '';
  for (let n = 0; n <= channel.maxAttempts; n += 1) id = await take();
  expect(channel.started).toBe(0);
  expect(await deliveries.get(id)).toMatchObject({ status: 'PENDING', attempt: 0, lastError: 'not started in time' });
  // The screen cannot have it.
  expect(await store.database.run(clearanceOf, { id: run.campaign })).toMatchObject([{ clean: 1, dirty: 0, unreachable: 0 }]);

  isLate = false;
  await take();
  expect(await deliveries.get(id)).toMatchObject({ status: 'PENDING', attempt: 1, lastError: 'answered 500' });
  isLate = true;
  await take();
  isLate = false;
  await take();
  const { status, attempt, timeline } = await deliveries.get(id);
  expect({ status, attempt, started: channel.started }).toEqual({ status: 'SUCCESS', attempt: 2, started: 2 });
  const settled = timeline.filter(({ what }) => what === 'settled').map((entry) => `#${entry.attempt} ${entry.outcome}`);
  expect(settled.slice(-4)).toEqual(['#1 PENDING', '#1 PENDING', '#2 PENDING', '#2 SUCCESS']);
});
