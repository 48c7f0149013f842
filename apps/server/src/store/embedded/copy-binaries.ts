import { access, chmod, cp, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { finish, unfinished } from './files.js';

/** PostgreSQL as it lies in an npm package: not to be run from there, see `copyBinaries`. */
export interface PackagedBinaries {
  /** The package's folder with `bin`, `lib` and `share`. */
  readonly native: string;
  readonly version: string;
}

/** Only needed to build against PostgreSQL: a seventh of the package. */
const NOT_COPIED = /(\.a|[/\\]pkgconfig|[/\\]pgxs)$/;

/**
 * Copies a packaged PostgreSQL to a folder of its own below `folder` and answers that; at once when it is there already.
 * Three reasons not to run it where npm put it: another account must be able to read it, its libraries need symbolic links
 * that an npm package cannot hold (its postinstall makes them, and may be skipped), and a later `npm ci` would take it away
 * from under a running server. All or nothing: a copy cut short is no copy.
 *
 * @throws the file system's error; what was copied is removed.
 */
export async function copyBinaries(packaged: PackagedBinaries, folder: string): Promise<string> {
  const target = join(folder, packaged.version);
  if (await exists(target)) return target;
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  const part = unfinished(target);
  try {
    await cp(packaged.native, part, { recursive: true, filter: (path) => !NOT_COPIED.test(path) });
    await linkLibraries(packaged.native, part);
    await openToAll(part);
    await finish(part, target);
  } catch (error) {
    await rm(part, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  return target;
}

interface Link {
  /** The file, relative to the package's root. */
  readonly source: string;
  /** The link that points to it. */
  readonly target: string;
}

async function linkLibraries(native: string, copy: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as Link[];
  for (const { source, target } of links) {
    const [file, link] = [source, target].map((path) => join(copy, relative(basename(native), path))) as [string, string];
    await rm(link, { force: true });
    await symlink(relative(dirname(link), file), link);
  }
}

/** Readable and, where the owner may run it, runnable by everyone, whatever umask the package was unpacked with. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  const entries = await readdir(folder, { withFileTypes: true });
  const programs = basename(folder) === 'bin';
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, programs ? 0o755 : 0o644);
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
