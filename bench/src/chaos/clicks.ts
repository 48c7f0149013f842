import { setTimeout as delay } from 'node:timers/promises';
import type { ClickTally } from '../clicks/click-load.js';
import { ClickDaemons } from '../clicks/click-daemons.js';
import { seeded } from '../random.js';
import { Scratch } from '../scratch.js';
import { type ClicksBalance, clicksBalance, wrongWith } from './clicks-balance.js';
import { CLICKS_FAULTS, type ClicksFault } from './clicks-faults.js';
import { ClicksWorld } from './clicks-world.js';

export interface ClicksChaosOptions {
  seconds: number;
  seed: number;
  rate: number;
  ack: 'accepted' | 'durable' | 'both';
  fault: string | undefined;
  p99: number | undefined;
}

/** One server of its own under clicks, and what happens to it. */
interface Run {
  ack: 'accepted' | 'durable';
  faults: readonly ClicksFault[];
}

export interface ClicksRun extends Run {
  tally: ClickTally;
  balance: ClicksBalance;
  wrong: string[];
}

/** A run of less does not last through an outage of 20 s: some faults, drawn, share one and are short. */
const WHOLE_S = 60;
const AWAY_MS = { whole: 20_000, short: 2000 };
const FEW = 2;
/** CLICK_MEMORY as it is when nobody sets it. */
const MEMORY = 2000;
/** How long what is on its way may stand still until it is not waited for any more, ms; and where some may be lost. */
const STILL_MS = 30_000;
const STILL_LOSSY_MS = 10_000;
/** Of the p99, in which it is wanted; a machine that is busy with other things too does not keep it. */
export const P99_MS = 50;

/** Clicks while what they stand on fails: every fault and either kind of answer, each by itself; in a short time a few of them together. */
export async function clicksChaos(scratch: Scratch, options: ClicksChaosOptions): Promise<ClicksRun[]> {
  const began = performance.now();
  const say = (line: string): void =>
    void process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  say(`seed ${options.seed}, ${options.rate} clicks/s`);
  const daemons = await ClickDaemons.start(scratch);
  say('RabbitMQ, Redis and PostgreSQL run');
  const done: ClicksRun[] = [];
  for (const run of runsOf(options)) {
    say(`CLICK_ACK=${run.ack}: ${run.faults.map(({ says }) => says).join('; ')}`);
    done.push(await Scratch.during((own) => through(own, daemons, run, options, say)));
  }
  return done;
}

function runsOf({ seconds, seed, ack, fault }: ClicksChaosOptions): Run[] {
  const acks = ack === 'both' ? (['accepted', 'durable'] as const) : [ack];
  const faults = fault === undefined ? CLICKS_FAULTS : CLICKS_FAULTS.filter(({ name }) => name === fault);
  if (seconds >= WHOLE_S) return acks.flatMap((each) => faults.map((one) => ({ ack: each, faults: [one] })));
  const random = seeded(seed);
  let left: ClicksFault[] = [];
  return acks.map((each) => {
    // What the one kind of answer met the other does not meet again, while there are others.
    if (left.length === 0) left = [...faults];
    return {
      ack: each,
      faults: Array.from({ length: Math.min(FEW, left.length) }, () => left.splice(Math.floor(random() * left.length), 1)).flat(),
    };
  });
}

async function through(
  scratch: Scratch,
  daemons: ClickDaemons,
  run: Run,
  { seconds, rate, p99 }: ClicksChaosOptions,
  say: (line: string) => void,
): Promise<ClicksRun> {
  const isShort = seconds < WHOLE_S;
  const world = await ClicksWorld.create(scratch, daemons, run.ack);
  for (const fault of run.faults) await fault.prepare?.(world);
  const { client } = world;
  await client.call('start', rate);
  // Of a process that has just begun the first answers are slow, whatever fails.
  await delay(isShort ? 1000 : 5000);
  await client.call('take', null);
  const until = performance.now() + (isShort ? seconds / 2 : seconds) * 1000;
  for (const fault of run.faults) {
    await delay(isShort ? 1500 : 10_000);
    const from = performance.now();
    await fault.happen(world, isShort ? AWAY_MS.short : AWAY_MS.whole);
    await world.ready();
    say(`${fault.says}: ${Math.round(performance.now() - from)} ms`);
  }
  await delay(Math.max(isShort ? 1500 : 5000, until - performance.now()));
  const tally = await client.call('take', null);
  await client.call('stop', null);
  say('nobody clicks any more');
  const lossy = run.ack === 'accepted' ? run.faults.filter(({ kills }) => kills) : [];
  await settle(world, lossy.length > 0 ? STILL_LOSSY_MS : STILL_MS, say);
  const balance = await clicksBalance(world);
  await world.stop();
  const lost = lossy.length * MEMORY;
  const wrong = wrongWith(balance, { lost, balances: lossy.length === 0 });
  if (tally.other > 0) wrong.push(`${tally.other} answers were neither 200 nor 503`);
  if (p99 !== undefined && tally.p99Ms > p99) wrong.push(`the p99 of the answers is ${tally.p99Ms} ms`);
  for (const line of wrong) say(`WRONG: ${line}`);
  return { ...run, tally, balance, wrong };
}

/** Resolves when as much is counted as was answered OK, or when nothing moves any more. */
async function settle(world: ClicksWorld, stillMs: number, say: (line: string) => void): Promise<void> {
  const from = performance.now();
  const wanted = (await world.client.call('oks', null)).length;
  let before = -1;
  let since = performance.now();
  for (;;) {
    const [row] = await world.sql<{ n: string }>('select count(*) as n from click_ids');
    const counted = Number(row?.n);
    if (counted >= wanted) return say(`all is counted after ${Math.round(performance.now() - from)} ms`);
    if (counted !== before) since = performance.now();
    before = counted;
    if (performance.now() - since > stillMs) return say(`${wanted - counted} clicks are not counted`);
    await delay(250);
  }
}
