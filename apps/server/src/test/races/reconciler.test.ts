import { afterAll, beforeAll, expect, test } from 'vitest';
import { Reconciler } from '../../dispatch/reconciler.js';
import { systemClock } from '../../kit/clock.js';
import { PRUNE_STEP } from '../../store/prune.js';
import { openTestStore, runningCampaign, type TestStore } from '../support/store.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

class SteppedReconciler extends Reconciler {
  step(): Promise<number> {
    return this.turn();
  }
}

function reconciler(): SteppedReconciler {
  const onError = (error: unknown): void => {
    throw error;
  };
  return new SteppedReconciler(store.database, systemClock, {
    intervalMs: 1000,
    playLogKeepMs: 60_000,
    deliveryLogKeepMs: 60_000,
    onError,
  });
}

test('a campaign that was paused when its end came is over, and paused no more', async () => {
  const { campaign } = await runningCampaign(store, 1, 'active');
  await store.sql('update campaigns set paused = true, start_at = 1, expire_at = 2 where id = $1', [campaign]);
  await reconciler().step();
  expect(await store.sql('select status, paused from campaigns where id = $1', [campaign])).toEqual([
    { status: 'completed', paused: false },
  ]);
});

test('a turn prunes more of the log than one step does, and nothing that is younger', async () => {
  const { execution } = await runningCampaign(store, 1, 'active');
  const log = `insert into delivery_log (what, execution_id, delivery_ids, at) select 'settled', $1, '{}', now() - $2::interval from generate_series(1, $3)`;
  await store.sql(log, [execution, '2 minutes', 2 * PRUNE_STEP + 1]);
  await store.sql(log, [execution, '1 second', 3]);
  await reconciler().step();
  expect(await store.sql('select count(*)::int as n from delivery_log where execution_id = $1', [execution])).toEqual([{ n: 3 }]);
});
