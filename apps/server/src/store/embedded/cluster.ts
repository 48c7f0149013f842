import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, StartError } from '../../kit/errors.js';
import { type Account, type Outcome, runAs } from './account.js';
import type { Binaries } from './binaries.js';
import { finish, unfinished } from '../../kit/files.js';
import type { Layout } from './layout.js';
import { makePassword } from './password.js';
import { ACCESS_TEXT, configurationText, LOCAL_CONF } from './settings.js';
import { diskFull, saysDiskFull } from './start-failures.js';

/** The application's role and its database. The role is no superuser: what it may read are its own databases, not the machine's files. */
export const ROLE = 'marquee';
export const DATABASE = 'marquee';

/**
 * The major version of the cluster in DATA_DIR, or undefined when there is none yet.
 *
 * @throws StartError when something else is in its place.
 */
export async function clusterMajor(layout: Layout): Promise<number | undefined> {
  const path = join(layout.cluster, 'PG_VERSION');
  try {
    const text = await readFile(path, 'utf8');
    const major = Number.parseInt(text, 10);
    if (Number.isInteger(major)) return major;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return (await isThere(layout.cluster)) ? refuse(layout) : undefined;
    throw error;
  }
  return refuse(layout);
}

/**
 * Makes the cluster with role and database, in a folder that gets its name when all is done: a kill at any moment leaves
 * no cluster or a whole one.
 *
 * @throws StartError when initdb fails or the disk is full; what was made is removed.
 */
export async function createCluster(layout: Layout, binaries: Binaries, account: Account): Promise<void> {
  const part = unfinished(layout.cluster);
  try {
    await mkdir(part, { mode: 0o700 });
    if (account.ids !== undefined) await chown(part, account.ids.uid, account.ids.gid);
    const outcome = await runAs(account, binaries.initdb, initdbArguments(part, binaries.major));
    demand(outcome, 'initdb', layout);
    const password = await makePassword(layout.password);
    await runAlone(part, binaries, account, layout, [
      `create role ${ROLE} login createdb password '${password}'`,
      // Sees all statements and settings, may force a checkpoint (benches), may end a holder's session (a forced pause).
      `grant pg_monitor, pg_checkpoint, pg_signal_backend to ${ROLE}`,
      `create database ${DATABASE} owner ${ROLE}`,
    ]);
    await finish(part, layout.cluster);
  } catch (error) {
    await rm(part, { recursive: true, force: true, maxRetries: 2 }).catch(() => undefined);
    throw error;
  }
}

/** Gives the role a new password, its file being lost. No server may run. */
export async function renewPassword(layout: Layout, binaries: Binaries, account: Account): Promise<void> {
  const password = await makePassword(layout.password);
  await runAlone(layout.cluster, binaries, account, layout, [`alter role ${ROLE} password '${password}'`]);
}

/** Writes the server's two configuration files where they differ, so that a full disk is only met when it must be. */
export async function configure(layout: Layout, account: Account, settings: Readonly<Record<string, string>>): Promise<void> {
  const withLocal = await isThere(join(layout.cluster, LOCAL_CONF));
  const files = { 'postgresql.conf': configurationText(settings, withLocal), 'pg_hba.conf': ACCESS_TEXT };
  for (const [name, text] of Object.entries(files)) {
    const path = join(layout.cluster, name);
    if ((await readFile(path, 'utf8').catch(() => '')) === text) continue;
    const part = unfinished(path);
    await writeFile(part, text, { mode: 0o600 });
    if (account.ids !== undefined) await chown(part, account.ids.uid, account.ids.gid);
    await finish(part, path);
  }
}

function initdbArguments(folder: string, major: number): string[] {
  // Order by code point, and letters of every alphabet in upper() and lower(): the same on every machine from 17 on.
  const locale = major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'] : ['--locale=C'];
  // Trust is never used: no server listens before pg_hba.conf has been replaced.
  return ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', ...locale, '--data-checksums', '--no-instructions'];
}

/** Runs SQL as the superuser in a server of one session that listens nowhere. One line is one statement. */
async function runAlone(folder: string, binaries: Binaries, account: Account, layout: Layout, sql: readonly string[]): Promise<void> {
  const outcome = await runAs(account, binaries.postgres, ['--single', '-D', folder, 'postgres'], `${sql.join('\n')}\n`);
  // It goes on after an error and exits with 0.
  demand(/(ERROR|FATAL|PANIC): /.test(outcome.stderr) ? { ...outcome, code: undefined } : outcome, 'postgres --single', layout);
}

function demand(outcome: Outcome, program: string, layout: Layout): void {
  if (outcome.code === 0) return;
  if (saysDiskFull(outcome.stderr)) throw diskFull(layout.dataDir);
  const lines = outcome.stderr.trim().split('\n');
  const reason = lines.find((line) => /(error|ERROR|FATAL|PANIC): /.test(line)) ?? lines.at(-1) ?? '';
  throw new StartError(
    `the database in DATA_DIR (${layout.dataDir}) cannot be made: ${program} failed (${reason.trim() || 'without a word'})`,
  );
}

async function isThere(path: string): Promise<boolean> {
  return await readFile(path).then(
    () => true,
    (error: unknown) => errorCode(error) !== 'ENOENT',
  );
}

function refuse(layout: Layout): never {
  throw new StartError(
    `DATA_DIR (${layout.dataDir}) holds no PostgreSQL cluster where one is expected: move ${layout.cluster} away, or set DATA_DIR to another folder`,
  );
}
