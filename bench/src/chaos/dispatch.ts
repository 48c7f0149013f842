import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { HookLogMethods } from '../children/hook-log.js';
import { type BusEngine, type BusKind, startBus } from '../bus-engine.js';
import { importContacts } from '../contacts.js';
import { until } from '../processes.js';
import { seeded } from '../random.js';
import { Remote } from '../remote.js';
import type { Scratch } from '../scratch.js';
import { percentile } from '../statistics.js';
import { type EndedDelivery, type HookLedger, hookLedger } from './hook-ledger.js';
import { Pauses } from './pauses.js';
import { Workers } from './workers.js';

export interface DispatchChaosOptions {
  seconds: number;
  seed: number;
  workers: number;
  deliveries: number | undefined;
  bus: BusKind;
}

/** Few connections to a slow receiver, so that the work lasts as long as things go wrong. */
const ENVIRONMENT = { WEBHOOK_CONNECTIONS: '16', LOG_LEVEL: 'error' };
const ANSWER_MS = 25;
const TROUBLE = 0.02;
const DELIVERIES_A_SECOND = 800;
const KILL_EVERY_MS = 2000;
const PAUSE_EVERY_MS = 3000;
/** Longest that everything may take to end after the last fault: what failed waits up to a minute. */
const ENDED_MS = 300_000;

/** A webhook campaign whose workers, server and database are killed while it is paused and resumed. */
export async function dispatchChaos(scratch: Scratch, options: DispatchChaosOptions): Promise<HookLedger> {
  const { seconds, seed, workers: count } = options;
  const audience = options.deliveries ?? seconds * DELIVERIES_A_SECOND;
  const began = performance.now();
  const say = (line: string): void =>
    void process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  say(`seed ${seed}, ${audience} deliveries, ${count} workers, ${options.bus} bus`);
  const bus = options.bus === 'local' ? undefined : await startBus(scratch, options.bus);
  const receiver = new Remote<HookLogMethods>(scratch, 'hook-log.js');
  const port = await receiver.call('start', { delayMs: ANSWER_MS, trouble: TROUBLE });
  const workers = await Workers.start(scratch, count, { ...ENVIRONMENT, ...(bus === undefined ? {} : { BUS_URL: bus.url }) });
  const { api } = workers;
  await importContacts(api, audience);
  const { id } = await api.post<{ id: string }>('/campaigns', {
    name: 'Chaos',
    idempotencyKey: randomUUID(),
    channel: 'webhook',
    audience: { all: true },
    content: { url: `http://127.0.0.1:${port}/`, secret: 'chaos' },
  });
  const { executionId } = await api.post<{ executionId: string }>(`/campaigns/${id}/dispatch`);
  say('it runs');
  const pauses = new Pauses(api, id);
  const end = performance.now() + seconds * 1000;
  await Promise.all([breakThings({ workers, bus }, seeded(seed), end, say), pauseAndResume(pauses, seeded(seed + 1), end)]);
  await pauses.resume();
  say('nothing goes wrong any more');
  const rows = await ended(workers, executionId, say);
  const ledger = hookLedger(audience, rows, await receiver.call('take', null), pauses.pauses);
  const answers = pauses.pauses.map((pause) => pause.answerMs);
  Object.assign(ledger.account, {
    'pauses not confirmed': pauses.unconfirmed,
    'p50 of the answer to a pause, ms': Math.round(percentile(answers, 0.5)),
  });
  return ledger;
}

interface Breakable {
  workers: Workers;
  bus: BusEngine | undefined;
}

async function breakThings({ workers, bus }: Breakable, random: () => number, end: number, say: (line: string) => void): Promise<void> {
  const middle = (performance.now() + end) / 2;
  let databaseKilled = false;
  while (performance.now() < end) {
    await delay(KILL_EVERY_MS);
    // The bus as often as the server: each restart of it holds everything up.
    const victim = Math.floor(random() * (workers.count + (bus === undefined ? 1 : 2)));
    if (!databaseKilled && performance.now() > middle) {
      databaseKilled = true;
      await workers.killDatabase();
      say('the database was killed (kill -9)');
    } else if (bus !== undefined && victim > workers.count) {
      await bus.halt('SIGKILL');
      await bus.run();
      say('the bus was killed (kill -9) and started again');
    } else if (victim === workers.count) {
      await workers.killServer();
      say('the server was killed (kill -9) and started again');
    } else {
      await workers.killWorker(victim);
      say(`worker ${victim + 1} was killed (kill -9) and started again`);
    }
  }
}

async function pauseAndResume(pauses: Pauses, random: () => number, end: number): Promise<void> {
  while (performance.now() < end) {
    await delay(PAUSE_EVERY_MS * (0.5 + random()));
    await pauses.once(200 + random() * 600);
  }
}

/** The rows when all have ended; what has not in time shows in the ledger. */
async function ended(workers: Workers, execution: string, say: (line: string) => void): Promise<EndedDelivery[]> {
  const client = new pg.Client({ connectionString: workers.server.databaseUrl });
  await client.connect();
  try {
    const from = performance.now();
    await until('every delivery to end', ENDED_MS, async () => {
      const { rows } = await client.query<{ state: string }>('select state from executions where id = $1', [execution]);
      if (rows[0]?.state === 'COMPLETED') return true;
      await delay(200);
      return false;
    }).catch((error: unknown) => say(String(error)));
    say(`all has ended after ${Math.round(performance.now() - from)} ms`);
    const { rows } = await client.query<EndedDelivery>('select id, status, attempt, doubt from deliveries where execution_id = $1', [
      execution,
    ]);
    return rows;
  } finally {
    await client.end();
  }
}
