import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { reasonOf, StartError } from '../kit/errors.js';

/** Beside this module, in the sources and in the built package alike. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('./migrations', import.meta.url));

/** Session-level advisory lock of whoever migrates; any number will do that nobody else uses. */
const LOCK_KEY = 7_301_120_518;

export interface Migration {
  /** From the file's name: `000001_campaigns.sql` is 1 and `campaigns`. */
  readonly version: number;
  readonly name: string;
  readonly text: string;
  /** Of the text with line ends as on Unix, in hex: a checkout that turns them is no change. */
  readonly sha256: string;
}

/** The migrations in a folder, in order. @throws StartError on a name that does not fit or a version that comes twice. */
export async function readMigrations(folder = MIGRATIONS_FOLDER): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(names.map((name) => readMigration(folder, name)));
  const twice = migrations.find((migration, index) => migrations[index - 1]?.version === migration.version);
  if (twice !== undefined) throw new StartError(`two migrations in ${folder} have the number ${twice.version}`);
  return migrations;
}

/**
 * Brings a database up to date and answers the names of what was applied now, in order. Each migration is one transaction, so a
 * failure leaves those before it. Processes that start at the same moment wait for each other; the later ones find nothing to do.
 *
 * @param target a connection URL, or a connected client outside a transaction that is given back as it was.
 * @throws StartError when an applied migration's text is not the one here, the database is newer than the code, or a migration fails.
 */
export async function migrate(target: string | pg.Client, folder = MIGRATIONS_FOLDER): Promise<string[]> {
  const migrations = await readMigrations(folder);
  if (typeof target !== 'string') return await applyLocked(target, migrations);
  const client = new pg.Client({ connectionString: target, application_name: 'marquee migrate' });
  // A connection lost between two queries is told by the next query.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await applyLocked(client, migrations);
  } finally {
    await client.end();
  }
}

async function readMigration(folder: string, file: string): Promise<Migration> {
  const [, number, name] = /^(\d{6})_([a-z0-9_]+)\.sql$/.exec(file) ?? [];
  if (number === undefined || name === undefined) throw new StartError(`${join(folder, file)} is not named like 000001_what_it_does.sql`);
  const text = (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n');
  return { version: Number(number), name, text, sha256: createHash('sha256').update(text).digest('hex') };
}

async function applyLocked(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  await client.query('select pg_advisory_lock($1)', [LOCK_KEY]);
  try {
    return await apply(client, migrations);
  } finally {
    // On a connection that was lost the lock is gone with it.
    await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]).catch(() => undefined);
  }
}

async function apply(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  await client.query(`create table if not exists schema_migrations (
    version integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now())`);
  const { rows } = await client.query<{ version: number; name: string; sha256: string }>(
    'select version, name, sha256 from schema_migrations order by version',
  );
  const applied = new Map(rows.map((row) => [row.version, row]));
  const known = new Set(migrations.map((migration) => migration.version));
  const newer = rows.find((row) => !known.has(row.version));
  if (newer !== undefined) {
    throw new StartError(
      `the database was migrated by a newer Marquee (${fileName(newer)} is not known here): start that version, or set DATABASE_URL to another database`,
    );
  }
  const changed = migrations.find((migration) => (applied.get(migration.version)?.sha256 ?? migration.sha256) !== migration.sha256);
  if (changed !== undefined) {
    throw new StartError(
      `migration ${fileName(changed)} was changed after the database had applied it: restore its text and put the change into a new migration`,
    );
  }
  const due = migrations.filter((migration) => !applied.has(migration.version));
  for (const migration of due) await applyOne(client, migration);
  return due.map((migration) => migration.name);
}

async function applyOne(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(migration.text);
    const { version, name, sha256 } = migration;
    await client.query('insert into schema_migrations (version, name, sha256) values ($1, $2, $3)', [version, name, sha256]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw new StartError(`migration ${fileName(migration)} failed: ${reasonOf(error)}`, { cause: error });
  }
}

function fileName(migration: { version: number; name: string }): string {
  return `${String(migration.version).padStart(6, '0')}_${migration.name}.sql`;
}
