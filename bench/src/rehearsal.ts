import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Api } from './api.js';
import { until } from './processes.js';

const DONE_MS = 600_000;
const LOOK_MS = 50;

/** Creates a campaign for so many made-up recipients; answers its id. */
export async function createRehearsal(api: Api, count: number, content: { latencyMs?: number } = {}): Promise<string> {
  const created = await api.post<{ id: string }>('/campaigns', {
    name: 'Bench',
    idempotencyKey: randomUUID(),
    channel: 'null',
    audience: { count },
    content,
  });
  return created.id;
}

/** Resolves when the audience of an execution is read to its end. */
export function targeted(client: pg.Client, execution: string): Promise<void> {
  return until('the audience to be read', DONE_MS, async () => {
    const { rows } = await client.query<{ targeted: boolean }>('select targeted from executions where id = $1', [execution]);
    return rows[0]?.targeted === true;
  });
}

export interface Drain {
  /** From the answer of the dispatch to the end of the last delivery, ms. */
  tookMs: number;
  /** Rate of the last tenth of the deliveries to that of the first. */
  lastToFirstTenth: number;
}

/** Dispatches a campaign of `n` deliveries and watches it by the kept counts until all have ended. */
export async function drain(api: Api, databaseUrl: string, id: string, n: number): Promise<Drain> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { executionId } = await api.post<{ executionId: string }>(`/campaigns/${id}/dispatch`);
    const from = performance.now();
    const seen: { at: number; ended: number }[] = [];
    await until('every delivery to end', DONE_MS, async () => {
      const ended = await endedOf(client, executionId);
      seen.push({ at: performance.now() - from, ended });
      if (ended >= n) return true;
      await delay(LOOK_MS);
      return false;
    });
    const tookMs = seen.at(-1)?.at ?? Number.NaN;
    return { tookMs, lastToFirstTenth: tenth(seen, 0, n * 0.1) / tenth(seen, n * 0.9, n) };
  } finally {
    await client.end();
  }
}

async function endedOf(client: pg.Client, execution: string): Promise<number> {
  const { rows } = await client.query<{ n: string }>({
    name: 'ended',
    text: `select coalesce(sum(n), 0) as n from execution_counts where execution_id = $1 and state in ('SUCCESS', 'FAILED', 'UNKNOWN', 'CANCELLED')`,
    values: [execution],
  });
  return Number(rows[0]?.n);
}

/** How long it took from so many ended to so many, ms: between looks it is taken to go evenly. The first begins when anything has ended. */
function tenth(seen: { at: number; ended: number }[], from: number, to: number): number {
  return at(seen, to) - at(seen, from);
}

function at(seen: { at: number; ended: number }[], ended: number): number {
  const after = Math.max(
    1,
    seen.findIndex((look) => look.ended >= Math.max(1, ended)),
  );
  const [left, right] = [seen[after - 1], seen[after]];
  if (left === undefined || right === undefined) return Number.NaN;
  const share = right.ended === left.ended ? 0 : (Math.max(ended, left.ended) - left.ended) / (right.ended - left.ended);
  return left.at + share * (right.at - left.at);
}
