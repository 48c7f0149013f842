import type { BareClicksMethods } from '../children/bare-clicks.js';
import { Remote } from '../remote.js';
import { report } from '../result.js';
import { Scratch } from '../scratch.js';
import { alternate, medians, rounded } from '../statistics.js';
import { ClickDaemons } from './click-daemons.js';
import { counted, migrateClicks, startClickServer, untilCounted } from './click-setup.js';

export interface ClicksStatsOptions {
  n: number;
  runs: number;
}

const EACH_PER_SECOND = 15_000;

/** Clicks that wait in RabbitMQ until each is stored and counted, by one server, against a bare insert of the same rows. */
export async function benchClicksStats({ n, runs }: ClicksStatsOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const daemons = await ClickDaemons.start(scratch);
    const floorUrl = await migrateClicks(daemons);
    const bare = new Remote<BareClicksMethods>(scratch, 'bare-clicks.js');
    const amqp = daemons.rabbit.url;
    // The queue is declared by the server, as it is in life.
    await (await startClickServer(scratch, daemons, 'accepted')).stop();
    const { floors, ours } = await alternate(
      runs,
      async () => ({ perSecond: rounded((n * 1000) / (await bare.call('insert', { url: floorUrl, n }))) }),
      () =>
        Scratch.during(async (own) => {
          await bare.call('publish', { amqp, n, window: 5000, declared: true });
          const server = await startClickServer(own, daemons, 'accepted');
          // It counts since before it said that it is ready.
          const already = await counted(server);
          const began = performance.now();
          await server.usage();
          await untilCounted(server, n);
          const tookMs = performance.now() - began;
          const usage = await server.usage();
          await server.stop();
          return { perSecond: rounded(((n - already) * 1000) / tookMs), ...usage };
        }),
    );
    const [under, own] = [medians(floors), medians(ours)];
    await report({
      bench: 'clicks-stats',
      options: { n, runs },
      ours: own,
      floor: under,
      ratio: { rate: rounded(own.perSecond / under.perSecond) },
      targets: { 'at least 15,000/s': own.perSecond >= EACH_PER_SECOND },
      runs: { floors, ours },
    });
  });
}
