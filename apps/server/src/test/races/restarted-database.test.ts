import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Interruptions } from '../../campaigns/interruptions.service.js';
import { systemClock } from '../../kit/clock.js';
import { silentLog } from '../../kit/log.js';
import { Database } from '../../store/database.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../store/embedded-postgres.js';
import { Fence } from '../../store/fence.js';
import { migrate } from '../../store/migrate.js';
import { postmasterPid, query, shareBinaries, type SharedBinaries } from '../support/postgres-folder.js';
import { runningCampaign, type TestStore } from '../support/store.js';

const DEADLINE_MS = 3000;

let binaries: SharedBinaries;
let dataDir: string;
let postgres: EmbeddedPostgres;
const opened: Database[] = [];
beforeAll(async () => {
  binaries = await shareBinaries();
  dataDir = await mkdtemp(join(tmpdir(), 'marquee-restarted-'));
  postgres = await startEmbeddedPostgres({ dataDir, sources: binaries.sources });
  await migrate(postgres.url);
});
afterAll(async () => {
  await Promise.all(opened.map((each) => each.close()));
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
  await binaries.remove();
});

function open(): Database {
  const database = new Database({ url: postgres.url, poolSize: 4, log: silentLog });
  opened.push(database);
  return database;
}

/** How long the database has been up, ms. */
async function up(): Promise<number> {
  const rows = await query(postgres.url, 'select extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 * 1000 as up');
  return (rows[0] as { up: number }).up;
}

test('a pause that waits while the database restarts is not confirmed; the next is when who held the lock may not start any more', async () => {
  const database = open();
  const sql: TestStore['sql'] = async (text, values) => (await database.withClient((client) => client.query(text, values))).rows;
  const { campaign } = await runningCampaign({ sql }, 1);
  const fence = new Fence(open(), open(), systemClock, { deadlineMs: DEADLINE_MS, idleMs: 10_000, waitMs: 10_000 });
  const interruptions = new Interruptions(database, fence, systemClock);
  const [row] = await sql<{ lock_key: string }>('select lock_key from campaigns where id = $1', [campaign]);
  const hold = await fence.hold(Number(row?.lock_key));
  const waiting = interruptions.pause(campaign, { waitMs: 0, force: false });
  waiting.catch(() => undefined);
  await expect.poll(() => query(postgres.url, `select from pg_locks where locktype = 'advisory' and not granted`)).toHaveLength(1);
  process.kill(postmasterPid(dataDir) ?? 0, 'SIGKILL');
  await expect(waiting).rejects.toThrow();
  // Who held the lock learns of it by its connection.
  await expect.poll(() => hold.mayStart()).toBe(false);
  await expect.poll(() => up().catch(() => 0), { timeout: 20_000, interval: 20 }).toBeGreaterThan(0);
  await expect(interruptions.pause(campaign, { waitMs: 0, force: false })).resolves.toMatchObject({ paused: true });
  expect(await up()).toBeGreaterThanOrEqual(DEADLINE_MS);
  await hold.release();
});
