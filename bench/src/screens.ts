import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { campaignBody } from './api.js';
import { asCampaign, type BrokerKind, type FloorSetup, type OursSetup, setUpFloor, setUpOurs } from './broker-setup.js';
import { epochNow } from './epoch.js';
import { until } from './processes.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import type { Usage } from './server-process.js';
import { alternate, medians, rounded } from './statistics.js';

export interface ScreensOptions {
  n: number;
  broker: BrokerKind;
  runs: number;
}

const RUN_MS = 120_000;
const POLL_MS = 25;

type Ours = Record<string, number> & Usage & { firstManifestMs: number; manifestsMs: number; acknowledgedMs: number };
type Floor = { manifestsMs: number; acknowledgedMs: number };

/** One campaign on all screens: until the last has its manifest, and until the last acknowledgement is a row. */
export async function benchScreens({ n, broker, runs }: ScreensOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const setup = await setUpOurs(scratch, broker, n);
    const floor = await setUpFloor(scratch, broker, n);
    const database = new pg.Client({ connectionString: setup.server.databaseUrl });
    await database.connect();
    scratch.defer(() => database.end());
    const asset = await setup.api.uploadPixel();
    // The floor sends what the server really sent, so this one is not counted.
    const sample = await runOurs(setup, database, asset, n);
    const text = await setup.fleet.call('manifestText', sample.campaignId);
    const { floors, ours } = await alternate<Floor, Ours>(
      runs,
      () => runFloor(floor, text, sample.campaignId, n),
      async () => (await runOurs(setup, database, asset, n)).figures,
    );
    const [under, own] = [medians(floors), medians(ours)];
    const worstLoop = Math.max(...ours.map((run) => run.eventLoopMaxMs));
    await report({
      bench: 'screens',
      variant: broker,
      options: { n, broker, runs, screensAConnection: 200, manifestBytes: text.length },
      ours: { ...own, eventLoopWorstMs: rounded(worstLoop) },
      floor: under,
      ratio: { manifests: rounded(own.manifestsMs / under.manifestsMs), acknowledged: rounded(own.acknowledgedMs / under.acknowledgedMs) },
      targets: {
        'manifests within 2x of the floor': own.manifestsMs <= 2 * under.manifestsMs,
        'manifests within 3 s': own.manifestsMs <= 3000,
        'acknowledged within 4 s': own.acknowledgedMs <= 4000,
        'event loop never blocked over 100 ms': worstLoop <= 100,
      },
      runs: { floors, ours },
    });
  });
}

async function runFloor({ fleet, publish }: FloorSetup, text: string, campaignId: string, n: number): Promise<Floor> {
  const other = randomUUID();
  const { startedAt, acknowledgedAt } = await publish([asCampaign(text, campaignId, other)]);
  const receivedAt = await fleet.call('manifests', { campaigns: [other], screens: n });
  return { manifestsMs: rounded(receivedAt - startedAt), acknowledgedMs: rounded(acknowledgedAt - startedAt) };
}

async function runOurs(
  { server, api, fleet }: OursSetup,
  database: pg.Client,
  asset: string,
  n: number,
): Promise<{ campaignId: string; figures: Ours }> {
  await server.usage();
  const startedAt = epochNow();
  const { id } = await api.create(campaignBody(asset));
  const received = fleet.call('manifests', { campaigns: [id], screens: n });
  let acknowledgedAt = 0;
  await until(`${n} acknowledgements of ${id}`, RUN_MS, async () => {
    const { counts } = await api.campaign(id);
    acknowledgedAt = epochNow();
    if (counts.acknowledged >= n) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return false;
  });
  const receivedAt = await received;
  const figures = {
    firstManifestMs: rounded((await fleet.call('firstManifest', id)) - startedAt),
    manifestsMs: rounded(receivedAt - startedAt),
    acknowledgedMs: rounded(acknowledgedAt - startedAt),
    ...(await server.usage()),
  };
  const rows = await database.query<{ n: number }>(
    "select count(distinct device_id)::int as n from delivery_events where campaign_id = $1 and event_type = 'install_ack'",
    [id],
  );
  if (rows.rows[0]?.n !== n) throw new Error(`${rows.rows[0]?.n} of ${n} screens have an acknowledgement row`);
  return { campaignId: id, figures };
}
