import { randomUUID } from 'node:crypto';
import { screenName } from '@marquee/simulator';
import pg from 'pg';
import { campaignBody } from './api.js';
import { type BrokerKind, type OursSetup, PREFIX, setUpOurs } from './broker-setup.js';
import { epochNow } from './epoch.js';
import { makeFloorDatabase } from './floor-database.js';
import { until } from './processes.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import type { Usage } from './server-process.js';
import { alternate, medians, rounded } from './statistics.js';

export interface AcksOptions {
  count: number;
  screens: number;
  broker: BrokerKind;
  runs: number;
}

const BATCH = 500;
const RUN_MS = 180_000;
const POLL_MS = 25;

type Ours = Record<string, number> & Usage & { storedMs: number; perSecond: number; acceptedMs: number; lost: number; double: number };
type Floor = { storedMs: number; perSecond: number };

/**
 * So many acknowledgements that come all at once, over MQTT, until the last is a row. They answer real manifests, held back by the
 * screens until every one has them: one a screen and campaign.
 */
export async function benchAcks({ count, screens, broker, runs }: AcksOptions): Promise<void> {
  const campaigns = Math.max(1, Math.round(count / screens));
  await Scratch.during(async (scratch) => {
    // Nothing is offered again while the screens hold back what they have to say.
    const setup = await setUpOurs(scratch, broker, screens, { OFFER_FIRST_MS: '600000', OFFER_MAX_MS: '600000' });
    const database = await connected(scratch, setup.server.databaseUrl);
    const floorDatabase = await connected(scratch, await makeFloorDatabase(setup.server.databaseUrl));
    await floorDatabase.query('insert into devices (device_id) select unnest($1::text[])', [names(screens)]);
    const asset = await setup.api.uploadPixel();
    const { floors, ours } = await alternate(
      runs,
      () => runFloor(floorDatabase, campaigns, screens),
      () => runOurs(setup, database, asset, campaigns, screens),
    );
    const [under, own] = [medians(floors), medians(ours)];
    const sum = (key: 'lost' | 'double'): number => ours.reduce((total, run) => total + run[key], 0);
    await report({
      bench: 'acks',
      variant: broker,
      options: { count: campaigns * screens, screens, campaigns, broker, runs },
      ours: { ...own, lostOfAllRuns: sum('lost'), doubleOfAllRuns: sum('double') },
      floor: under,
      ratio: { rate: rounded(own.perSecond / under.perSecond) },
      targets: { 'at least 15,000/s': own.perSecond >= 15_000, 'none lost': sum('lost') === 0, 'none double': sum('double') === 0 },
      runs: { floors, ours },
    });
  });
}

async function runOurs(
  { server, api, fleet }: OursSetup,
  database: pg.Client,
  asset: string,
  campaigns: number,
  screens: number,
): Promise<Ours> {
  const total = campaigns * screens;
  await fleet.call('hold', null);
  const ids: string[] = [];
  for (let made = 0; made < campaigns; made += 1) ids.push((await api.create(campaignBody(asset))).id);
  await fleet.call('manifests', { campaigns: ids, screens });
  await server.usage();
  const accepted = fleet.call('installs', { campaigns: ids, screens });
  const released = await fleet.call('release', null);
  if (released.count !== total) throw new Error(`${released.count} of ${total} acknowledgements were held`);
  let storedAt = 0;
  await until(`${total} acknowledgements`, RUN_MS, async () => {
    const { n } = await stored(database, ids);
    storedAt = epochNow();
    if (n >= total) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return false;
  });
  const acceptedAt = await accepted;
  const usage = await server.usage();
  const { rows, events, screens: told } = await storedInFull(database, ids);
  const counted = await Promise.all(ids.map(async (id) => (await api.campaign(id)).counts.acknowledged));
  if (counted.some((count) => count !== screens)) throw new Error(`the campaigns count ${counted.join(', ')} acknowledgements`);
  return {
    storedMs: rounded(storedAt - released.at),
    perSecond: rounded((total * 1000) / (storedAt - released.at)),
    acceptedMs: rounded(acceptedAt - released.at),
    lost: total - told,
    double: rows - Math.min(events, told),
    ...usage,
  };
}

/** Cheap enough to be asked 40 times a second: the campaigns' kept counts. */
async function stored(database: pg.Client, campaigns: readonly string[]): Promise<{ n: number }> {
  const result = await database.query<{ n: number }>({
    name: 'stored',
    text: `select coalesce(sum(k.n), 0)::int as n from execution_counts k join executions e on e.id = k.execution_id
           where e.campaign_id = any($1::uuid[]) and k.state = 'acknowledged'`,
    values: [campaigns],
  });
  return result.rows[0] ?? { n: 0 };
}

async function storedInFull(database: pg.Client, campaigns: readonly string[]): Promise<{ rows: number; events: number; screens: number }> {
  const result = await database.query<{ rows: number; events: number; screens: number }>(
    `select count(*)::int as rows, count(distinct event_id)::int as events, count(distinct (campaign_id, device_id))::int as screens
     from delivery_events where campaign_id = any($1::uuid[]) and event_type = 'install_ack'`,
    [campaigns],
  );
  const [row] = result.rows;
  if (row === undefined) throw new Error('no row');
  return row;
}

/** The same rows put in by bare pg, a batch at a time: no broker, no validation, no delivery to move. */
async function runFloor(database: pg.Client, campaigns: number, screens: number): Promise<Floor> {
  const ids = Array.from({ length: campaigns }, () => randomUUID());
  await database.query(`insert into campaigns (id, name, start_at, expire_at) select id, 'Floor', 0, 1 from unnest($1::uuid[]) as id`, [
    ids,
  ]);
  const events = ids.flatMap((campaign) => names(screens).map((device) => ({ campaign, device, event: randomUUID() })));
  const startedAt = performance.now();
  for (let from = 0; from < events.length; from += BATCH) {
    const batch = events.slice(from, from + BATCH);
    await database.query({
      name: 'floor',
      text: `insert into delivery_events (event_id, device_id, campaign_id, version, event_type, occurred_at)
             select event, device, campaign, 1, 'install_ack', $4 from unnest($1::uuid[], $2::text[], $3::uuid[]) as e(event, device, campaign)
             on conflict (event_id) do nothing`,
      values: [batch.map((each) => each.event), batch.map((each) => each.device), batch.map((each) => each.campaign), Date.now()],
    });
  }
  const storedMs = performance.now() - startedAt;
  return { storedMs: rounded(storedMs), perSecond: rounded((events.length * 1000) / storedMs) };
}

function names(screens: number): string[] {
  return Array.from({ length: screens }, (_, index) => screenName(PREFIX, index + 1));
}

async function connected(scratch: Scratch, connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  scratch.defer(() => client.end());
  return client;
}
