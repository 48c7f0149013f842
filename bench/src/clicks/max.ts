import { setTimeout as delay } from 'node:timers/promises';
import { report } from '../result.js';
import { Scratch } from '../scratch.js';
import { alternate, medians, rounded } from '../statistics.js';
import { ClickDaemons } from './click-daemons.js';
import { type ClickClient, clicksStatus, startBareClicks, startClickClient, startClickServer } from './click-setup.js';

export interface ClicksMaxOptions {
  /** How long a rate is held. */
  hold: number;
  /** Where the search begins. */
  from: number;
  /** After so long each of the two searches tries no other rate. */
  atMost: number;
  runs: number;
}

type Found = Record<'perSecond' | 'p50Ms' | 'p99Ms', number>;

const P99_MS = 10;
const WARM_MS = 1500;
const STEP = 1.5;
/** The search ends when what holds and what does not are so near. */
const NEAR = 1.08;
const TRIES = 2;
/** A rate whose first second is so far above the limit is not held on, nor tried again. */
const HOPELESS = 10;
/** Clicks that may wait more at the end of a rate than they did at its beginning, as a share of what one second brings. */
const GROWTH = 0.5;
const DRAINED = 200;
/** How long what is left of a rate that did not hold may keep the search from the next one. */
const DRAIN_MS = 15_000;
/** What did not fit into memory comes back as fast as it can: it is no part of the next rate. */
const REPLAY = { CLICK_REPLAY_RATE: '100000' };

/** What waits to be counted; of the bare server nothing does. */
type Depth = () => Promise<number>;

/** The highest steady rate whose p99 is under 10 ms, with no error and no queue that grows: of ours, and of the bare libraries. */
export async function benchClicksMax({ hold, from, atMost, runs }: ClicksMaxOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const daemons = await ClickDaemons.start(scratch);
    const { floors, ours } = await alternate(
      runs,
      () =>
        Scratch.during(async (own) => {
          const { bare, origin } = await startBareClicks(own, daemons, false);
          const client = await startClickClient(own, origin);
          const found = await highest(client, { hold, from, atMost }, async () => 0);
          await bare.call('purge', await daemons.bareUrl());
          return found;
        }),
      () =>
        Scratch.during(async (own) => {
          const server = await startClickServer(own, daemons, 'accepted', REPLAY);
          const client = await startClickClient(own, server.api);
          return await highest(client, { hold, from, atMost }, async () => {
            const { queueDepth, fallbackDepth } = await clicksStatus(server);
            return (queueDepth ?? Number.NaN) + (fallbackDepth ?? 0);
          });
        }),
      false,
    );
    const [under, own] = [medians(floors), medians(ours)];
    await report({
      bench: 'clicks-max',
      options: { hold, from, atMost, runs },
      ours: own,
      floor: under,
      ratio: { rate: rounded(own.perSecond / under.perSecond) },
      targets: {
        'at least 60 % of the rate of the floor': own.perSecond >= 0.6 * under.perSecond,
        'at least 10,000/s': own.perSecond >= 10_000,
      },
      runs: { floors, ours },
    });
  });
}

async function highest(client: ClickClient, { hold, from, atMost }: Omit<ClicksMaxOptions, 'runs'>, depth: Depth): Promise<Found> {
  const until = performance.now() + atMost * 1000;
  let best: Found = { perSecond: 0, p50Ms: Number.NaN, p99Ms: Number.NaN };
  let above: number | undefined;
  let rate = from;
  do {
    const held = await holds(client, rate, hold, depth);
    if (held === undefined) above = rate;
    else best = held;
    rate = Math.round(above === undefined ? rate * STEP : (best.perSecond + above) / 2);
  } while (performance.now() < until && (above === undefined || above > Math.max(best.perSecond, 50) * NEAR));
  return best;
}

/** Undefined when the rate does not hold, in any of some tries. */
async function holds(client: ClickClient, rate: number, hold: number, depth: Depth): Promise<Found | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    await client.call('start', rate);
    await delay(WARM_MS);
    await client.call('take', null);
    await delay(1000);
    const first = await client.call('take', null);
    const isHopeless = first.p99Ms > P99_MS * HOPELESS || first.ok === 0;
    const before = await depth();
    await delay(isHopeless ? 0 : hold * 1000);
    const tally = await client.call('take', null);
    const grown = (await depth()) - before;
    await client.call('stop', null);
    const errors = tally.overloaded + tally.other + tally.refused + tally.cut;
    const isSteady = tally.ok >= rate * hold * 0.98 && grown <= rate * GROWTH;
    const good = isSteady && errors === 0 && tally.p99Ms < P99_MS;
    process.stderr.write(`  ${rate}/s ${good ? 'holds' : 'does not hold'}: ${JSON.stringify(isHopeless ? first : { ...tally, grown })}\n`);
    await drained(depth);
    if (good) return { perSecond: rate, p50Ms: tally.p50Ms, p99Ms: tally.p99Ms };
    if (isHopeless) return undefined;
  }
  return undefined;
}

async function drained(depth: Depth): Promise<void> {
  const until = performance.now() + DRAIN_MS;
  while ((await depth()) > DRAINED && performance.now() < until) await delay(100);
  await delay(300);
}
