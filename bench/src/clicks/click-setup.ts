import { type ClicksStatus, ROUTES } from '@marquee/contracts';
import type { BareClicksMethods } from '../children/bare-clicks.js';
import type { ClickClientMethods } from '../children/click-client.js';
import { migrate } from '@marquee/server/store/migrate';
import { until } from '../processes.js';
import { Remote } from '../remote.js';
import type { Scratch } from '../scratch.js';
import { type ServerPlace, type ServerProcess, startServer } from '../server-process.js';
import { type ClickDaemons, sql } from './click-daemons.js';
import { clickTokens, SECRET } from './click-token.js';

const DRAINED_MS = 600_000;

export type ClickClient = Remote<ClickClientMethods>;
export type BareClicks = Remote<BareClicksMethods>;

/** A server of clicks alone, on RabbitMQ, Redis and an empty database. */
export async function startClickServer(
  scratch: Scratch,
  daemons: ClickDaemons,
  ack: 'accepted' | 'durable',
  more: Record<string, string> = {},
  place?: ServerPlace,
): Promise<ServerProcess> {
  return await startServer(scratch, { ...(await daemons.environment(ack)), ROLES: 'clicks', ...more }, place);
}

/** An empty database with all tables. */
export async function migrateClicks(daemons: ClickDaemons): Promise<string> {
  const { DATABASE_URL: url = '' } = await daemons.environment('accepted');
  await migrate(url);
  return url;
}

export async function startClickClient(scratch: Scratch, origin: string): Promise<ClickClient> {
  const client: ClickClient = new Remote<ClickClientMethods>(scratch, 'click-client.js');
  await client.call('open', { origin, path: ROUTES.adClicks, tokens: clickTokens(), repeats: false });
  return client;
}

/** The bare server in a process of its own, with a queue of its own that nobody empties, and its address. */
export async function startBareClicks(
  scratch: Scratch,
  daemons: ClickDaemons,
  waits: boolean,
): Promise<{ bare: BareClicks; origin: string }> {
  const bare: BareClicks = new Remote<BareClicksMethods>(scratch, 'bare-clicks.js');
  const port = await bare.call('serve', { amqp: await daemons.bareUrl(), secret: SECRET, waits });
  return { bare, origin: `http://127.0.0.1:${port}` };
}

/** What a server of clicks says of itself. */
export async function clicksStatus(server: ServerProcess): Promise<ClicksStatus> {
  return (await (await fetch(server.api + ROUTES.clicksStatus)).json()) as ClicksStatus;
}

/** How many clicks are counted. */
export async function counted(server: ServerProcess): Promise<number> {
  const [row] = await sql<{ n: string }>(server.databaseUrl, 'select coalesce(sum(raw), 0) as n from click_minutes');
  return Number(row?.n);
}

/** Resolves when so many are counted. */
export async function untilCounted(server: ServerProcess, n: number): Promise<void> {
  await until(`${n} clicks to be counted`, DRAINED_MS, async () => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return (await counted(server)) >= n;
  });
}
