import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { systemClock } from '../../kit/clock.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import { Database } from '../../store/database.js';
import { Fence, type FenceOptions } from '../../store/fence.js';
import { createTestDatabase } from './database.js';

export interface TestStore {
  url: string;
  database: Database;
  /** Plain SQL, for what a test arranges or looks at behind the statements' back. */
  sql: <Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<Row[]>;
  fence: (options?: Partial<FenceOptions>) => Fence;
  close: () => Promise<void>;
}

/** A database of the test file's own with everything that the statements need. */
export async function openTestStore(): Promise<TestStore> {
  const own = await createTestDatabase();
  const { url } = own;
  const opened: Database[] = [];
  const open = (): Database => {
    const database = new Database({ url, poolSize: 6, log: silentLog });
    opened.push(database);
    return database;
  };
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const database = open();
  return {
    url,
    database,
    sql: async (text, values) => (await client.query(text, values)).rows,
    fence: (options = {}) => new Fence(open(), open(), systemClock, { deadlineMs: 10_000, idleMs: 20_000, waitMs: 20_000, ...options }),
    close: async () => {
      await client.end();
      await Promise.all(opened.map((each) => each.close()));
      await own.drop();
    },
  };
}

export interface TestCampaign {
  campaign: string;
  execution: string;
}

/** A running campaign with so many deliveries that wait, to screens `s-00001 …`. */
export async function runningCampaign(store: Pick<TestStore, 'sql'>, deliveries: number, status = 'publishing'): Promise<TestCampaign> {
  const campaign = newId();
  const execution = newId();
  const now = Date.now();
  await store.sql(
    `insert into campaigns (id, name, start_at, expire_at, status, idempotency_key, request_sha256, first_answer) values ($1, 'test', $2, $3, $4, $5, '', '{}')`,
    [campaign, now, now + 3_600_000, status, randomUUID()],
  );
  await store.sql(
    `insert into executions (id, campaign_id, scheduled_for, state, targeted, started_at) values ($1, $2, $3, 'RUNNING', true, now())`,
    [execution, campaign, now],
  );
  await store.sql(
    `insert into devices (device_id) select 's-' || lpad(n::text, 5, '0') from generate_series(1, $1) n on conflict do nothing`,
    [deliveries],
  );
  await store.sql(
    `insert into deliveries (campaign_id, execution_id, recipient) select $1, $2, 's-' || lpad(n::text, 5, '0') from generate_series(1, $3) n`,
    [campaign, execution, deliveries],
  );
  await store.sql(`insert into execution_counts values ($1, 'PENDING', $2)`, [execution, deliveries]);
  return { campaign, execution };
}

/** The kept counts of an execution, without those that are zero. */
export async function countsOf(store: TestStore, execution: string): Promise<Record<string, number>> {
  const rows = await store.sql<{ state: string; n: string }>(
    'select state, sum(n) as n from execution_counts where execution_id = $1 group by state having sum(n) <> 0',
    [execution],
  );
  return Object.fromEntries(rows.map((row) => [row.state, Number(row.n)]));
}

/** What the rows themselves say, counted. */
export async function statesOf(store: TestStore, execution: string): Promise<Record<string, number>> {
  const rows = await store.sql<{ status: string; n: string }>(
    'select status, count(*) as n from deliveries where execution_id = $1 group by status',
    [execution],
  );
  return Object.fromEntries(rows.map((row) => [row.status, Number(row.n)]));
}
