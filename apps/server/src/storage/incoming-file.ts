import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SNIFF_BYTES, type Sniffed, sniff } from './sniff.js';
import { type PutLimits, StorageError, type StoredAsset } from './storage.js';

const NAME = /^(?<host>.+)\.(?<pid>\d+)\.[0-9a-f-]{36}$/;
/** A file that nobody wrote to for so long is nobody's, whatever name it bears. */
const ABANDONED_MS = 3_600_000;

/** A name for a temporary file that says whose it is, so that a later start can tell the living from the dead. */
export function incomingName(): string {
  return `${hostname()}.${process.pid}.${randomUUID()}`;
}

/**
 * Whether the process that made the file is gone. Several processes may share the folder, also from other machines or
 * containers whose process ids mean nothing here: of those only the age is known. A restarted container often gets the id of
 * the one before, so a file that bears our own id and is older than we are is not ours.
 */
export function isAbandoned(name: string, modifiedAt: number, now: number, upMs: number = process.uptime() * 1000): boolean {
  if (now - modifiedAt > ABANDONED_MS) return true;
  const { host, pid } = NAME.exec(name)?.groups ?? {};
  if (host !== hostname() || pid === undefined) return false;
  return Number(pid) === process.pid ? modifiedAt < now - upMs : !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Bytes on their way into the storage: written to a temporary file, counted, hashed and recognised as they pass. The file is
 * made at the first byte, so a source that fails before leaves nothing and its error is met by whoever iterates it.
 */
export class IncomingFile {
  readonly path: string;
  private handle: FileHandle | undefined;
  private readonly hash = createHash('sha256');
  private sizeBytes = 0;
  private head: Uint8Array[] = [];
  private sniffed: Sniffed | undefined;

  constructor(
    folder: string,
    private readonly limits: PutLimits,
  ) {
    this.path = join(folder, incomingName());
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return;
    const before = this.sizeBytes;
    this.sizeBytes += chunk.length;
    if (this.sizeBytes > this.limits.maxBytes) throw new StorageError('TooLarge', `larger than ${this.limits.maxBytes} bytes`);
    if (before < SNIFF_BYTES) {
      // A copy: the source may use its buffer again once this call is done.
      this.head.push(Buffer.from(chunk.subarray(0, SNIFF_BYTES - before)));
      if (this.sizeBytes >= SNIFF_BYTES) this.sniffed = await this.recognise();
    }
    this.hash.update(chunk);
    this.handle ??= await open(this.path, 'wx');
    await this.handle.writeFile(chunk);
  }

  /** After the last byte: what it is. The file is complete and on the disk. */
  async finish(): Promise<StoredAsset> {
    if (this.handle === undefined) throw new StorageError('Empty', 'there are no bytes in it');
    const { type, assetType } = this.sniffed ?? (await this.recognise());
    await this.handle.sync();
    await this.close();
    return { sha256: this.hash.digest('hex'), sizeBytes: this.sizeBytes, type, assetType };
  }

  /** Removes the file, if it is still under its temporary name. Never throws: it runs where another error is on its way. */
  async discard(): Promise<void> {
    await this.close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }

  private async close(): Promise<void> {
    const handle = this.handle;
    this.handle = undefined;
    await handle?.close();
  }

  private async recognise(): Promise<Sniffed> {
    const sniffed = await sniff(Buffer.concat(this.head));
    this.head = [];
    if (sniffed === undefined) throw new StorageError('UnknownType', 'not an image, a video or an HTML page that a screen can show');
    const { expectTypes } = this.limits;
    if (expectTypes !== undefined && !expectTypes.includes(sniffed.assetType)) {
      throw new StorageError('UnknownType', `is ${sniffed.type}, expected ${expectTypes.join(' or ')}`);
    }
    return sniffed;
  }
}
