import type { CampaignView } from '@marquee/contracts';
import { expect } from 'vitest';
import { Interruptions } from '../../campaigns/interruptions.service.js';
import { Launcher } from '../../dispatch/launcher.js';
import { Sweeper } from '../../dispatch/sweeper.js';
import { systemClock } from '../../kit/clock.js';
import { Outbox } from '../../store/outbox.js';
import { eventually } from './eventually.js';
import { countsOf, runningCampaign, statesOf, type TestCampaign, type TestStore } from './store.js';

/** A running rehearsal to so many recipients, none of whom is targeted yet. */
export async function untargetedRehearsal(store: TestStore, recipients: number): Promise<TestCampaign> {
  const run = await runningCampaign(store, 0, 'active');
  await store.sql(`update campaigns set channel = 'null', audience = jsonb_build_object('count', $2::int) where id = $1`, [
    run.campaign,
    recipients,
  ]);
  await store.sql('update executions set targeted = false where id = $1', [run.execution]);
  return run;
}

/** Cancels a campaign in the middle of its targeting and sees that nothing of it is left, and nothing comes after. */
export async function cancelDuringTargeting(store: TestStore, recipients: number, withinMs: number): Promise<void> {
  const failures: unknown[] = [];
  const options = { pollMs: 50, onError: (error: unknown) => void failures.push(error) };
  const run = await untargetedRehearsal(store, recipients);
  const outbox = new Outbox(10_000);
  const launcher = new Launcher(store.database, outbox, systemClock, options);
  const sweeper = new Sweeper(store.database, outbox, options);
  launcher.start();
  sweeper.start();
  let cancelled: CampaignView;
  let made: number;
  try {
    await eventually(async () => expect(await madeOf(store, run)).toBeGreaterThanOrEqual(recipients / 4), withinMs);
    cancelled = await new Interruptions(store.database, store.fence(), systemClock).cancel(run.campaign, false);
    await eventually(async () => expect(Object.keys(await statesOf(store, run.execution))).toEqual(['CANCELLED']), withinMs);
    await eventually(async () => expect(await store.sql('select from outbox where not processed')).toEqual([]), withinMs);
    made = await madeOf(store, run);
  } finally {
    await launcher.stop();
    await sweeper.stop();
  }
  expect(failures).toEqual([]);
  expect(cancelled.status).toBe('cancelled');
  // In the middle of it.
  expect(made).toBeLessThan(recipients);
  expect(await store.sql('select state, targeted from executions where id = $1', [run.execution])).toEqual([
    { state: 'CANCELLED', targeted: false },
  ]);
  expect(await statesOf(store, run.execution)).toEqual({ CANCELLED: made });
  expect(await countsOf(store, run.execution)).toEqual({ CANCELLED: made });
}

async function madeOf(store: TestStore, { execution }: TestCampaign): Promise<number> {
  const [row] = await store.sql<{ n: number }>('select count(*)::int as n from deliveries where execution_id = $1', [execution]);
  return row?.n ?? 0;
}
