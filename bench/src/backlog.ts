import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { type Api, campaignBody } from './api.js';
import { asCampaign, type FloorSetup, type OursSetup, setUpFloor, setUpOurs } from './broker-setup.js';
import { epochNow } from './epoch.js';
import { Load } from './load.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import type { Usage } from './server-process.js';
import { median, medians, rounded } from './statistics.js';

export interface BacklogOptions {
  campaigns: number;
  screens: number;
  runs: number;
}

type Ours = Record<string, number> & Usage & { createdMs: number; manifestsMs: number; perSecond: number };
type Floor = { manifestsMs: number; perSecond: number };

/** Many campaigns created at once: until every screen has every manifest; with an asset that is known, and with one that never answers. */
export async function benchBacklog({ campaigns, screens, runs }: BacklogOptions): Promise<void> {
  const floors: Floor[] = [];
  const known: Ours[] = [];
  const unreachable: Ours[] = [];
  // A fresh server each time: a half-million rows of the run before would be another bench.
  for (let run = 0; run < runs; run += 1) {
    const { figures, text } = await oneRun({ campaigns, screens }, false);
    known.push(figures);
    floors.push(await floorRun({ campaigns, screens }, text));
    unreachable.push((await oneRun({ campaigns, screens }, true)).figures);
    process.stderr.write(`run ${run + 1} of ${runs}: ${JSON.stringify([floors.at(-1), known.at(-1), unreachable.at(-1)])}\n`);
  }
  const [under, own, without] = [medians(floors), medians(known), medians(unreachable)];
  await report({
    bench: 'backlog',
    options: { campaigns, screens, runs },
    ours: { ...own, unreachableManifestsMs: without.manifestsMs },
    floor: under,
    ratio: {
      manifests: rounded(own.manifestsMs / under.manifestsMs),
      unreachableToKnown: rounded(median(unreachable.map((run, index) => run.manifestsMs / (known[index]?.manifestsMs ?? Number.NaN)))),
    },
    targets: {
      'all on the wire within 60 s': own.manifestsMs <= 60_000,
      // The same time, but for the wait of 2 s that one attempt to fetch may cost, and the noise of two runs.
      'with one unreachable asset as fast': without.manifestsMs <= own.manifestsMs * 1.1 + 2500,
    },
    runs: { floors, ours: known.map((each, index) => ({ known: each, unreachable: unreachable[index] })) },
  });
}

type Size = Pick<BacklogOptions, 'campaigns' | 'screens'>;

function oneRun({ campaigns, screens }: Size, deaf: boolean): Promise<{ figures: Ours; text: string }> {
  return Scratch.during(async (scratch) => {
    const asset = deaf ? await deafUrl(scratch) : undefined;
    const setup = await setUpOurs(scratch, 'embedded', screens, { ASSET_FETCH_ALLOW: '127.0.0.1' });
    return await createAll(setup, asset ?? (await setup.api.uploadPixel()), campaigns, screens, scratch);
  });
}

async function createAll({ server, api, fleet }: OursSetup, asset: string, campaigns: number, screens: number, scratch: Scratch) {
  const load = new Load(server.api, campaigns);
  scratch.defer(() => load.close());
  const bodies = Array.from({ length: campaigns }, (_, index) => JSON.stringify(campaignBody(asset, `Backlog ${index}`)));
  await server.usage();
  const startedAt = epochNow();
  await load.burst(bodies.map((body) => ({ method: 'POST', path: '/campaigns', body })));
  const createdAt = epochNow();
  const { errors } = load.take();
  if (errors > 0) throw new Error(`${errors} of ${campaigns} creates failed`);
  const ids = await campaignIds(api);
  if (ids.length !== campaigns) throw new Error(`${ids.length} of ${campaigns} campaigns are listed`);
  const receivedAt = await fleet.call('manifests', { campaigns: ids, screens });
  const [first = ''] = ids;
  const manifestsMs = receivedAt - startedAt;
  const figures = {
    createdMs: rounded(createdAt - startedAt),
    manifestsMs: rounded(manifestsMs),
    perSecond: rounded((campaigns * screens * 1000) / manifestsMs),
    ...(await server.usage()),
  };
  return { figures, text: asCampaign(await fleet.call('manifestText', first), first, '{campaign}') };
}

function floorRun({ campaigns, screens }: Size, text: string): Promise<Floor> {
  return Scratch.during(async (scratch) => {
    const floor: FloorSetup = await setUpFloor(scratch, 'embedded', screens);
    const ids = Array.from({ length: campaigns }, () => randomUUID());
    const { startedAt } = await floor.publish(ids.map((id) => asCampaign(text, '{campaign}', id)));
    const receivedAt = await floor.fleet.call('manifests', { campaigns: ids, screens });
    const manifestsMs = receivedAt - startedAt;
    return { manifestsMs: rounded(manifestsMs), perSecond: rounded((campaigns * screens * 1000) / manifestsMs) };
  });
}

async function campaignIds(api: Api): Promise<string[]> {
  const ids: string[] = [];
  for (let offset = 0; ; offset += 100) {
    const page = (await (await fetch(`${api.url}/campaigns?limit=100&offset=${offset}`)).json()) as { data: { id: string }[] };
    ids.push(...page.data.map((campaign) => campaign.id));
    if (page.data.length < 100) return ids;
  }
}

/** The URL of something that takes connections and never says a word. */
async function deafUrl(scratch: Scratch): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scratch.defer(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  );
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return `http://127.0.0.1:${address.port}/never.png`;
}
