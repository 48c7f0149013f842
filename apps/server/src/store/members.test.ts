import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from '../kit/log.js';
import { eventually } from '../test/support/eventually.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { Members } from './members.js';

let store: TestStore;
const members: Members[] = [];
beforeEach(async () => {
  store = await openTestStore();
});
afterEach(async () => {
  for (const member of members.splice(0)) await member.stop();
  await store.close();
});

/** Joins; answers what it was told and whether it was let do its work. */
async function join(work: () => void = () => undefined): Promise<{ member: Members; alone: boolean }> {
  const member = new Members(store.database, { roles: ['worker'], apiBaseUrl: undefined }, createLog('silent'));
  members.push(member);
  return { member, alone: await member.enter(async () => work()) };
}

test('only the first is alone, and again whoever comes when all others have gone', async () => {
  const first = await join();
  const second = await join();
  expect([first.alone, second.alone]).toEqual([true, false]);
  await first.member.stop();
  expect((await join()).alone).toBe(false);
  for (const member of members.splice(0)) await member.stop();
  const told: string[] = [];
  expect((await join(() => told.push('worked'))).alone).toBe(true);
  expect(told).toEqual(['worked']);
});

/** The sessions that hold the lock of a process that lives. */
async function holders(): Promise<number[]> {
  const rows = await store.sql(
    `select pid from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and granted
     and database = (select oid from pg_database where datname = current_database())`,
  );
  return rows.map((row) => Number(row['pid']));
}

test('one whose connection was ended is counted again', async () => {
  await join();
  const [before] = await holders();
  await store.sql('select pg_terminate_backend($1)', [before]);
  await eventually(async () => {
    const now = await holders();
    expect(now).toHaveLength(1);
    expect(now).not.toContain(before);
  });
  expect((await join()).alone).toBe(false);
});
