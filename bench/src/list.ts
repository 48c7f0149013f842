import { Api, campaignBody } from './api.js';
import type { BareHttpMethods } from './children/bare-http.js';
import { built } from './creates.js';
import { Load, type LoadResult } from './load.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer } from './server-process.js';
import { alternate, medians, rounded } from './statistics.js';

export interface ListOptions {
  campaigns: number;
  connections: number;
  seconds: number;
  runs: number;
}

const PATH = '/campaigns?limit=20';
const CREATE_AT_ONCE = 100;

/** The first page of the list, asked for by many at once, with many campaigns behind it. */
export async function benchList({ campaigns, connections, seconds, runs }: ListOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const server = await startServer(scratch);
    const api = new Api(server.api);
    await fill(api, server.api, campaigns);
    const bytes = await (await fetch(server.api + PATH)).text();
    const bare = new Remote<BareHttpMethods>(scratch, 'bare-http.js');
    const port = await bare.call('serveBytes', bytes);
    const floorLoad = new Load(`http://127.0.0.1:${port}`, connections);
    const ourLoad = new Load(server.api, connections);
    scratch.defer(() => Promise.all([floorLoad.close(), ourLoad.close()]));
    const measure = async (load: Load, path: string): Promise<LoadResult> => {
      await load.closedLoop(() => ({ method: 'GET', path }), seconds * 1000);
      return load.take();
    };
    const { floors, ours } = await alternate(
      runs,
      () => measure(floorLoad, '/'),
      async () => {
        await server.usage();
        const result = await measure(ourLoad, PATH);
        const { serverCpuMs, databaseCpuMs, eventLoopMaxMs } = await server.usage();
        return {
          ...result,
          serverCpuMsARequest: rounded(serverCpuMs / result.requests),
          databaseCpuMsARequest: rounded(databaseCpuMs / result.requests),
          eventLoopMaxMs,
        };
      },
    );
    const [under, own] = [medians(floors), medians(ours)];
    const errors = ours.reduce((sum, run) => sum + run.errors, 0);
    await report({
      bench: 'list',
      options: { campaigns, connections, seconds, runs, answerBytes: bytes.length },
      ours: { ...own, errorsOfAllRuns: errors },
      floor: under,
      ratio: { p95: rounded(own.p95Ms / under.p95Ms), rate: rounded(own.perSecond / under.perSecond) },
      targets: { 'p95 under 50 ms': own.p95Ms < 50, '0 errors': errors === 0 },
      runs: { floors, ours },
    });
  });
}

async function fill(api: Api, origin: string, campaigns: number): Promise<void> {
  const asset = await api.uploadPixel();
  const load = new Load(origin, CREATE_AT_ONCE);
  for (let left = campaigns; left > 0; left -= CREATE_AT_ONCE) {
    const bodies = Array.from({ length: Math.min(left, CREATE_AT_ONCE) }, (_, index) => ({
      ...campaignBody(asset, `Campaign ${left - index}`),
      // Never targeted: what is measured is the list.
      dispatch: 'manual' as const,
    }));
    await load.burst(bodies.map((body) => ({ method: 'POST', path: '/campaigns', body: JSON.stringify(body) })));
  }
  const { errors } = load.take();
  await load.close();
  if (errors > 0) throw new Error(`${errors} of ${campaigns} campaigns could not be created`);
  await built(api);
  const total = await api.count();
  if (total !== campaigns) throw new Error(`the list says ${total} of ${campaigns} campaigns`);
}
