import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { claimClicks, dropClicks, dropDeadClicks, enqueueClicks, returnClicks } from '../clicks/brokers/click-queue.store.js';
import { findScannedScreen } from '../clicks/codes/scan-targets.store.js';
import { buryClicks, listDeadLetters, redriveDeadLetters } from '../clicks/dead-letters/dead-letters.store.js';
import { sayAccepted } from '../clicks/ledger/ledger.store.js';
import { keepClicks, markClicks, markedClicks, oldestClicks, removeClicks, sayDropped } from '../clicks/publisher/publisher.store.js';
import { clickSeries } from '../clicks/stats/click-report.store.js';
import { countClicks, noteRepeats, noteVisits, settleClicks, takeClickIds } from '../clicks/stats/click-counts.store.js';
import type { Shape, Statement, ValuesOf } from '../store/statement.js';
import { Plans } from './support/plans.js';
import { openTestStore, type TestStore } from './support/store.js';

const ROWS = 20_000;
const BATCH = 200;
const MINUTE = 60_000;
/** Tables that have a row a click, or a row a minute and ad. */
const LARGE = [
  'click_ids',
  'click_repeats',
  'clicks_default',
  'click_minutes',
  'click_visitors',
  'click_queue',
  'click_fallback',
  'click_marks',
  'click_dead_letters',
  'click_accepted',
  'click_settled',
  'devices',
];
const NOW = Date.now();

let store: TestStore;
let plans: Plans;

/** Some that are there, by their number; the others of a batch are new. */
const there = Array.from({ length: BATCH / 2 }, (_, index) => index * 100 + 1);
const ids = [...there.map(idOf), ...there.map(() => randomUUID())];
const seqs = ids.map((_, index) => there[index] ?? ROWS + index);
const same = <Value>(value: Value): Value[] => ids.map(() => value);
const numbers = { processes: same(1), seqs };

/** As the SQL below makes them. */
function idOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

beforeAll(async () => {
  store = await openTestStore();
  const id = `('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid`;
  const each = `from generate_series(1, ${ROWS}) n`;
  const minute = `${NOW - (NOW % MINUTE)} - n * ${MINUTE}::bigint`;
  for (const text of [
    `insert into click_ids (message_id, process, seq) select ${id}, 1, n ${each}`,
    `insert into click_repeats (process, seq) select 2, n ${each}`,
    `insert into clicks select ${id}, ${NOW} - n, 'ad', 'banner', null, null, null, 'api', '', '', null, false, false ${each}`,
    `insert into click_minutes select ${minute}, null, 'ad', null, null, 'api', 1, 1, 1 ${each}`,
    `insert into click_visitors select ${id}, n, null, 1 ${each}`,
    `insert into click_queue (message_id, body, process, seq) select ${id}, '{}', 1, n ${each}`,
    `insert into click_fallback select 1, n, ${id}, '{}', n ${each}`,
    `insert into click_marks select ${id} ${each}`,
    `insert into click_dead_letters (message_id, reason, body, process, seq, minute, dead_at) select ${id}, 'why', '{}', 1, n, 0, n ${each}`,
    `insert into click_accepted select 1, ${minute}, 1 ${each}`,
    `insert into click_settled select 1, ${minute}, 1 ${each}`,
    `insert into devices (device_id) select 's-' || n ${each}`,
  ])
    await store.sql(text);
  await store.sql('vacuum analyze');
  // The trap: statistics taken before the queue was drained and filled again.
  await store.sql('delete from click_queue where id <= 10000');
  plans = await Plans.open(store.url, LARGE);
}, 120_000);

afterAll(async () => {
  await plans.close();
  await store.close();
});

async function expectPlans<Takes extends Shape>(statement: Statement<Takes>, args: ValuesOf<Takes>, removed = 2 * BATCH): Promise<void> {
  await plans.expect(statement, args, removed);
}

describe('with many clicks there, no statement walks through them', { timeout: 60_000 }, () => {
  test('that counts a batch', async () => {
    await expectPlans(takeClickIds, { ids, ...numbers });
    await expectPlans(noteRepeats, { ids, processes: same(3), seqs });
    await expectPlans(noteVisits, { visitors: ids, times: same(NOW), counts: same(1) });
    const clicks = {
      ids,
      times: ids.map((_, index) => NOW - index * MINUTE),
      ads: same('ad'),
      adTypes: same('banner'),
      campaigns: same(null),
      creatives: same(null),
      devices: same(null),
      sources: same('api'),
      uids: same(''),
      ips: same(''),
      agents: same(null),
      bots: same(false),
      duplicates: same(false),
    };
    await expectPlans(countClicks, clicks);
    const minutes = ids.map((_, index) => NOW - (NOW % MINUTE) - index * MINUTE);
    await expectPlans(settleClicks, { processes: same(1), minutes, stored: same(1), duplicates: same(0) });
    await expectPlans(sayAccepted, { process: 1, minutes, accepted: same(2), rejected: same('{}') });
    await expectPlans(sayDropped, { process: 1, minutes, dropped: same(2) });
  });

  test('of the queue', async () => {
    await expectPlans(enqueueClicks, { messageIds: ids, bodies: same('{}'), ...numbers, tell: false });
    await expectPlans(claimClicks, { after: 0, most: BATCH, leaseMs: 5000 });
    await expectPlans(claimClicks, { after: 15_000, most: BATCH, leaseMs: 5000 });
    const claimed = await store.database.run(claimClicks, { after: 0, most: BATCH, leaseMs: 60_000 });
    const [own, tries] = [claimed.map(({ id }) => id), claimed.map((message) => message.tries)];
    await expectPlans(dropClicks, { ids: own, lowest: Math.min(...own), highest: Math.max(...own) });
    await expectPlans(dropDeadClicks, { ids: own, tries });
    await expectPlans(returnClicks, { ids: own, tries, delaysMs: own.map(() => 100) });
  });

  test('of the publisher', async () => {
    await expectPlans(keepClicks, { ...numbers, ids, bodies: same('{}'), now: NOW });
    await expectPlans(oldestClicks, { most: BATCH });
    await expectPlans(removeClicks, numbers);
    await expectPlans(markClicks, { ids });
    await expectPlans(markedClicks, { ids });
  });

  test('of dead letters', async () => {
    const letters = {
      messages: ids,
      messageIds: ids,
      reasons: same('why'),
      bodies: same('{}'),
      minutes: same(0),
      firsts: same(false),
      now: NOW,
    };
    await expectPlans(buryClicks, { ...letters, ...numbers });
    // Of a larger part of so small tables a walk is the shorter way.
    await expectPlans(redriveDeadLetters, { ids: null, after: 0, upTo: ROWS, most: BATCH / 10, now: NOW });
    await expectPlans(listDeadLetters, { before: ROWS / 2, skip: 0, most: 50 });
  });

  test('of who asks', async () => {
    const filter = { ad: null, campaign: null, creative: null, device: null, source: null, from: NOW - 60 * MINUTE, to: NOW };
    await expectPlans(clickSeries, { ...filter, bucket: 'minute', timeZone: 'UTC' });
    const [row] = await store.sql<{ digest: Buffer }>(`select screen_digest('s-777') as digest`);
    await store.database.run(findScannedScreen, { digest: row?.digest ?? Buffer.alloc(0) });
  });
});
