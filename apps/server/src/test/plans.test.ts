import { afterAll, beforeAll, describe, test } from 'vitest';
import { beginDeliveries, claimDeliveries, rescueDeliveries, settleDeliveries } from '../deliveries/deliveries.store.js';
import { dueOffers, renewOfferRounds, takeOffers, takeRevokes } from '../deliveries/offers.store.js';
import { waitingExecutions } from '../executions/executions.store.js';
import { newId } from '../kit/ids.js';
import { acknowledge } from '../screens/acknowledgements.store.js';
import { countPlays, storePlayLogs } from '../screens/play-logs.store.js';
import { contactNow, reconcileInstalled } from '../screens/screens.store.js';
import { noteKept, settleSeqs, takeReplays } from '../screens/sequences.store.js';
import { caseOf, rivalsOf } from '../screens/why/why.store.js';
import type { Shape, Statement, ValuesOf } from '../store/statement.js';
import { Plans } from './support/plans.js';
import { openTestStore, runningCampaign, type TestCampaign, type TestStore } from './support/store.js';

const ROWS = 40_000;
const BATCH = 200;
/** Tables that have a row for each screen, or more. */
const LARGE = ['deliveries', 'devices', 'delivery_events', 'event_series', 'play_hours'];
/** A statement may look at so many rows in vain. */
const REMOVED = 2 * BATCH;

let store: TestStore;
let run: TestCampaign;
let plans: Plans;

beforeAll(async () => {
  store = await openTestStore();
  run = await runningCampaign(store, ROWS);
  // The trap: statistics taken before the drain, when every row was PENDING.
  await store.sql('analyze');
  for (let batch = 0; batch < 20; batch += 1) await drainOne();
  plans = await Plans.open(store.url, LARGE);
}, 120_000);

afterAll(async () => {
  await plans.close();
  await store.close();
});

/** Takes a thousand rows from claim to settle. */
async function drainOne(): Promise<void> {
  const claimed = await claimRows(1000);
  const begun = await store.database.run(beginDeliveries, { ...claimed, process: null, sendMs: 20_000 });
  const ids = begun.map((row) => row.id).sort();
  await store.database.run(settleDeliveries, settlement(ids));
}

async function claimRows(most: number): Promise<{ campaign: string; execution: string; claim: string; epoch: number; ids: string[] }> {
  const claim = newId();
  const rows = await store.database.run(claimDeliveries, { ...run, claim, process: null, most, leaseMs: 30_000 });
  return { ...run, claim, epoch: 0, ids: rows.map((row) => row.id) };
}

function settlement(ids: string[]): ValuesOf<typeof settleDeliveries.takes> {
  return {
    ...run,
    epoch: 0,
    claim: null,
    claims: ids.map(() => run.execution),
    begunAt: ids.map(() => Date.now()),
    sentAt: ids.map(() => Date.now()),
    ids,
    attempts: ids.map(() => 1),
    outcomes: ids.map(() => 'SUCCESS'),
    reasons: ids.map(() => null),
    delaysMs: ids.map(() => 0),
    doubts: ids.map(() => false),
    firstOfferMs: 10_000,
  };
}

async function expectPlans<Takes extends Shape>(statement: Statement<Takes>, args: ValuesOf<Takes>, removed = REMOVED): Promise<void> {
  await plans.expect(statement, args, removed);
}

describe('on a table half drained, analysed before', () => {
  test('claim', () => expectPlans(claimDeliveries, { ...run, claim: newId(), process: null, most: BATCH, leaseMs: 30_000 }));

  test('begin', async () => expectPlans(beginDeliveries, { ...(await claimRows(BATCH)), process: null, sendMs: 20_000 }));

  test('settle', async () => {
    const begun = await store.database.run(beginDeliveries, { ...(await claimRows(BATCH)), process: null, sendMs: 20_000 });
    await expectPlans(settleDeliveries, settlement(begun.map((row) => row.id).sort()));
  });

  test('rescue', () => expectPlans(rescueDeliveries, { most: BATCH, safeChannels: ['screen'] }));

  test('waiting executions', () => expectPlans(waitingExecutions, {}));

  test('acknowledge', async () => {
    const screens = (
      await store.sql<{ recipient: string }>('select recipient from deliveries where acknowledged_at is null and status = $1 limit $2', [
        'SUCCESS',
        BATCH,
      ])
    ).map((row) => row.recipient);
    const args = {
      eventIds: screens.map(() => newId()),
      devices: screens,
      campaigns: screens.map(() => run.campaign),
      versions: screens.map(() => 1),
      types: screens.map(() => 'install_ack'),
      assets: screens.map(() => null),
      payloads: screens.map(() => '{}'),
      times: screens.map(() => 1),
      errors: screens.map(() => null),
      missings: screens.map(() => false),
    };
    // Each row is asked for five possible outcomes, one of which it has.
    await expectPlans(acknowledge, args, 5 * BATCH);
  });

  describe('of events with numbers and plays', () => {
    const screens = Array.from({ length: BATCH }, (_, index) => `s-${String(index * 150 + 1).padStart(5, '0')}`);
    const same = <Value>(value: Value): Value[] => screens.map(() => value);

    beforeAll(async () => {
      await store.sql(
        `insert into event_series (device_id, series, settled, said_last) select device_id, 'a', '{[-1,50)}', 49 from devices`,
      );
      await store.sql(
        `insert into play_hours select device_id, $1, '', date_trunc('hour', now()) - h * interval '1 hour', 5, 50000
         from devices, generate_series(0, 2) h`,
        [run.campaign],
      );
      await store.sql(
        `insert into delivery_events (event_id, device_id, campaign_id, version, event_type, payload, occurred_at)
         select gen_random_uuid(), device_id, $1, 1, 'play_log', '{}', 1 from devices`,
        [run.campaign],
      );
      await store.sql('analyze event_series, play_hours, delivery_events');
    }, 60_000);

    test('settled, kept and asked for', async () => {
      await expectPlans(settleSeqs, { devices: screens, series: same('a'), seqs: same(52), waitMs: 0 });
      await expectPlans(noteKept, { devices: screens, series: same('b'), firsts: same(1), lasts: same(3), waitMs: 0 });
      await store.sql(`update event_series set next_ask_at = now() where device_id = any($1)`, [screens]);
      await expectPlans(takeReplays, { most: BATCH, mostAsks: 3, waitMs: 0, maxMs: 0 });
    });

    test('stored and counted', async () => {
      await expectPlans(storePlayLogs, {
        eventIds: screens.map(() => newId()),
        devices: screens,
        campaigns: same(run.campaign),
        seconds: same(null),
        versions: same(1),
        payloads: same('{}'),
        times: same(1),
        series: same('a'),
        seqs: same(52),
        named: [run.campaign],
        oldest: Date.now(),
      });
      await expectPlans(countPlays, {
        devices: screens,
        campaigns: same(run.campaign),
        assets: same(null),
        hours: same(Math.floor(Date.now() / 3_600_000) * 3_600_000),
        plays: same(1),
        durations: same(1000),
      });
    });
  });

  test('offers and revokes that are due', async () => {
    await store.sql(
      `update deliveries set next_offer_at = now() - interval '1 s' where next_offer_at is not null and id in (select id from deliveries where next_offer_at is not null limit $1)`,
      [BATCH],
    );
    const [due] = await store.database.run(dueOffers, { most: BATCH });
    await expectPlans(dueOffers, { most: BATCH });
    await expectPlans(takeOffers, { campaign: run.campaign, ids: due?.ids ?? [], firstMs: 10_000, maxMs: 60_000, now: Date.now() });
    await expectPlans(takeRevokes, { most: BATCH, firstMs: 10_000, maxMs: 60_000 });
  });

  test('why it is not playing on a screen', async () => {
    await store.sql(`update deliveries set acknowledged_at = now(), acknowledged_version = 1 where recipient = 's-00001'`);
    const of = { campaign: run.campaign, device: 's-00001' };
    await expectPlans(caseOf, of, 10);
    await expectPlans(rivalsOf, { ...of, priority: 0, now: Date.now(), most: 100 }, 10);
  });

  test('screens that come online', async () => {
    const devices = Array.from({ length: BATCH }, (_, index) => `s-${String(index + 1).padStart(5, '0')}`);
    await expectPlans(contactNow, { devices });
    const installed = {
      installedDevices: devices,
      installedCampaigns: devices.map(() => run.campaign),
      installedVersions: devices.map(() => 1),
    };
    await expectPlans(reconcileInstalled, { devices, agesMs: devices.map(() => 0), ...installed });
  });

  test('looks for offers that nobody planned', () => expectPlans(renewOfferRounds, { inMs: 10_000 }));
});
