import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../kit/log.js';
import { eventually } from '../test/support/eventually.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { Lead } from './lead.js';

const KEY = 815;
let store: TestStore;
const leads: Lead[] = [];
beforeEach(async () => {
  store = await openTestStore();
});
afterEach(async () => {
  for (const lead of leads.splice(0)) await lead.stop();
  await store.close();
});

function seek(): { lead: Lead; told: boolean[] } {
  const lead = new Lead(store.database, KEY, silentLog);
  leads.push(lead);
  const told: boolean[] = [];
  lead.onChange((mine) => told.push(mine));
  lead.start();
  return { lead, told };
}

/** The sessions that hold the lock: one, or none. */
async function holder(): Promise<number | undefined> {
  const [row] = await store.sql<{ pid: number }>(`
    select pid from pg_locks where locktype = 'advisory' and objid = ${KEY} and granted
      and database = (select oid from pg_database where datname = current_database())`);
  return row?.pid;
}

test('one leads, and the next when it has stopped', async () => {
  const first = seek();
  await eventually(() => expect(first.told).toEqual([true]));
  const second = seek();
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(second.told).toEqual([]);
  await first.lead.stop();
  await eventually(() => expect(second.told).toEqual([true]));
  expect(first.told).toEqual([true]);
});

test('one whose session broke goes on when nobody else leads, and leaves off when somebody does', async () => {
  const first = seek();
  await eventually(() => expect(first.told).toEqual([true]));
  const before = await holder();
  await store.sql('select pg_terminate_backend($1)', [before]);
  await eventually(async () => {
    const now = await holder();
    expect(now).toBeDefined();
    expect(now).not.toBe(before);
  });
  expect(first.told).toEqual([true]);

  await store.database.withClient(async (usurper) => {
    await store.sql('select pg_terminate_backend($1)', [await holder()]);
    await usurper.query('select pg_advisory_lock($1)', [KEY]);
    await eventually(() => expect(first.told).toEqual([true, false]));
    await usurper.query('select pg_advisory_unlock_all()');
  });
  await eventually(() => expect(first.told).toEqual([true, false, true]));
});
