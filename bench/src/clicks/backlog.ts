import { setTimeout as delay } from 'node:timers/promises';
import type { BareClicksMethods } from '../children/bare-clicks.js';
import type { ClickPublisherMethods } from '../children/click-publisher.js';
import { Remote } from '../remote.js';
import { report } from '../result.js';
import { Scratch } from '../scratch.js';
import type { ServerProcess } from '../server-process.js';
import { median, rounded } from '../statistics.js';
import { ClickDaemons } from './click-daemons.js';
import { clicksStatus, counted, startClickServer, untilCounted } from './click-setup.js';

export interface ClicksBacklogOptions {
  n: number;
  fallback: 'postgres' | 'redis';
  /** CLICK_REPLAY_RATE. */
  rate: number;
}

const LOOK_MS = 1000;
/** By how much the memory of the last quarter may be above that of the first, MB. */
const FLAT_MB = 50;

/** So many clicks that wait in the fallback after an outage, until the broker has them, and until they are counted. */
export async function benchClicksBacklog({ n, fallback, rate }: ClicksBacklogOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const daemons = await ClickDaemons.start(scratch);
    const bare = new Remote<BareClicksMethods>(scratch, 'bare-clicks.js');
    const floorMs = await bare.call('publish', { amqp: await daemons.bareUrl(), n: Math.min(n, 100_000), window: 500 });
    await bare.call('purge', await daemons.bareUrl());
    const environment = { CLICK_REPLAY_RATE: String(rate) };
    const first = await startClickServer(scratch, daemons, 'accepted', environment);
    const { databaseUrl, place } = first;
    await first.stop();
    const filler = new Remote<ClickPublisherMethods>(scratch, 'click-publisher.js');
    await filler.call('fill', { ...(fallback === 'redis' ? { redis: daemons.redis.url } : {}), databaseUrl, n });
    process.stderr.write(`${n} clicks wait\n`);
    const again = { ...environment, DATABASE_URL: databaseUrl };
    const began = performance.now();
    const server = await startClickServer(scratch, daemons, 'accepted', again, place);
    const { replayedMs, memory } = await replayed(server, began);
    await untilCounted(server, n);
    const countedMs = performance.now() - began;
    const quarter = Math.max(1, Math.floor(memory.length / 4));
    const [early, late] = [median(memory.slice(0, quarter)), median(memory.slice(-quarter))];
    const ours = {
      perSecond: rounded((n * 1000) / replayedMs),
      countedPerSecond: rounded((n * 1000) / countedMs),
      counted: await counted(server),
      memoryFirstQuarterMb: rounded(early),
      memoryLastQuarterMb: rounded(late),
      memoryMaxMb: rounded(Math.max(...memory)),
    };
    const floor = { perSecond: rounded((Math.min(n, 100_000) * 1000) / floorMs) };
    await report({
      bench: 'clicks-backlog',
      variant: fallback,
      options: { n, rate },
      ours,
      floor,
      ratio: { rate: rounded(ours.perSecond / floor.perSecond) },
      targets: { 'each counted once': ours.counted === n, 'memory is flat': late - early <= FLAT_MB },
      runs: { floors: [floor], ours: [ours] },
    });
  });
}

/** Until nothing waits in the fallback; and what the process held meanwhile, MB, once a second. */
async function replayed(server: ServerProcess, began: number): Promise<{ replayedMs: number; memory: number[] }> {
  const memory: number[] = [];
  for (;;) {
    const { fallbackDepth, queueDepth } = await clicksStatus(server);
    memory.push((await server.usage()).memoryMb);
    if (memory.length % 10 === 1)
      process.stderr.write(`  ${fallbackDepth} in the fallback, ${queueDepth} in the queue, ${memory.at(-1)} MB\n`);
    if (fallbackDepth === 0) return { replayedMs: performance.now() - began, memory };
    await delay(LOOK_MS);
  }
}
