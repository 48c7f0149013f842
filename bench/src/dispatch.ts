import { Api } from './api.js';
import type { BareDispatchMethods } from './children/bare-dispatch.js';
import { makeFloorDatabase } from './floor-database.js';
import { createRehearsal, drain } from './rehearsal.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer, startWorker } from './server-process.js';
import { alternate, medians, rounded } from './statistics.js';

export interface DispatchOptions {
  n: number;
  workers: number;
  runs: number;
}

/** As the server's: DISPATCH_BATCH, the launcher's step, and the worker's slots. */
const BATCH = 500;
const STEP = 10_000;
const SLOTS = 4;

/** A rehearsal for so many recipients, from dispatch until every delivery has ended. */
export async function benchDispatch({ n, workers, runs }: DispatchOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const server = await startServer(scratch, { LOG_LEVEL: 'warn' });
    for (let worker = 1; worker < workers; worker += 1) await startWorker(scratch, server);
    const api = new Api(server.api);
    const bare = new Remote<BareDispatchMethods>(scratch, 'bare-dispatch.js');
    const databaseUrl = await makeFloorDatabase(server.databaseUrl);
    const { floors, ours } = await alternate(
      runs,
      async () => {
        const tookMs = await bare.call('drain', { databaseUrl, n, batch: BATCH, step: STEP, connections: SLOTS * workers });
        return { perSecond: rounded((n * 1000) / tookMs) };
      },
      async () => {
        const id = await createRehearsal(api, n);
        const before = await server.usage();
        const { tookMs, lastToFirstTenth } = await drain(api, server.databaseUrl, id, n);
        const usage = await server.usage();
        return {
          perSecond: rounded((n * 1000) / tookMs),
          lastToFirstTenth: rounded(lastToFirstTenth),
          ...usage,
          memoryMb: usage.memoryMb,
          memoryGrownMb: rounded(usage.memoryMb - before.memoryMb),
        };
      },
    );
    const [under, own] = [medians(floors), medians(ours)];
    await report({
      bench: 'dispatch',
      variant: `${n}-${workers}`,
      options: { n, workers, runs },
      ours: own,
      floor: under,
      ratio: { rate: rounded(own.perSecond / under.perSecond) },
      targets: {
        'at least 70 % of the rate of the floor': own.perSecond >= 0.7 * under.perSecond,
        'at least 15,000/s': own.perSecond >= 15_000,
        'the last tenth at 80 % of the rate of the first': own.lastToFirstTenth >= 0.8,
      },
      runs: { floors, ours },
    });
  });
}
