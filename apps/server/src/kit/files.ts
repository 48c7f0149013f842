import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from './errors.js';

/** Marks what is not finished yet: `name.new-…` is renamed to `name` when it is, and removed when its maker died. */
const UNFINISHED = '.new-';

/** A path beside `path` to build it at. */
export function unfinished(path: string): string {
  return `${path}${UNFINISHED}${randomBytes(4).toString('hex')}`;
}

/**
 * Makes a folder and those above it that are missing; one that is there already is fine. Not `mkdir` with `recursive`: that
 * never returns where the file system answers ENOENT to making a folder (/proc, seen with Node 20).
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeOne(path);
  }
}

/** Removes what dead processes left unfinished in a folder. Only in one's turn. */
export async function removeUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const left = names.filter((name) => name.includes(UNFINISHED));
  // A child of the dead one may still be writing there; what cannot be removed now is removed at the next start.
  await Promise.all(left.map((name) => rm(join(folder, name), { recursive: true, force: true, maxRetries: 2 }).catch(() => undefined)));
}

/** Gives an unfinished file or folder its name, so that the name survives a power cut. */
export async function finish(path: string, name: string): Promise<void> {
  await rename(path, name);
  await syncFolder(dirname(name));
}

/** Writes a whole file or none. */
export async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const part = unfinished(path);
  try {
    const file = await open(part, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await finish(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Free space for ordinary users on the disk that holds `path`, in bytes; undefined when it cannot be learnt. */
export async function freeBytes(path: string): Promise<number | undefined> {
  for (let folder = path; ; folder = dirname(folder)) {
    const stats = await statfs(folder).catch(() => undefined);
    if (stats !== undefined) return stats.bavail * stats.bsize;
    if (basename(folder) === '') return undefined;
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    // Some systems answer EACCES or EROFS for a folder that is there.
    const isFolder = await stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isFolder) throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
