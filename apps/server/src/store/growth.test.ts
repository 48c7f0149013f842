import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../test/support/eventually.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { Growth, grownTables } from './growth.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

async function known(): Promise<number> {
  const [row] = await store.sql<{ n: number }>(`select reltuples::int as n from pg_class where oid = 'devices'::regclass`);
  return row?.n ?? 0;
}

test('a table that grew at once has its statistics taken at once, and not again while it stays about as large', async () => {
  const errors: unknown[] = [];
  const growth = new Growth(store.database, { intervalMs: 10, onError: (error) => errors.push(error) });
  growth.start();
  try {
    await store.sql(`insert into devices (device_id) select 'grown-' || n from generate_series(1, 20000) n`);
    await eventually(async () => expect([await known(), errors]).toEqual([20_000, []]));
    await eventually(async () => expect(await store.database.run(grownTables, {})).toEqual([]));
    await store.sql(`insert into devices (device_id) select 'later-' || n from generate_series(1, 20000) n`);
    expect(await store.database.run(grownTables, {})).toEqual([]);
  } finally {
    await growth.stop();
  }
  expect(errors).toEqual([]);
});
