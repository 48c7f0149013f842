import { afterAll, beforeAll, expect, test } from 'vitest';
import { targetCounted } from '../../audience/audience.store.js';
import { Interruptions } from '../../campaigns/interruptions.service.js';
import type { SendResult } from '../../channels/channel.js';
import { untargetedExecutions } from '../../executions/executions.store.js';
import { systemClock } from '../../kit/clock.js';
import type { Runner } from '../../store/database.js';
import { claimMessage, consumerOf, TestChannel } from '../support/dispatching.js';
import { countsOf, openTestStore, statesOf, type TestStore } from '../support/store.js';
import { cancelDuringTargeting, untargetedRehearsal } from '../support/targeting-races.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

test('a resume in the middle of targeting waits for no step of it, and everybody is sent to once', async () => {
  const run = await untargetedRehearsal(store, 8);
  await store.sql(`update campaigns set channel = 'screen' where id = $1`, [run.campaign]);
  const step = (on: Runner) => on.run(targetCounted, { execution: run.execution, count: 8, most: 3 });
  const sent: string[] = [];
  const channel = new TestChannel('unsafe', (id) => {
    sent.push(id);
    return Promise.resolve<SendResult>({ outcome: 'SUCCESS' });
  });
  const fence = store.fence();
  const consumer = consumerOf(store, channel, fence);
  const interruptions = new Interruptions(store.database, fence, systemClock);

  await step(store.database);
  const before = await claimMessage(store, run);
  expect(before.deliveryIds).toHaveLength(3);
  await store.database.transaction(async (transaction) => {
    await step(transaction);
    expect(await interruptions.pause(run.campaign, { waitMs: 0, force: false })).toMatchObject({ paused: true, draining: 0 });
    // While it is paused nobody begins another step.
    expect(await store.database.run(untargetedExecutions, { most: 10 })).toEqual([]);
    expect(await interruptions.resume(run.campaign)).toEqual({ resumed: true, epoch: 1, rewound: 3 });
    await consumer.consume(before);
    expect(sent).toEqual([]);
  });
  expect(await store.database.run(untargetedExecutions, { most: 10 })).toMatchObject([{ id: run.execution }]);
  expect(await step(store.database)).toEqual([{ made: 2, targeted: true }]);
  const after = await claimMessage(store, run);
  expect(after).toMatchObject({ epoch: 1, deliveryIds: { length: 8 } });
  await consumer.consume(after);
  await consumer.consume(before);
  expect(new Set(sent).size).toBe(8);
  expect(sent).toHaveLength(8);
  expect(await statesOf(store, run.execution)).toEqual({ SUCCESS: 8 });
  expect(await countsOf(store, run.execution)).toEqual({ SUCCESS: 8 });
});

test('a cancel in the middle of targeting ends what was made, and nothing is made after it', async () => {
  await cancelDuringTargeting(store, 60_000, 60_000);
});
