import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { readEmbeddedUrl, startEmbeddedPostgres } from '../../store/embedded-postgres.js';
import { migrate, readMigrations } from '../../store/migrate.js';
import { cloneDatabase, databaseUrl, onServer } from './clone-database.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A connection URL of the run's server, and the name of the database there that test databases are cloned from. */
    testPostgres: { url: string; template: string };
  }
}

/**
 * One PostgreSQL a run, or the one of TEST_DATABASE_URL (its role needs CREATEDB), with a migrated template. The server holds
 * nothing that outlives the run, yet syncs as in production: races are races only with its locks and its timing.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') {
    project.provide('testPostgres', { url: given, template: await prepareTemplate(given) });
    return async () => undefined;
  }
  await sweep();
  const dataDir = await mkdtemp(join(tmpdir(), PREFIX));
  let server: Awaited<ReturnType<typeof startEmbeddedPostgres>> | undefined;
  const teardown = async (): Promise<void> => {
    await server?.stop();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    server = await startEmbeddedPostgres({ dataDir, settings: TEST_SETTINGS });
    project.provide('testPostgres', { url: server.url, template: await prepareTemplate(server.url) });
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

const PREFIX = 'marquee-test-postgres-';
/** A run that is just beginning is not swept away. */
const SWEPT_AFTER_MS = 10 * 60_000;

/** Each clone writes a whole database: let checkpoints not come because of that. */
const TEST_SETTINGS = { max_wal_size: '4GB', checkpoint_timeout: '30min' };

/** Makes the template unless the server has it: its name tells the migrations, so a changed one makes another template. */
async function prepareTemplate(url: string): Promise<string> {
  const migrations = await readMigrations();
  const digest = createHash('sha256')
    .update(migrations.map((migration) => migration.sha256).join())
    .digest('hex');
  const template = `marquee_template_${digest.slice(0, 12)}`;
  await onServer(url, async (client) => {
    // Runs that share a server make it once.
    await client.query('select pg_advisory_lock(hashtext($1))', [template]);
    const { rowCount } = await client.query('select from pg_database where datname = $1 and datistemplate', [template]);
    if (rowCount === 1) return;
    const draft = await cloneDatabase(client, 'template1', `${template}_draft`);
    await migrate(databaseUrl(url, draft));
    await client.query(`alter database ${draft} rename to ${template}`);
    await client.query(`alter database ${template} is_template true`);
  });
  return template;
}

/**
 * Stops and removes what runs left behind that were killed. Runs that begin at the same time get into each other's way here, which is no
 * reason to fail.
 */
async function sweep(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  for (const name of names) await remove(join(tmpdir(), name)).catch(() => undefined);
}

async function remove(dataDir: string): Promise<void> {
  if (Date.now() - (await stat(dataDir)).mtimeMs < SWEPT_AFTER_MS) return;
  if ((await readEmbeddedUrl(dataDir)) !== undefined) {
    const server = await startEmbeddedPostgres({ dataDir });
    await server.stop();
    // Somebody else's run, and a long one.
    if (server.role === 'joined') return;
  }
  await rm(dataDir, { recursive: true, force: true });
}
