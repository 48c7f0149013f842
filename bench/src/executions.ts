import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Api } from './api.js';
import { until } from './processes.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer } from './server-process.js';
import { percentile, rounded } from './statistics.js';

export interface ExecutionsOptions {
  slots: number;
  gap: number;
}

/** All campaigns are there by then. */
const LEAD_MS = 10_000;
const LATE_MS = 60_000;

/** Campaigns that start by themselves, one after another, on an idle server: how late their executions run. */
export async function benchExecutions({ slots, gap }: ExecutionsOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const server = await startServer(scratch);
    const api = new Api(server.api);
    const client = new pg.Client({ connectionString: server.databaseUrl });
    await client.connect();
    scratch.defer(() => client.end());
    const floors = await bareTimers(client, slots, gap);
    const first = Date.now() + LEAD_MS;
    for (let slot = 0; slot < slots; slot += 1) await plan(api, first + slot * gap);
    await until('every execution to start', LEAD_MS + slots * gap + LATE_MS, async () => {
      const { rows } = await client.query<{ n: number }>('select count(*)::int as n from executions where started_at is not null');
      if (rows[0]?.n === slots) return true;
      await delay(500);
      return false;
    });
    const { rows } = await client.query<{ late: number }>(
      'select extract(epoch from started_at)::float8 * 1000 - scheduled_for as late from executions order by scheduled_for',
    );
    const lates = rows.map((row) => row.late);
    const [ours, floor] = [spread(lates), spread(floors)];
    await report({
      bench: 'executions',
      options: { slots, gap },
      ours,
      floor,
      ratio: { p99: rounded(ours.p99Ms / floor.p99Ms) },
      targets: { 'p99 under 50 ms': ours.p99Ms < 50, 'one execution a slot': rows.length === slots },
      runs: { floors: [floors.map(rounded)], ours: [lates.map(rounded)] },
    });
  });
}

async function plan(api: Api, startAt: number): Promise<void> {
  await api.post('/campaigns', {
    name: 'Bench',
    idempotencyKey: randomUUID(),
    channel: 'null',
    audience: { count: 1 },
    dispatch: 'auto',
    startAt,
  });
}

/** The floor: a timer to each moment, and one row committed when it fires; how late the row is. */
async function bareTimers(client: pg.Client, slots: number, gap: number): Promise<number[]> {
  await client.query('create temporary table starts (late float8)');
  const first = Date.now() + gap;
  const lates: number[] = [];
  for (let slot = 0; slot < slots; slot += 1) {
    const moment = first + slot * gap;
    await delay(Math.max(0, moment - Date.now()));
    const { rows } = await client.query<{ late: number }>(
      'insert into starts values (extract(epoch from clock_timestamp())::float8 * 1000 - $1) returning late',
      [moment],
    );
    lates.push(rows[0]?.late ?? Number.NaN);
  }
  return lates;
}

function spread(lates: number[]): { p50Ms: number; p99Ms: number; maxMs: number } {
  return { p50Ms: rounded(percentile(lates, 0.5)), p99Ms: rounded(percentile(lates, 0.99)), maxMs: rounded(Math.max(...lates)) };
}
