import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { errorCode } from '../kit/errors.js';
import { IncomingFile, incomingName, isAbandoned } from './incoming-file.js';
import {
  type ByteRange,
  type OpenedBytes,
  type PutLimits,
  type Storage,
  StorageError,
  type StoredAsset,
  type StoredBytes,
} from './storage.js';

const SHA256 = /^[0-9a-f]{64}$/;
const TYPE_SUFFIX = '.type';
const INCOMING = 'incoming';

/**
 * Bytes as files `aa/bb/<sha256>` under one folder, which several processes may share. The MIME type lies beside them in
 * `<sha256>.type` (an object's Content-Type where objects have one); it is in place before the bytes are, so bytes without a
 * type are never seen.
 */
export class FileStorage implements Storage {
  private readonly incoming: string;

  private constructor(private readonly root: string) {
    this.incoming = join(root, INCOMING);
  }

  /** Makes the folder where it is missing and removes what processes that died left half written. */
  static async at(root: string): Promise<FileStorage> {
    const storage = new FileStorage(root);
    await mkdir(storage.incoming, { recursive: true });
    await storage.sweep();
    return storage;
  }

  async put(source: Readable | AsyncIterable<Uint8Array>, limits: PutLimits): Promise<StoredAsset> {
    const incoming = new IncomingFile(this.incoming, limits);
    try {
      for await (const chunk of source) await incoming.write(chunk);
      const asset = await incoming.finish();
      await this.keep(incoming.path, asset);
      return asset;
    } catch (error) {
      throw translated(error);
    } finally {
      await incoming.discard();
    }
  }

  async open(sha256: string, range?: ByteRange): Promise<OpenedBytes | undefined> {
    const known = await this.stat(sha256);
    if (known === undefined) return undefined;
    const { sizeBytes, type } = known;
    if (range !== undefined && (range.start < 0 || range.start >= sizeBytes || range.end < range.start)) {
      throw new RangeError(`bytes ${range.start}-${range.end} of ${sizeBytes}`);
    }
    const handle = await unlessMissing(open(this.pathOf(sha256)));
    if (handle === undefined) return undefined;
    const stream = handle.createReadStream(range === undefined ? {} : { start: range.start, end: Math.min(range.end, sizeBytes - 1) });
    return { stream, sizeBytes, type };
  }

  async stat(sha256: string): Promise<StoredBytes | undefined> {
    if (!SHA256.test(sha256)) return undefined;
    const path = this.pathOf(sha256);
    const [file, type] = await Promise.all([unlessMissing(stat(path)), unlessMissing(readFile(path + TYPE_SUFFIX, 'utf8'))]);
    // An empty file is what a loss of power can leave of a name whose bytes never reached the disk.
    if (file === undefined || file.size === 0 || type === undefined || type === '') return undefined;
    return { sha256, sizeBytes: file.size, type };
  }

  private pathOf(sha256: string): string {
    return join(this.root, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }

  /** Moves finished bytes to their name, unless they are there; either way they are on the disk under it when this resolves. */
  private async keep(incoming: string, bytes: StoredBytes): Promise<void> {
    const path = this.pathOf(bytes.sha256);
    const folder = dirname(path);
    const kept = await this.stat(bytes.sha256);
    if (kept?.sizeBytes !== bytes.sizeBytes) {
      await mkdir(folder, { recursive: true });
      const incomingType = join(this.incoming, incomingName());
      try {
        await writeFile(incomingType, bytes.type, { flush: true });
        await rename(incomingType, path + TYPE_SUFFIX);
      } finally {
        await rm(incomingType, { force: true }).catch(() => undefined);
      }
      await rename(incoming, path);
    }
    // A name is safe when its folder is synced, and the folder's own name when its parents are; whoever made them may not have got to it.
    for (const parent of [folder, dirname(folder), this.root]) await syncFolder(parent);
  }

  private async sweep(): Promise<void> {
    const now = Date.now();
    for (const name of await readdir(this.incoming)) {
      const path = join(this.incoming, name);
      const file = await unlessMissing(stat(path));
      if (file !== undefined && isAbandoned(name, file.mtimeMs, now)) await rm(path, { force: true });
    }
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return; // A folder cannot be opened for this there, and NTFS journals its names.
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function translated(error: unknown): unknown {
  const code = errorCode(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new StorageError('StorageFull', 'there is no space left to store it', { cause: error });
}
