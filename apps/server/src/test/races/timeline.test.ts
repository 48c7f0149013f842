import type { DeliveryDetail } from '@marquee/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BusMessage } from '../../bus/bus.js';
import { retryDeliveries, resumeCampaign, rewindDeliveries } from '../../campaigns/interruptions.store.js';
import { Deliveries } from '../../deliveries/deliveries.service.js';
import {
  beginDeliveries,
  claimDeliveries,
  expireLeases,
  giveBackClaim,
  rescueDeliveries,
  settleDeliveries,
} from '../../deliveries/deliveries.store.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import { Database } from '../../store/database.js';
import { pruneDeliveryLog, sessionName } from '../../store/delivery-log.js';
import { click, delivered, statsConsumer } from '../support/clicks.js';
import { openTestStore, runningCampaign, type TestCampaign, type TestStore } from '../support/store.js';

let store: TestStore;
const opened: Database[] = [];
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(async () => {
  await Promise.all(opened.map((each) => each.close()));
  await store.close();
});

/** A process of this name, as far as the database can tell. */
function worker(name: string): Database {
  const database = new Database({ url: store.url, poolSize: 2, session: sessionName(name), log: silentLog });
  opened.push(database);
  return database;
}

async function claim(by: Database, { campaign, execution }: TestCampaign): Promise<BusMessage> {
  const claimId = newId();
  const rows = await by.run(claimDeliveries, { campaign, execution, claim: claimId, process: null, most: 100, leaseMs: 30_000 });
  return { campaignId: campaign, executionId: execution, claimId, epoch: rows[0]?.epoch ?? -1, deliveryIds: rows.map((row) => row.id) };
}

/** When the sender of a claim began it, by its own clock. */
const begunAt = new Map<string, number>();

function begin(by: Database, { campaignId: campaign, executionId: execution, claimId, epoch, deliveryIds: ids }: BusMessage) {
  begunAt.set(claimId, Date.now());
  return by.run(beginDeliveries, { campaign, execution, claim: claimId, process: null, epoch, ids, sendMs: 20_000 });
}

async function settle(by: Database, message: BusMessage, attempt: number, outcome: string, reason: string | null = null): Promise<void> {
  const { campaignId: campaign, executionId: execution, claimId, epoch, deliveryIds: ids } = message;
  const same = <Value>(value: Value): Value[] => ids.map(() => value);
  const said = {
    attempts: same(attempt),
    doubts: same(false),
    outcomes: same(outcome),
    reasons: same(reason),
    delaysMs: same(0),
    sentAt: same(Date.now()),
  };
  await by.run(settleDeliveries, {
    campaign,
    execution,
    claim: claimId,
    epoch,
    ids,
    claims: same(claimId),
    begunAt: same(begunAt.get(claimId) ?? 0),
    firstOfferMs: null,
    ...said,
  });
}

/** Pauses and resumes; what is claimed and not begun goes back. */
async function pauseAndResume({ campaign }: TestCampaign): Promise<void> {
  await store.sql('update campaigns set paused = true where id = $1', [campaign]);
  await store.database.run(resumeCampaign, { id: campaign });
  await store.database.run(rewindDeliveries, { campaign });
}

function timeline(id: string): Promise<DeliveryDetail> {
  return new Deliveries(store.database).get(id);
}

/** The timeline in words: what, by whom, in which epoch and attempt, and what came of it. */
async function told(id: string): Promise<string[]> {
  const { timeline: entries } = await timeline(id);
  expect(entries.every((entry) => Math.abs(entry.at - Date.now()) < 120_000)).toBe(true);
  return entries.map(({ what, worker: by, epoch, attempt, outcome }) =>
    [what, by, epoch === undefined ? '' : `e${epoch}`, attempt === undefined ? '' : `#${attempt}`, outcome].filter(Boolean).join(' '),
  );
}

describe('the timeline of a delivery', () => {
  test('that was rewound, claimed again, failed, retried and sent has all of it in its order', async () => {
    const [one, two] = [worker('one:1'), worker('two:2')];
    const run = await runningCampaign(store, 1);
    const first = await claim(one, run);
    const [id = ''] = first.deliveryIds;
    await pauseAndResume(run);
    expect(await begin(one, first)).toEqual([]);
    const second = await claim(two, run);
    await begin(two, second);
    expect((await told(id)).slice(-2)).toEqual(['claimed two:2 e1', 'begun two:2 e1 #1']);
    await settle(two, second, 1, 'FAILED', 'it is gone');
    await store.database.run(retryDeliveries, { execution: run.execution, states: ['FAILED'], ids: null, after: '', most: 10 });
    const third = await claim(one, run);
    await begin(one, third);
    await settle(one, third, 2, 'SUCCESS');
    expect(await told(id)).toEqual([
      'targeted',
      'claimed one:1 e0',
      'rewound one:1 e0 PENDING',
      'claimed two:2 e1',
      'begun two:2 e1 #1',
      'sent two:2 e1 #1',
      'settled two:2 e1 #1 FAILED',
      'retried PENDING',
      'claimed one:1 e1',
      'begun one:1 e1 #2',
      'sent one:1 e1 #2',
      'settled one:1 e1 #2 SUCCESS',
    ]);
    const { timeline: entries } = await timeline(id);
    expect(entries[6]).toMatchObject({ reason: 'it is gone', claimId: second.claimId });
  });

  test('whose worker died says so, and a result that comes too late changes nothing', async () => {
    const [dead, next] = [worker('dead:1'), worker('next:2')];
    const run = await runningCampaign(store, 2);
    const first = await claim(dead, run);
    const [id = '', other = ''] = first.deliveryIds;
    await begin(dead, { ...first, deliveryIds: [id] });
    await store.database.run(expireLeases, {});
    await store.database.run(rescueDeliveries, { most: 100, safeChannels: ['screen'] });
    const second = await claim(next, run);
    await begin(next, second);
    await settle(dead, { ...first, deliveryIds: [id] }, 1, 'SUCCESS');
    await settle(next, { ...second, deliveryIds: [id] }, 2, 'SUCCESS');
    expect(await told(id)).toEqual([
      'targeted',
      'claimed dead:1 e0',
      'begun dead:1 e0 #1',
      'rescued dead:1 e0 #1 PENDING',
      'claimed next:2 e0',
      'begun next:2 e0 #2',
      'sent dead:1 e0 #1',
      'settled dead:1 e0 #1 REJECTED_STALE',
      'sent next:2 e0 #2',
      'settled next:2 e0 #2 SUCCESS',
    ]);
    expect((await told(other)).slice(0, 3)).toEqual(['targeted', 'claimed dead:1 e0', 'rescued dead:1 e0 PENDING']);
  });

  test('that was given back unsent says so', async () => {
    const run = await runningCampaign(store, 1);
    const message = await claim(worker('ends:1'), run);
    await store.database.run(giveBackClaim, { claim: message.claimId, afterMs: 0 });
    expect(await told(message.deliveryIds[0] ?? '')).toEqual(['targeted', 'claimed ends:1 e0', 'returned ends:1 e0 PENDING']);
  });

  test('keeps the order of the protocol when the clock of a sender is an hour off', async () => {
    const run = await runningCampaign(store, 1);
    const message = await claim(worker('late'), run);
    await begin(worker('late'), message);
    const { campaignId: campaign, executionId: execution, claimId: claimed, deliveryIds: ids } = message;
    const [past, future] = [Date.now() - 3_600_000, Date.now() + 3_600_000];
    await store.database.run(settleDeliveries, {
      campaign,
      execution,
      claim: claimed,
      epoch: 0,
      ids,
      attempts: [1],
      outcomes: ['SUCCESS'],
      reasons: [null],
      delaysMs: [0],
      doubts: [false],
      claims: [claimed],
      begunAt: [future],
      sentAt: [past],
      firstOfferMs: null,
    });
    const { timeline: entries } = await timeline(ids[0] ?? '');
    expect(entries.map(({ what }) => what)).toEqual(['targeted', 'claimed', 'begun', 'sent', 'settled']);
    expect(entries[3]).toMatchObject({ at: past });
  });

  test('is forgotten after its time, what became of the delivery is not, and goes with its campaign', async () => {
    const run = await runningCampaign(store, 1);
    const message = await claim(worker('old'), run);
    const [id = ''] = message.deliveryIds;
    await begin(worker('old'), message);
    await settle(worker('old'), message, 1, 'FAILED', 'nobody there');
    await store.database.run(pruneDeliveryLog, { keepMs: 60_000 });
    expect(await told(id)).toHaveLength(5);
    await store.sql(`update delivery_log set at = at - interval '2 minutes' where execution_id = $1`, [run.execution]);
    await store.database.run(pruneDeliveryLog, { keepMs: 60_000 });
    const { timeline: entries } = await timeline(id);
    expect(entries).toMatchObject([{ what: 'targeted' }, { what: 'settled', outcome: 'FAILED', reason: 'nobody there' }]);
    await store.database.run(pruneDeliveryLog, { keepMs: 0 });
    await settle(worker('old'), message, 1, 'FAILED');
    await store.sql('delete from campaigns where id = $1', [run.campaign]);
    expect(await store.sql('select from delivery_log where execution_id = $1', [run.execution])).toEqual([]);
  });
});

test('a code that was scanned stands in the timeline with the play that ran on that screen, or had just ended', async () => {
  const { campaign, execution } = await runningCampaign(store, 2);
  const [delivery, other] = await store.sql<{ id: string; recipient: string }>(
    'select id, recipient from deliveries where execution_id = $1 order by recipient',
    [execution],
  );
  const [shown, later] = [newId(), newId()];
  const at = Date.now() + 60_000;
  const plays = [
    { campaignId: campaign, version: 1, assetId: shown, startedAt: at, durationMs: 10_000 },
    { campaignId: newId(), version: 1, assetId: 'of another', startedAt: at + 11_000, durationMs: 10_000 },
    { campaignId: campaign, version: 1, assetId: later, startedAt: at + 300_000, durationMs: 10_000 },
    { campaignId: campaign, version: 1, assetId: 'x', startedAt: 'soon', durationMs: {} },
    null,
  ];
  const log = (payload: unknown) =>
    store.sql(
      `insert into delivery_events (event_id, device_id, campaign_id, version, event_type, payload, occurred_at, created_at)
       values (gen_random_uuid(), $1, $2, 1, 'play_log', $3, 0, to_timestamp($4 / 1000.0))`,
      [delivery?.recipient, campaign, JSON.stringify(payload), at + 400_000],
    );
  await log({ plays });
  await log({ plays: 'none' });
  const of = (clickedAt: number, more: object = {}) =>
    delivered(
      click({ clickedAt, uid: '', source: 'qr', adId: shown, campaignId: campaign, deviceId: delivery?.recipient ?? '', ...more }),
      {
        process: 0,
        seq: 0,
      },
    );
  await statsConsumer(store).handle([
    of(at + 39_999),
    of(at - 1),
    of(at + 5000),
    of(at + 41_000),
    of(at, { deviceId: other?.recipient }),
    of(at, { campaignId: newId() }),
    of(at + 305_000, { source: 'api' }),
  ]);
  const detail = await new Deliveries(store.database).get(delivery?.id ?? '');
  const clicked = detail.timeline.filter(({ what }) => what === 'clicked');
  const scan = { what: 'clicked', assetId: shown };
  const play = { assetId: shown, startedAt: at, durationMs: 10_000 };
  expect(clicked).toEqual([
    { at: at - 1, ...scan },
    { at: at + 5000, ...scan, play },
    { at: at + 39_999, ...scan, play },
    { at: at + 41_000, ...scan },
    { at: at + 305_000, ...scan, play: { assetId: later, startedAt: at + 300_000, durationMs: 10_000 } },
  ]);
});
