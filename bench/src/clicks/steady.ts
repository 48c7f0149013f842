import { setTimeout as delay } from 'node:timers/promises';
import { report } from '../result.js';
import { Scratch } from '../scratch.js';
import type { ServerProcess } from '../server-process.js';
import { percentile, rounded } from '../statistics.js';
import { ClickDaemons, sql } from './click-daemons.js';
import { clicksStatus, startBareClicks, startClickClient, startClickServer, untilCounted } from './click-setup.js';
import type { ClickTally, OkClick } from './click-load.js';

export interface ClicksOptions {
  seconds: number;
  rates: number[];
}

type Figures = Record<string, number>;

const ACKS = ['accepted', 'durable'] as const;
const P99_MS = { accepted: 10, durable: 20 };
const SHOWN_MS = 2000;
const WARM_S = 5;

/** Clicks at steady rates, one after the other, against the bare libraries at the same rates. */
export async function benchClicks({ seconds, rates }: ClicksOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const daemons = await ClickDaemons.start(scratch);
    const ours: Figures = {};
    const floor: Figures = {};
    const runs: { floors: unknown[]; ours: unknown[] } = { floors: [], ours: [] };
    for (const ack of ACKS) {
      const server = await startClickServer(scratch, daemons, ack);
      for (const rate of rates) {
        const under = await floorAt(daemons, ack === 'durable', rate, seconds);
        const own = await oursAt(scratch, server, rate, seconds);
        process.stderr.write(`${ack} ${rate}/s: floor ${JSON.stringify(under)} ours ${JSON.stringify(own)}\n`);
        runs.floors.push({ ack, rate, ...under });
        runs.ours.push({ ack, rate, ...own });
        for (const [name, value] of Object.entries(own)) ours[`${ack} ${rate}/s ${name}`] = value;
        for (const [name, value] of Object.entries(under)) floor[`${ack} ${rate}/s ${name}`] = value;
      }
      await server.stop();
    }
    const of = (name: string, holds: (value: number, ack: (typeof ACKS)[number]) => boolean): boolean =>
      ACKS.every((ack) => rates.every((rate) => holds(ours[`${ack} ${rate}/s ${name}`] ?? Number.NaN, ack)));
    await report({
      bench: 'clicks',
      options: { seconds, rates },
      ours,
      floor,
      ratio: Object.fromEntries(
        Object.keys(floor)
          .filter((name) => name.endsWith('p99Ms'))
          .map((name) => [name, rounded((ours[name] ?? Number.NaN) / (floor[name] ?? Number.NaN))]),
      ),
      targets: {
        '0 errors': of('errors', (errors) => errors === 0),
        'p99 under 10 ms accepted and 20 ms durable': of('p99Ms', (p99, ack) => p99 < P99_MS[ack]),
        'shown within 2 s of its answer': of('shownMaxMs', (ms) => ms <= SHOWN_MS),
        'each OK counted once': of('missing', (missing) => missing === 0),
      },
      runs,
    });
  });
}

/** The bare server; what it published is thrown away. */
async function floorAt(daemons: ClickDaemons, waits: boolean, rate: number, seconds: number): Promise<Figures> {
  return await Scratch.during(async (own) => {
    const { bare, origin } = await startBareClicks(own, daemons, waits);
    const client = await startClickClient(own, origin);
    const tally = await steady(client, rate, seconds);
    await bare.call('purge', await daemons.bareUrl());
    return figuresOf(tally);
  });
}

async function oursAt(scratch: Scratch, server: ServerProcess, rate: number, seconds: number): Promise<Figures> {
  const client = await startClickClient(scratch, server.api);
  const before = await sql<{ n: string }>(server.databaseUrl, 'select count(*) as n from click_ids');
  const warm = async (): Promise<void> => void (await server.usage());
  const tally = await steady(client, rate, seconds, warm);
  const { serverCpuMs, databaseCpuMs, memoryMb, eventLoopMaxMs } = await server.usage();
  const oks = await client.call('oks', null);
  await untilCounted(server, Number(before[0]?.n) + oks.length);
  const shown = await shownAfter(server, oks);
  await client.end();
  return {
    ...figuresOf(tally),
    serverCores: rounded(serverCpuMs / 1000 / seconds),
    databaseCores: rounded(databaseCpuMs / 1000 / seconds),
    memoryMb,
    eventLoopMaxMs,
    ...shown,
    queueAfter: (await clicksStatus(server)).queueDepth ?? Number.NaN,
  };
}

async function steady(
  client: Awaited<ReturnType<typeof startClickClient>>,
  rate: number,
  seconds: number,
  warm: () => Promise<void> = async () => undefined,
): Promise<ClickTally> {
  await client.call('start', rate);
  await delay(WARM_S * 1000);
  await client.call('take', null);
  await warm();
  await delay(seconds * 1000);
  const tally = await client.call('take', null);
  await client.call('stop', null);
  return tally;
}

function figuresOf({ p50Ms, p99Ms, maxMs, ownMs, ok, overloaded, other, refused, cut }: ClickTally): Figures {
  return { p50Ms, p99Ms, maxMs, ownMs, ok, errors: overloaded + other + refused + cut };
}

/** From a click's answer to the transaction that counts it, ms, of all that were answered OK; and how many of these are not there. */
async function shownAfter(server: ServerProcess, oks: OkClick[]): Promise<Figures> {
  const rows = await sql<{ id: string; at: string }>(
    server.databaseUrl,
    `select message_id as id, extract(epoch from at) * 1000 as at from click_ids where message_id = any($1)`,
    [oks.map(({ id }) => id)],
  );
  const countedAt = new Map(rows.map(({ id, at }) => [id, Number(at)]));
  const took = oks.map(({ id, at }) => (countedAt.get(id) ?? Number.NaN) - at).filter((ms) => !Number.isNaN(ms));
  return {
    missing: oks.length - took.length,
    shownP99Ms: rounded(percentile(took, 0.99)),
    shownMaxMs: rounded(took.reduce((most, ms) => Math.max(most, ms), 0)),
  };
}
