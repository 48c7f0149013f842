import { performance } from 'node:perf_hooks';
import pg from 'pg';
import { answerParent } from '../remote.js';

/** The floor of dispatch and targeting: pg on the server's own tables and indexes, without leases, fence, counts or facts. */
export type BareDispatchMethods = {
  /** Inserts so many deliveries with one statement; answers how long it took, ms. */
  insert: (asked: { databaseUrl: string; n: number }) => Promise<number>;
  /**
   * Inserts as many deliveries in steps and then takes each through the same three set-based updates, batch by batch on so many
   * connections; answers how long all of it took, ms.
   */
  drain: (asked: { databaseUrl: string; n: number; batch: number; step: number; connections: number }) => Promise<number>;
};

const CAMPAIGN = '00000000-0000-7000-8000-000000000001';
const EXECUTION = '00000000-0000-7000-8000-000000000002';

const INSERT = `
  insert into deliveries (campaign_id, execution_id, recipient)
  select '${CAMPAIGN}', '${EXECUTION}', 'r-' || lpad(n::text, 10, '0') from generate_series($1::int, $2::int) as n`;
const CLAIM = `
  update deliveries d set status = 'IN_PROGRESS', claim_id = $1::uuid, next_attempt_at = null
  from (select id from deliveries where execution_id = '${EXECUTION}' and next_attempt_at is not null and next_attempt_at <= now()
        order by next_attempt_at limit $2::int for update skip locked) as due
  where d.id = due.id returning d.id`;
const BEGIN = `
  update deliveries set status = 'SENDING', attempt = attempt + 1
  where id = any($1::uuid[]) and status = 'IN_PROGRESS' and claim_id = $2::uuid returning id, recipient, attempt`;
const SETTLE = `
  update deliveries d set status = 'SUCCESS', settled_at = now()
  from unnest((select $1::uuid[]), (select $2::int[])) as r(id, attempt) where d.id = r.id and d.attempt = r.attempt and d.status = 'SENDING'`;

async function during<Result>(databaseUrl: string, connections: number, work: (pool: pg.Pool) => Promise<Result>): Promise<Result> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });
  try {
    await pool.query('truncate deliveries');
    return await work(pool);
  } finally {
    await pool.end();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

async function drainOn(pool: pg.Pool, batch: number): Promise<void> {
  for (;;) {
    const claim = crypto.randomUUID();
    const claimed = await pool.query<{ id: string }>({ name: 'claim', text: CLAIM, values: [claim, batch] });
    if (claimed.rows.length === 0) return;
    const ids = claimed.rows.map((row) => row.id).sort();
    const begun = await pool.query<{ id: string; attempt: number }>({ name: 'begin', text: BEGIN, values: [ids, claim] });
    await pool.query({ name: 'settle', text: SETTLE, values: [begun.rows.map((row) => row.id), begun.rows.map((row) => row.attempt)] });
  }
}

const methods: BareDispatchMethods = {
  insert: ({ databaseUrl, n }) =>
    during(databaseUrl, 1, (pool) => timed(() => pool.query({ name: 'insert', text: INSERT, values: [1, n] }))),
  drain: ({ databaseUrl, n, batch, step, connections }) =>
    during(databaseUrl, connections, (pool) =>
      timed(async () => {
        for (let from = 1; from <= n; from += step) {
          await pool.query({ name: 'insert', text: INSERT, values: [from, Math.min(n, from + step - 1)] });
        }
        await pool.query('analyze deliveries');
        await Promise.all(Array.from({ length: connections }, () => drainOn(pool, batch)));
      }),
    ),
};

answerParent(methods);
