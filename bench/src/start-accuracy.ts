import { setTimeout as delay } from 'node:timers/promises';
import { CLOCK_OFF_MS, ROUTES } from '@marquee/contracts';
import { launchChromium, type Page } from '@marquee/testing';
import pg from 'pg';
import { Api, campaignBody } from './api.js';
import { PREFIX } from './broker-setup.js';
import type { FleetMethods } from './children/fleet.js';
import { until } from './processes.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { type ServerProcess, startServer } from './server-process.js';
import { percentile, rounded } from './statistics.js';

export interface StartAccuracyOptions {
  campaigns: number;
  screens: number;
  /** Ms between two starts. */
  gap: number;
}

const SCREEN = 'browser-1';
/** All campaigns are built and installed by then. */
const LEAD_MS = 20_000;
const READY_MS = 30_000;
const TIMER_MS = { min: 300, max: 3000 };
const BADLY_SKEWED = { share: 0.05, ms: { min: 700, max: 120_000 } };
const FLAGGED_MS = 60_000;

interface Spread extends Record<string, number> {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** How exactly a real player starts what it is to start, and whether wrong clocks are found in a large fleet. */
export async function benchStartAccuracy(options: StartAccuracyOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const server = await startServer(scratch);
    const { errors, timers } = await startsInBrowser(scratch, server, options);
    const started = spread(errors);
    const floor = spread(timers);
    const clocks = await findSkewed(scratch, server, options.screens);
    await report({
      bench: 'start-accuracy',
      options: { ...options, badlySkewed: BADLY_SKEWED },
      ours: { ...started, starts: errors.length, ...clocks },
      floor,
      ratio: { p99: rounded(started.p99Ms / floor.p99Ms) },
      targets: {
        'every campaign started': errors.length === options.campaigns,
        'p99 of the start error under 250 ms': started.p99Ms < 250,
        'p50 of the start error under 100 ms': started.p50Ms < 100,
        'every badly skewed clock is flagged': clocks.missed === 0,
        'no good clock is flagged': clocks.accused === 0,
      },
      runs: { floors: [timers.map(Math.round)], ours: [errors] },
    });
  });
}

/** One player in a browser; one campaign after another. How far from its second each started, ms, by the screen's corrected clock. */
async function startsInBrowser(
  scratch: Scratch,
  server: ServerProcess,
  { campaigns, gap }: StartAccuracyOptions,
): Promise<{ errors: number[]; timers: number[] }> {
  const browser = await launchChromium();
  scratch.defer(() => browser.close());
  const page = await browser.newPage();
  const timers = await bareTimers(page, campaigns);
  const api = new Api(server.api);
  await page.goto(`${server.api}/player/?deviceId=${SCREEN}&brokerUrl=ws://127.0.0.1:${server.place.ws}`);
  await until('the player', READY_MS, async () => (await fetch(`${server.api}${ROUTES.screens}/${SCREEN}`)).ok);
  const asset = await api.uploadPixel();
  const from = Date.now() + LEAD_MS;
  const planned = new Map<string, number>();
  for (let index = 0; index < campaigns; index += 1) {
    const startAt = from + index * gap;
    const { id } = await api.create({ ...campaignBody(asset, `Start ${index + 1}`), startAt, expireAt: startAt + Math.round(gap * 0.8) });
    planned.set(id, startAt);
  }
  const database = new pg.Client({ connectionString: server.databaseUrl });
  await database.connect();
  scratch.defer(() => database.end());
  await delay(Math.max(0, from + campaigns * gap + 3000 - Date.now()));
  const { rows } = await database.query<{ campaign_id: string; at: string }>(
    "select campaign_id, min(occurred_at) as at from delivery_events where event_type = 'display_start' and device_id = $1 group by campaign_id",
    [SCREEN],
  );
  await page.close();
  return { errors: rows.map((row) => Number(row.at) - (planned.get(row.campaign_id) ?? 0)), timers };
}

/** The floor: how late the browser's own `setTimeout` is, for as many timers, one after another. */
async function bareTimers(page: Page, count: number): Promise<number[]> {
  // Ten at a time: late by themselves, not by each other.
  const work = `Promise.all(Array.from({ length: 10 }, async () => {
    const late = [];
    for (let turn = 0; turn < ${Math.ceil(count / 10)}; turn += 1) {
      const ms = ${TIMER_MS.min} + Math.random() * ${TIMER_MS.max - TIMER_MS.min};
      const from = performance.now();
      await new Promise((resolve) => setTimeout(resolve, ms));
      late.push(performance.now() - from - ms);
    }
    return late;
  }))`;
  const late: number[][] = await page.evaluate(work);
  return late.flat().slice(0, count);
}

/** A fleet with some clocks that are wrong: how many of those the registry does not mark, and how many others it does. */
async function findSkewed(
  scratch: Scratch,
  server: ServerProcess,
  screens: number,
): Promise<{ skewed: number; missed: number; accused: number }> {
  const fleet = new Remote<FleetMethods>(scratch, 'fleet.js');
  await fleet.call('start', { screens, broker: server.broker, prefix: PREFIX, seed: screens, skew: BADLY_SKEWED });
  const { all, skewMs } = await fleet.call('roles', null);
  const wrong = new Set(all.filter((_, screen) => Math.abs(skewMs[screen] ?? 0) > CLOCK_OFF_MS));
  let marked = new Set<string>();
  await until('every screen to be online', FLAGGED_MS, async () => (await countOf(server, 'status=online')) >= screens);
  marked = await markedScreens(server);
  await fleet.end();
  return {
    skewed: wrong.size,
    missed: [...wrong].filter((id) => !marked.has(id)).length,
    accused: [...marked].filter((id) => !wrong.has(id)).length,
  };
}

async function countOf(server: ServerProcess, query: string): Promise<number> {
  const page = (await (await fetch(`${server.api}${ROUTES.screens}?limit=1&${query}`)).json()) as { total: number };
  return page.total;
}

/** As the screens page finds them. */
async function markedScreens(server: ServerProcess): Promise<Set<string>> {
  const marked = new Set<string>();
  let cursor: string | null = '';
  while (cursor !== null) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const reply = await fetch(`${server.api}${ROUTES.screens}?clock=off&limit=100${after}`);
    const page = (await reply.json()) as { data: { deviceId: string }[]; nextCursor: string | null };
    for (const { deviceId } of page.data) marked.add(deviceId);
    cursor = page.nextCursor;
  }
  return marked;
}

/** Of the errors without their sign: an early start is as wrong as a late one. */
function spread(errors: readonly number[]): Spread {
  const sizes = errors.map(Math.abs);
  return { p50Ms: rounded(percentile(sizes, 0.5)), p99Ms: rounded(percentile(sizes, 0.99)), maxMs: rounded(Math.max(0, ...sizes)) };
}
