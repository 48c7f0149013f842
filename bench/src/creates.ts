import { Api, campaignBody } from './api.js';
import type { BareHttpMethods } from './children/bare-http.js';
import { makeFloorDatabase } from './floor-database.js';
import { Load, type LoadResult } from './load.js';
import { until } from './processes.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer } from './server-process.js';
import { alternate, medians, rounded } from './statistics.js';

export interface CreatesOptions {
  concurrency: number;
  rounds: number;
  runs: number;
}

const IDLE_MS = 120_000;

/** So many planners who press "create" at the same moment, several times in a row, each with a key of their own. */
export async function benchCreates({ concurrency, rounds, runs }: CreatesOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const server = await startServer(scratch);
    const api = new Api(server.api);
    const asset = await api.uploadPixel();
    const bare = new Remote<BareHttpMethods>(scratch, 'bare-http.js');
    const port = await bare.call('serveCreates', await makeFloorDatabase(server.databaseUrl));
    const floorLoad = new Load(`http://127.0.0.1:${port}`, concurrency);
    const ourLoad = new Load(server.api, concurrency);
    scratch.defer(() => Promise.all([floorLoad.close(), ourLoad.close()]));

    const measure = async (load: Load, path: string): Promise<LoadResult> => {
      for (let round = 0; round < rounds; round += 1) {
        const bodies = Array.from({ length: concurrency }, (_, index) => JSON.stringify(campaignBody(asset, `Bench ${index}`)));
        await load.burst(bodies.map((body) => ({ method: 'POST', path, body })));
      }
      return load.take();
    };
    const { floors, ours } = await alternate(
      runs,
      () => measure(floorLoad, '/'),
      async () => {
        await server.usage();
        const result = await measure(ourLoad, '/campaigns');
        const usage = await server.usage();
        // What was created is built and targeted in the background: the next floor shall not pay for it.
        await built(api);
        return { ...result, ...usage };
      },
    );
    const [under, own] = [medians(floors), medians(ours)];
    const errors = ours.reduce((sum, run) => sum + run.errors, 0);
    await report({
      bench: 'creates',
      options: { concurrency, rounds, runs },
      ours: { ...own, errorsOfAllRuns: errors },
      floor: under,
      ratio: { rate: rounded(own.perSecond / under.perSecond), p95: rounded(own.p95Ms / under.p95Ms) },
      targets: {
        'p95 under 500 ms': own.p95Ms < 500,
        '0 errors': errors === 0,
        'at least 60 % of the rate of the floor': own.perSecond >= 0.6 * under.perSecond,
      },
      runs: { floors, ours },
    });
  });
}

/** Resolves when no campaign waits for its template or its targeting any more. */
export function built(api: Api): Promise<void> {
  return until('the campaigns to be built', IDLE_MS, async () => {
    const waiting = await Promise.all(['draft', 'building', 'publishing'].map((status) => api.count(status)));
    return waiting.every((count) => count === 0);
  });
}
