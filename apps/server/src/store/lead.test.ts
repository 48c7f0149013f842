import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../kit/log.js';
import { eventually, within } from '../test/support/eventually.js';
import { PassingProxy } from '../test/support/passing-proxy.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { Database } from './database.js';
import { Lead } from './lead.js';

const KEY = 815;
let store: TestStore;
const leads: Lead[] = [];
const ends: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  store = await openTestStore();
});
afterEach(async () => {
  for (const lead of leads.splice(0)) await lead.stop();
  for (const end of ends.splice(0).toReversed()) await end();
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

/** One that reaches the database through a proxy, which goes away or falls silent. */
async function seekThrough(): Promise<{ lead: Lead; told: boolean[]; proxy: PassingProxy }> {
  const proxy = await PassingProxy.start(store.url);
  ends.push(() => proxy.stop());
  const database = new Database({ url: proxy.url, poolSize: 1, log: silentLog });
  ends.push(() => database.close());
  const lead = new Lead(database, KEY, silentLog, { probeMs: 50, answerMs: 1000, graceMs: 1500 });
  leads.push(lead);
  const told: boolean[] = [];
  lead.onChange((mine) => told.push(mine));
  lead.start();
  return { lead, told, proxy };
}

test('one whose database is away for longer than the grace leaves off, and leads again when it is back', async () => {
  const { told, proxy } = await seekThrough();
  await eventually(() => expect(told).toEqual([true]));
  proxy.refuse();
  await eventually(() => expect(told).toEqual([true, false]));
  proxy.pass();
  await eventually(() => expect(told).toEqual([true, false, true]));
});

test('one that is cut off from its database without a word leaves off, and ends although nobody answers', async () => {
  const { lead, told, proxy } = await seekThrough();
  await eventually(() => expect(told).toEqual([true]));
  proxy.silence();
  await eventually(() => expect(told).toEqual([true, false]));
  // By now it waits for a connection that is accepted and never answered.
  await eventually(() => expect(proxy.silent).toBeGreaterThan(0));
  await within(30_000, 'the end', lead.stop());
});

test('one that leads ends although its database has just fallen silent', async () => {
  const { lead, told, proxy } = await seekThrough();
  await eventually(() => expect(told).toEqual([true]));
  proxy.silence();
  await within(30_000, 'the end', lead.stop());
});
