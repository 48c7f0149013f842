import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../kit/log.js';
import { eventually } from '../test/support/eventually.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { Prompter } from './prompter.js';
import { Sequences } from './sequences.js';
import { takeReplays } from './sequences.store.js';

let store: TestStore;
let free = 0;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

async function screen(status = 'online'): Promise<string> {
  free += 1;
  const id = `unit-${free}`;
  await store.sql('insert into devices (device_id, status) values ($1, $2)', [id, status]);
  return id;
}

let lost = 0;
/** Missing numbers are due at once. */
function sequences(waitMs = 0): Sequences {
  return new Sequences(store.database, { waitMs, onLost: (count) => (lost += count) });
}

const came = (deviceId: string, seqs: number[], series = 'a') => sequences().settle(seqs.map((seq) => ({ deviceId, series, seq })));
const kept = (deviceId: string, first: number, last: number, series = 'a') => sequences().note([{ deviceId, series, first, last }]);

/** What a screen is asked for now; undefined: nothing. Asking again is due at once. */
async function asked(deviceId: string): Promise<number | null | undefined> {
  const rows = await store.database.run(takeReplays, { most: 1000, mostAsks: 3, waitMs: 0, maxMs: 0 });
  return rows.find((row) => row.device_id === deviceId && row.online)?.from_seq;
}

async function lostOf(deviceId: string): Promise<number> {
  const [row] = await store.sql<{ lost: string }>('select sum(lost) as lost from event_series where device_id = $1', [deviceId]);
  return Number(row?.lost);
}

test('what the screen keeps and the server lacks is asked for from the first missing number on, until it came', async () => {
  const id = await screen();
  await came(id, [1, 2, 5]);
  expect(await asked(id)).toBe(3);
  await came(id, [4]);
  expect(await asked(id)).toBe(3);
  await came(id, [3]);
  expect(await asked(id)).toBeUndefined();
  await kept(id, 1, 7);
  expect(await asked(id)).toBe(6);
  await came(id, [6, 7]);
  expect(await asked(id)).toBeUndefined();
  expect(await lostOf(id)).toBe(0);
});

test('nothing is due while it may still come by itself', async () => {
  const id = await screen();
  await sequences(60_000).note([{ deviceId: id, series: 'a', first: 1, last: 9 }]);
  await sequences(60_000).settle([{ deviceId: id, series: 'a', seq: 4 }]);
  expect(await asked(id)).toBeUndefined();
  const [row] = await store.sql<{ due: boolean }>('select next_ask_at is not null as due from event_series where device_id = $1', [id]);
  expect(row?.due).toBe(true);
});

test('whatever order numbers come in, doubled too, the same is missing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 }),
      async (batches) => {
        const id = await screen();
        await kept(id, 0, 40);
        for (const batch of batches) await came(id, batch);
        const all = new Set(batches.flat());
        const first = Array.from({ length: 41 }, (_, seq) => seq).find((seq) => !all.has(seq));
        expect(await asked(id)).toBe(first);
      },
    ),
    { numRuns: 30 },
  );
});

test('what the screen has dropped before the server had it is lost, counted once, and not asked for', async () => {
  const id = await screen();
  await came(id, [1, 2, 3, 6]);
  lost = 0;
  await kept(id, 11, 12);
  expect(lost).toBe(6);
  expect(await lostOf(id)).toBe(6);
  expect(await asked(id)).toBe(11);
  await came(id, [11, 12]);
  await kept(id, 13, 12);
  expect(await lostOf(id)).toBe(6);
  expect(await asked(id)).toBeUndefined();
});

test('of a series never heard of, what was before is no loss', async () => {
  const id = await screen();
  await kept(id, 500, 501);
  expect(await asked(id)).toBe(500);
  expect(await lostOf(id)).toBe(0);
});

test('a wiped screen counts anew; what was missing of its old numbers is lost', async () => {
  const id = await screen();
  await came(id, [1, 2, 3, 9]);
  await kept(id, 1, 9);
  await kept(id, 1, 2, 'b');
  expect(await lostOf(id)).toBe(5);
  expect(await asked(id)).toBe(1);
  await came(id, [1, 2], 'b');
  // A straggler of the old series changes nothing of the new one.
  await came(id, [8]);
  expect(await asked(id)).toBeUndefined();
});

test('a screen that numbers without a series is asked for holes alone; wiped, it is not asked at all', async () => {
  const id = await screen();
  await came(id, [700, 702], '');
  expect(await asked(id)).toBe(701);
  await came(id, [701], '');
  await came(id, [1, 2, 3, 701], '');
  const missing = await asked(id);
  expect(missing === undefined || missing === 4).toBe(true);
});

test('one that is away is not asked; its next status makes it due', async () => {
  const id = await screen('offline');
  await came(id, [1, 3]);
  expect(await asked(id)).toBeUndefined();
  await store.sql(`update devices set status = 'online' where device_id = $1`, [id]);
  expect(await asked(id)).toBeUndefined();
  await kept(id, 1, 3);
  expect(await asked(id)).toBe(2);
});

test('what was asked for again and again without an answer is given up and counted as lost; new events do not begin it anew', async () => {
  const id = await screen();
  await came(id, [1, 4]);
  for (let ask = 0; ask < 3; ask += 1) {
    expect(await asked(id)).toBe(2);
    await came(id, [5 + ask]);
  }
  expect(await asked(id)).toBeNull();
  expect(await asked(id)).toBeUndefined();
  expect(await lostOf(id)).toBe(2);
});

test('numbers that cannot be meant, and screens that are not registered, leave no trace; a screen gone mad keeps a small row', async () => {
  const id = await screen();
  await sequences().note([
    { deviceId: id, series: 'a', first: 0, last: 1e12 },
    { deviceId: id, series: 'x', first: 9, last: 1 },
    { deviceId: id, series: 'nul\u0000', first: 0, last: 1 },
    { deviceId: 'nobody', series: 'a', first: 0, last: 5 },
  ]);
  await came('nobody', [1, 5]);
  expect(await store.sql(`select from event_series where device_id in ($1, 'nobody')`, [id])).toEqual([]);
  for (let batch = 0; batch < 5; batch += 1)
    await came(
      id,
      Array.from({ length: 1000 }, (_, index) => batch * 2000 + index * 2),
    );
  await Promise.all(Array.from({ length: 30 }, (_, index) => came(id, [1], `series ${index}`)));
  const rows = await store.sql<{ bytes: number }>('select pg_column_size(settled) as bytes from event_series where device_id = $1', [id]);
  expect(Math.max(...rows.map((row) => row.bytes))).toBeLessThan(20_000);
  await kept(id, 0, 0, 'last');
  const [count] = await store.sql<{ n: string }>('select count(*) as n from event_series where device_id = $1', [id]);
  expect(Number(count?.n)).toBeLessThan(40);
});

test('a screen that calls its numbers by ever another name keeps eight of them, until its status names one', async () => {
  const id = await screen();
  for (let index = 0; index < 12; index += 1) await came(id, [1], `series ${index}`);
  const seriesOf = async (): Promise<string[]> =>
    (await store.sql<{ series: string }>('select series from event_series where device_id = $1', [id])).map((row) => row.series);
  expect(await seriesOf()).toHaveLength(8);
  await kept(id, 1, 1, 'series 11');
  expect(await seriesOf()).toContain('series 11');
});

test('gateways settle in one order of screens, whatever order the events came in: none waits for one that waits for it', async () => {
  const ids: string[] = [];
  for (let index = 0; index < 40; index += 1) ids.push(await screen());
  await Promise.all(ids.map((id) => came(id, [1])));
  ids.sort((a, b) => (a < b ? -1 : 1));
  const client = new pg.Client({ connectionString: store.url });
  await client.connect();
  await client.query('begin');
  await client.query('select from event_series where device_id = $1 for update', [ids[20]]);
  const settled = sequences().settle(ids.toReversed().map((deviceId) => ({ deviceId, series: 'a', seq: 2 })));
  await eventually(async () =>
    expect(await store.sql(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).toHaveLength(1),
  );
  const unlocked = await store.sql<{ device_id: string }>(
    'select device_id from event_series where device_id = any($1) order by device_id for update skip locked',
    [ids],
  );
  await client.query('commit');
  await client.end();
  await settled;
  expect(unlocked.map((row) => row.device_id)).toEqual(ids.slice(21));
});

test('no more screens a second are asked than agreed, whatever wakes the prompter', async () => {
  await store.sql('delete from event_series');
  for (let index = 0; index < 30; index += 1) await came(await screen(), [1, 3]);
  const told: string[] = [];
  const options = {
    waitMs: 60_000,
    replaysPerSecond: 20,
    pollMs: 10,
    onError: () => undefined,
    onReplay: () => undefined,
    onLost: () => undefined,
  };
  const prompter = new Prompter(
    store.database,
    async (topic, payload) => void told.push(`${topic} ${payload.toString()}`),
    options,
    silentLog,
  );
  const begun = performance.now();
  let early = 0;
  prompter.start();
  while (told.length < 30) {
    prompter.wake();
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (performance.now() - begun < 900) early = told.length;
  }
  await prompter.stop();
  expect(early).toBeLessThanOrEqual(20);
  expect(new Set(told).size).toBe(30);
  expect(told[0]).toMatch(/^devices\/unit-\d+\/control {"type":"replay","fromSeq":2}$/);
});
