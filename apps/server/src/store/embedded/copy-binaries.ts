import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { finish, makeFolder, unfinished } from '../../kit/files.js';

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
  await makeFolder(folder);
  await chmod(folder, 0o755);
  const part = unfinished(target);
  try {
    await copyTree(packaged.native, part);
    await linkLibraries(packaged.native, part);
    await finish(part, target);
  } catch (error) {
    await rm(part, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  return target;
}

/** Removes the copies of other versions. Only while no server runs from them. */
export async function removeOtherCopies(folder: string, kept: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const others = names.map((name) => join(folder, name)).filter((copy) => !kept.startsWith(`${copy}${sep}`));
  await Promise.all(others.map((copy) => rm(copy, { recursive: true, force: true }).catch(() => undefined)));
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

/**
 * Files in parallel, since a thousand small ones (fs.cp takes three times as long), and readable by everyone whatever umask
 * the package was unpacked with. Links are left out: those that npm's postinstall made are made again.
 */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  const entries = await readdir(from, { withFileTypes: true });
  const mode = basename(from) === 'bin' ? 0o755 : 0o644;
  const copies = entries.map(async (entry) => {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (NOT_COPIED.test(source)) return;
    if (entry.isDirectory()) await copyTree(source, target);
    if (!entry.isFile()) return;
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    await chmod(target, mode);
  });
  // To the end, also when one fails: nothing may be written any more when the caller clears away.
  const failed = (await Promise.allSettled(copies)).find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
