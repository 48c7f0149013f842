import { hostname } from 'node:os';
import { join } from 'node:path';
import { FenceKeys } from '../campaigns/fence-keys.store.js';
import type { Config } from '../config/config.js';
import { expireLeases } from '../deliveries/deliveries.store.js';
import { systemClock } from '../kit/clock.js';
import type { Ends } from '../kit/ends.js';
import { StartError } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import type { Metrics } from '../metrics.js';
import { FileStorage } from '../storage/file-storage.js';
import { Database } from '../store/database.js';
import { sessionName } from '../store/delivery-log.js';
import { startEmbeddedPostgres } from '../store/embedded-postgres.js';
import { BARRIERS_AT_ONCE, Fence } from '../store/fence.js';
import { Members } from '../store/members.js';
import { migrate } from '../store/migrate.js';
import { Notifications } from '../store/notifications.js';
import { Outbox } from '../store/outbox.js';
import { type Store, WORKER_SLOTS } from './context.js';

/** What a fact waits when its consumer died; one taken again too early is done twice, which changes nothing. */
const OUTBOX_LEASE_MS = 10_000;

export async function openStore(config: Config, apiBaseUrl: string, log: Log, metrics: Metrics, ends: Ends): Promise<Store> {
  let url = config.databaseUrl;
  let databaseRole = 'outside';
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, log });
    ends.add('the embedded database', () => embedded.stop());
    ({ url, role: databaseRole } = embedded);
  }
  await migrateOrExplain(url, config);
  const open = (poolSize: number, readUrl?: string, kept = 0): Database => {
    const database = new Database({
      url,
      readUrl,
      poolSize,
      kept,
      session: sessionName(config.workerName ?? `${hostname().slice(0, 40)}:${process.pid}`),
      log,
      observe: (name, seconds, failed) => metrics.statement(name, seconds, failed),
    });
    ends.add('the database', () => database.close());
    return database;
  };
  const database = open(config.databasePool, config.databaseReadUrl);
  const outbox = new Outbox(OUTBOX_LEASE_MS);
  const members = new Members(database, { roles: config.roles, apiBaseUrl: config.roles.includes('api') ? apiBaseUrl : undefined }, log);
  ends.add('the count of processes', () => members.stop());
  await members.enter(async () => {
    // Whoever held a lease is dead: waiting it out would only delay the screens.
    await database.run(expireLeases, {});
    await outbox.release(database);
  });
  const { fenceDeadlineMs: deadlineMs, fenceIdleMs: idleMs, fenceWaitMs: waitMs } = config;
  // Whoever pauses need not wait until a connection is made: 15 ms, several times that on a busy machine.
  const barriers = open(BARRIERS_AT_ONCE, undefined, 1);
  const fence = new Fence(open(WORKER_SLOTS + 4), barriers, systemClock, { deadlineMs, idleMs, waitMs });
  const storage = await openStorage(config);
  return {
    database,
    fence,
    keys: new FenceKeys(database),
    members,
    notifications: new Notifications(database, log),
    outbox,
    storage,
    databaseRole,
  };
}

async function migrateOrExplain(url: string, config: Config): Promise<void> {
  try {
    await migrate(url);
  } catch (error) {
    if (error instanceof StartError || config.databaseUrl === undefined) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`DATABASE_URL cannot be used: ${reason || 'nothing answers there'}.`);
  }
}

async function openStorage(config: Config): Promise<FileStorage> {
  const folder = join(config.dataDir, 'storage');
  try {
    return await FileStorage.at(folder);
  } catch (error) {
    throw new StartError(
      `DATA_DIR ${config.dataDir} cannot be used for assets: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}
