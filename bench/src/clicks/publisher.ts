import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BareClicksMethods } from '../children/bare-clicks.js';
import type { ClickPublisherMethods } from '../children/click-publisher.js';
import { Remote } from '../remote.js';
import { report } from '../result.js';
import { Scratch } from '../scratch.js';
import { alternate, medians, rounded } from '../statistics.js';
import { ClickDaemons } from './click-daemons.js';
import { migrateClicks } from './click-setup.js';

export interface ClicksPublisherOptions {
  n: number;
  runs: number;
}

/** Most without a confirm: of the bare channel, whose best one counts (0: no bound); and of our memory. */
const WINDOWS = [100, 500, 1000, 2000, 5000, 0];
const MEMORIES = [2000, 10_000, 20_000];

/** Confirmed clicks a second: our publisher with its marks in Redis, and a bare confirm channel of amqplib in its best window. */
export async function benchClicksPublisher({ n, runs }: ClicksPublisherOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const daemons = await ClickDaemons.start(scratch);
    const databaseUrl = await migrateClicks(daemons);
    const dataDir = join(scratch.folder, 'publisher');
    await mkdir(dataDir);
    const [amqp, redis] = [await daemons.bareUrl(), daemons.redis.url];
    const bare = new Remote<BareClicksMethods>(scratch, 'bare-clicks.js');
    const publisher = new Remote<ClickPublisherMethods>(scratch, 'click-publisher.js');
    const perSecond = (tookMs: number): number => rounded((n * 1000) / tookMs);
    const { floors, ours } = await alternate(
      runs,
      async () => {
        const of: Record<string, number> = {};
        for (const window of WINDOWS) {
          of[`window${window}`] = perSecond(await bare.call('publish', { amqp, n, window }));
          await bare.call('purge', amqp);
        }
        return { perSecond: Math.max(...Object.values(of)), ...of };
      },
      async () => {
        const of: Record<string, number> = {};
        let stored = 0;
        for (const memory of MEMORIES) {
          const { tookMs, stored: also } = await publisher.call('publish', { amqp, redis, databaseUrl, dataDir, n, memory });
          of[`memory${memory}`] = perSecond(tookMs);
          stored += also;
          await bare.call('purge', amqp);
        }
        return { perSecond: Math.max(...Object.values(of)), ...of, stored };
      },
    );
    const [under, own] = [medians(floors), medians(ours)];
    await report({
      bench: 'clicks-publisher',
      options: { n, runs },
      ours: own,
      floor: under,
      ratio: { rate: rounded(own.perSecond / under.perSecond) },
      targets: {
        'at least 80 % of the rate of the floor': own.perSecond >= 0.8 * under.perSecond,
        'nothing went to the fallback': ours.every(({ stored }) => stored === 0),
      },
      runs: { floors, ours },
    });
  });
}
