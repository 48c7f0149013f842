import { Api } from './api.js';
import { type BusKind, startBus } from './bus-engine.js';
import type { BareBusMethods } from './children/bare-bus.js';
import type { BareDispatchMethods } from './children/bare-dispatch.js';
import { makeFloorDatabase } from './floor-database.js';
import { createRehearsal, drain } from './rehearsal.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer, startWorker } from './server-process.js';
import { alternate, medians, rounded } from './statistics.js';

export interface DispatchOptions {
  bus: BusKind;
  n: number;
  workers: number;
  runs: number;
}

/** As the server's: DISPATCH_BATCH, the launcher's step, and the worker's slots. */
const BATCH = 500;
const STEP = 10_000;
const SLOTS = 4;

/** A rehearsal for so many recipients, from dispatch until every delivery has ended. */
export async function benchDispatch({ n, workers, runs, bus }: DispatchOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const engine = bus === 'local' ? undefined : await startBus(scratch, bus);
    const environment: Record<string, string> = engine === undefined ? {} : { BUS_URL: engine.url };
    const server = await startServer(scratch, { LOG_LEVEL: 'warn', ...environment });
    for (let worker = 1; worker < workers; worker += 1) await startWorker(scratch, server, environment);
    const bareBus = new Remote<BareBusMethods>(scratch, 'bare-bus.js');
    const api = new Api(server.api);
    const bare = new Remote<BareDispatchMethods>(scratch, 'bare-dispatch.js');
    const databaseUrl = await makeFloorDatabase(server.databaseUrl);
    const { floors, ours } = await alternate(
      runs,
      async () => {
        const tookMs = await bare.call('drain', { databaseUrl, n, batch: BATCH, step: STEP, connections: SLOTS * workers });
        const perSecond = rounded((n * 1000) / tookMs);
        if (engine === undefined || bus === 'local') return { perSecond };
        const busMs = await bareBus.call('drain', { kind: bus, url: engine.url, n, batch: BATCH });
        return { perSecond, busPerSecond: rounded((n * 1000) / busMs) };
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
    const floor = Math.min(...Object.values(under));
    await report({
      bench: 'dispatch',
      variant: bus === 'local' ? `${n}-${workers}` : `${n}-${workers}-${bus}`,
      options: { n, workers, runs, bus },
      ours: own,
      floor: under,
      ratio: { rate: rounded(own.perSecond / floor) },
      targets: {
        ...(bus === 'local'
          ? { 'at least 70 % of the rate of the floor': own.perSecond >= 0.7 * floor, 'at least 15,000/s': own.perSecond >= 15_000 }
          : { 'at least 60 % of the lower floor': own.perSecond >= 0.6 * floor }),
        'the last tenth at 80 % of the rate of the first': own.lastToFirstTenth >= 0.8,
      },
      runs: { floors, ours },
    });
  });
}
