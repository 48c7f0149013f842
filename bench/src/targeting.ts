import pg from 'pg';
import { Api } from './api.js';
import type { BareDispatchMethods } from './children/bare-dispatch.js';
import { makeFloorDatabase } from './floor-database.js';
import { createRehearsal, targeted } from './rehearsal.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { startServer } from './server-process.js';
import { alternate, medians, rounded } from './statistics.js';

export interface TargetingOptions {
  n: number;
  runs: number;
}

/** The audience of a rehearsal made into deliveries, with nobody who sends them. */
export async function benchTargeting({ n, runs }: TargetingOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const server = await startServer(scratch, { ROLES: 'api,dispatch,gateway' });
    const api = new Api(server.api);
    const client = new pg.Client({ connectionString: server.databaseUrl });
    await client.connect();
    scratch.defer(() => client.end());
    const bare = new Remote<BareDispatchMethods>(scratch, 'bare-dispatch.js');
    const databaseUrl = await makeFloorDatabase(server.databaseUrl);
    const { floors, ours } = await alternate(
      runs,
      async () => ({ perSecond: rounded((n * 1000) / (await bare.call('insert', { databaseUrl, n }))) }),
      async () => {
        const id = await createRehearsal(api, n);
        const from = performance.now();
        const { executionId } = await api.post<{ executionId: string }>(`/campaigns/${id}/dispatch`);
        await targeted(client, executionId);
        const tookMs = performance.now() - from;
        // The next run shall meet a table of the same size.
        await client.query('delete from campaigns where id = $1', [id]);
        await client.query('vacuum deliveries');
        return { perSecond: rounded((n * 1000) / tookMs) };
      },
    );
    const [under, own] = [medians(floors), medians(ours)];
    await report({
      bench: 'targeting',
      options: { n, runs },
      ours: own,
      floor: under,
      ratio: { rate: rounded(own.perSecond / under.perSecond) },
      targets: {},
      runs: { floors, ours },
    });
  });
}
