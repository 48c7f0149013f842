import pg from 'pg';
import { reasonOf } from '../../kit/errors.js';
import { silentLog } from '../../kit/log.js';
import { Database } from '../../store/database.js';
import { readMigrations } from '../../store/migrate.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { vitalSigns } from './doctor.store.js';

const CONNECT_MS = 5000;
const OLDEST_VERSION = 150_000;
const CLOCK_MS = 1000;
/** What waits longer than this is waiting for somebody who does not come, ms. */
const LONG_MS = 15_000;

/** Everything that the database can tell. `place` says which one it is. */
export async function checkDatabase(url: string, place: string): Promise<Finding[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'marquee doctor', connectionTimeoutMillis: CONNECT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    return [
      fail('database', `The database (${place}) cannot be reached: ${reasonOf(error)}. See that it runs and that DATABASE_URL is right.`),
    ];
  }
  try {
    const migrations = await checkMigrations(client);
    const findings = [await checkVersion(client, place), migrations, await checkClock(client)];
    return migrations.state === 'ok' ? [...findings, ...(await checkWork(url))] : findings;
  } finally {
    await client.end();
  }
}

async function checkVersion(client: pg.Client, place: string): Promise<Finding> {
  const { rows } = await client.query<{ version: string; number: number }>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number`,
  );
  const { version = '?', number = 0 } = rows[0] ?? {};
  const what = `PostgreSQL ${version}, ${place}`;
  return number >= OLDEST_VERSION ? ok('database', what) : fail('database', `${what}: Marquee needs version 15 or newer.`);
}

async function checkMigrations(client: pg.Client): Promise<Finding> {
  const known = new Set((await readMigrations()).map((migration) => migration.version));
  const { rows: tables } = await client.query(`select from pg_tables where tablename = 'schema_migrations'`);
  const { rows } = tables.length === 0 ? { rows: [] } : await client.query<{ version: number }>('select version from schema_migrations');
  const applied = new Set(rows.map((row) => row.version));
  if (rows.some((row) => !known.has(row.version)))
    return fail('migrations', 'The database was migrated by a newer Marquee: use that version.');
  const due = [...known].filter((version) => !applied.has(version)).length;
  if (due > 0) return warn('migrations', `${due} of ${known.size} are not applied yet: start this version of Marquee, which applies them.`);
  return ok('migrations', `all ${known.size} are applied`);
}

async function checkClock(client: pg.Client): Promise<Finding> {
  const before = Date.now();
  const { rows } = await client.query<{ now: number }>('select (extract(epoch from clock_timestamp()) * 1000)::float8 as now');
  const offset = Math.round((rows[0]?.now ?? 0) - (before + Date.now()) / 2);
  const text = `${offset} ms from this machine’s clock to the database’s`;
  return Math.abs(offset) < CLOCK_MS ? ok('clock', text) : warn('clock', `${text}: let both machines follow a time server.`);
}

async function checkWork(url: string): Promise<Finding[]> {
  const database = new Database({ url, poolSize: 1, session: 'marquee doctor', log: silentLog });
  try {
    const [signs] = await database.run(vitalSigns, {});
    if (signs === undefined) return [];
    const since = (at: number | null): number => (at === null ? 0 : Math.max(0, signs.now - at));
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
    const [waiting, expired, lag] = [since(signs.oldest_new), since(signs.expired_lease), since(signs.oldest_fact)];
    const claims = signs.claims === 0 ? 'none is held' : `${signs.claims} are held, the oldest for ${seconds(since(signs.oldest_claim))}`;
    return [
      waiting < LONG_MS
        ? ok('executions', signs.oldest_new === null ? 'none waits to be started' : `the oldest that waits does for ${seconds(waiting)}`)
        : warn('executions', `One waits to be started for ${seconds(waiting)}: see that a process with the role dispatch runs.`),
      expired < LONG_MS
        ? ok('claims', claims)
        : warn(
            'claims',
            `A lease ran out ${seconds(expired)} ago and nobody took it back: see that a process with the role dispatch runs.`,
          ),
      lag < LONG_MS
        ? ok('feed', `${seconds(lag)} behind`)
        : warn('feed', `The feed is ${seconds(lag)} behind: see that a process with the role dispatch runs.`),
    ];
  } finally {
    await database.close();
  }
}
