import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { requireOrSkip } from '@marquee/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileStorage } from './file-storage.js';
import { StorageError, type StorageErrorKind } from './storage.js';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const MB = 1024 * 1024;
const ANY = { maxBytes: 10 * MB };

let root: string;
let storage: FileStorage;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'marquee-storage-'));
  storage = await FileStorage.at(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const incoming = (folder = root) => readdir(join(folder, 'incoming'));
async function* pieces(...parts: (Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield part;
  }
}
/** A PNG with so many megabytes behind it, each in a buffer of its own that whoever keeps it pays for. */
async function* large(megabytes: number): AsyncGenerator<Uint8Array> {
  yield PNG;
  for (let n = 0; n < megabytes; n += 1) yield Buffer.alloc(MB, n);
}
async function kindOf(putting: Promise<unknown>): Promise<StorageErrorKind | undefined> {
  const error = await putting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StorageError) return error.kind;
  throw error instanceof Error ? error : new Error('it was kept');
}

describe('keeping bytes', () => {
  test('gives digest, size and the type read from the bytes, and gives the bytes back', async () => {
    const kept = await storage.put(Readable.from([PNG.subarray(0, 5), PNG.subarray(5)]), ANY);
    expect(kept).toEqual({ sha256: sha256(PNG), sizeBytes: PNG.length, type: 'image/png', assetType: 'image' });
    const opened = await storage.open(kept.sha256);
    expect(opened).toMatchObject({ sizeBytes: PNG.length, type: 'image/png' });
    expect(opened && (await buffer(opened.stream))).toEqual(PNG);
    expect(await storage.stat(kept.sha256)).toBeDefined();
  });

  test('what was kept is there for the next process, with its type', async () => {
    const { sha256: digest } = await storage.put(pieces(Buffer.from('<!doctype html>x')), ANY);
    const next = await FileStorage.at(root);
    expect(await next.stat(digest)).toEqual({ sha256: digest, sizeBytes: 16, type: 'text/html' });
  });

  test('a range gives just those bytes, cut at the end, and never starts past it', async () => {
    const { sha256: digest } = await storage.put(pieces(PNG), ANY);
    const read = async (start: number, end: number) => {
      const opened = await storage.open(digest, { start, end });
      return opened && (await buffer(opened.stream));
    };
    expect(await read(1, 3)).toEqual(Buffer.from('PNG'));
    expect(await read(PNG.length - 1, 10_000)).toEqual(PNG.subarray(-1));
    await expect(storage.open(digest, { start: PNG.length, end: PNG.length })).rejects.toThrow(RangeError);
  });

  test.each(['', 'f'.repeat(63), 'F'.repeat(64), `../../${'a'.repeat(58)}`, `${'a'.repeat(64)}\n`, 'a'.repeat(64)])(
    '%j names nothing',
    async (digest) => {
      expect(await storage.open(digest)).toBeUndefined();
      expect(await storage.stat(digest)).toBeUndefined();
    },
  );

  test('a digest that is a path leads nowhere', async () => {
    await writeFile(join(root, 'secret'), 'x');
    await writeFile(join(root, 'secret.type'), 'text/plain');
    const inner = await FileStorage.at(join(root, 'inner'));
    // Cut into folders as digests are, this is `inner/..//s/../secret`.
    expect(await inner.open('../secret')).toBeUndefined();
  });

  test('200 MB pass through without being held', async () => {
    let most = 0;
    const watched = async function* () {
      for await (const block of large(200)) {
        yield block;
        most = Math.max(most, process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed);
      }
    };
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    const kept = await storage.put(watched(), { maxBytes: 300 * MB });
    expect(kept.sizeBytes).toBe(200 * MB + PNG.length);
    // V8 lets some 32 MB of outside memory gather before it collects; held, it would be 200.
    expect(most - before).toBeLessThan(90 * MB);
  });

  test('a source may use its buffer again for the next piece', async () => {
    const shared = Buffer.alloc(100);
    const page = Buffer.from(`<!doctype html>${'x'.repeat(185)}`);
    const reusing = async function* () {
      for (const at of [0, 100]) {
        page.copy(shared, 0, at, at + 100);
        yield shared;
      }
    };
    expect(await storage.put(reusing(), ANY)).toMatchObject({ sha256: sha256(page), type: 'text/html' });
  });

  test('many with the same content at once are kept once and all answered alike', async () => {
    const kept = await Promise.all(Array.from({ length: 20 }, () => storage.put(pieces(PNG), ANY)));
    expect(new Set(kept.map((each) => JSON.stringify(each))).size).toBe(1);
    const digest = sha256(PNG);
    expect((await readdir(join(root, digest.slice(0, 2), digest.slice(2, 4)))).sort()).toEqual([digest, `${digest}.type`]);
    expect(await incoming()).toEqual([]);
  });

  test('bytes whose file was damaged to another size are healed by keeping them again', async () => {
    const { sha256: digest } = await storage.put(pieces(PNG), ANY);
    const path = join(root, digest.slice(0, 2), digest.slice(2, 4), digest);
    for (const size of [0, 10]) {
      await truncate(path, size);
      await storage.put(pieces(PNG), ANY);
      expect(await readFile(path)).toEqual(PNG);
    }
    await writeFile(`${path}.type`, '');
    expect(await storage.stat(digest)).toBeUndefined();
    await storage.put(pieces(PNG), ANY);
    expect(await storage.stat(digest)).toMatchObject({ type: 'image/png' });
  });
});

describe('what is not kept leaves nothing', () => {
  afterEach(async () => {
    assert.deepEqual(await incoming(), []);
    assert.deepEqual(await readdir(root), ['incoming']);
  });

  test('one byte too many, without reading on', async () => {
    let read = 0;
    let let_go = false;
    const endless = async function* () {
      try {
        for await (const block of large(1000)) {
          read += block.length;
          yield block;
        }
      } finally {
        let_go = true;
      }
    };
    expect(await kindOf(storage.put(endless(), { maxBytes: 3 * MB }))).toBe('TooLarge');
    expect(read).toBeLessThan(5 * MB);
    expect(let_go).toBe(true);
    expect(await kindOf(storage.put(pieces(PNG), { maxBytes: PNG.length - 1 }))).toBe('TooLarge');
  });

  test('what no screen can show, known from its first bytes', async () => {
    let read = 0;
    const junk = async function* () {
      for (; read < 100 * MB; read += 64 * 1024) yield Buffer.alloc(64 * 1024, 1);
    };
    expect(await kindOf(storage.put(junk(), { maxBytes: 300 * MB }))).toBe('UnknownType');
    expect(read).toBeLessThan(MB);
    expect(await kindOf(storage.put(pieces(Buffer.from('hello')), ANY))).toBe('UnknownType');
  });

  test('another kind than was expected', async () => {
    expect(await kindOf(storage.put(pieces(PNG), { ...ANY, expectTypes: ['video', 'html'] }))).toBe('UnknownType');
  });

  test('no bytes', async () => {
    expect(await kindOf(storage.put(pieces(), ANY))).toBe('Empty');
    expect(await kindOf(storage.put(pieces(Buffer.alloc(0)), ANY))).toBe('Empty');
  });

  test('a source that breaks off: its own error is thrown', async () => {
    const broken = new Error('the other side went away');
    await expect(storage.put(pieces(PNG, broken), ANY)).rejects.toBe(broken);
    const stream = new Readable({ read: () => undefined });
    const putting = storage.put(stream, ANY);
    stream.push(PNG);
    stream.destroy(broken);
    await expect(putting).rejects.toBe(broken);
  });
});

describe('half-written files', () => {
  const left = (host: string, pid: number) => join(root, 'incoming', `${host}.${pid}.${randomUUID()}`);
  const dead = () => spawnSync(process.execPath, ['-e', '']).pid;

  test('of a process that is gone are removed at start, those of a living one are not', async () => {
    const gone = left(hostname(), dead());
    const living = left(hostname(), process.ppid);
    const elsewhere = left('another-machine', dead());
    for (const path of [gone, living, elsewhere]) await writeFile(path, 'half');
    await FileStorage.at(root);
    await expect(stat(gone)).rejects.toThrow('ENOENT');
    await stat(living);
    await stat(elsewhere);
  });

  test('of an earlier process with our id, and those nobody wrote to for an hour, are removed too', async () => {
    const same = left(hostname(), process.pid);
    const ours = left(hostname(), process.pid);
    const elsewhere = left('another-machine', 1);
    for (const path of [same, ours, elsewhere]) await writeFile(path, 'half');
    const beforeUs = Date.now() / 1000 - process.uptime() - 60;
    await utimes(same, beforeUs, beforeUs);
    await utimes(elsewhere, Date.now() / 1000 - 3700, Date.now() / 1000 - 3700);
    await FileStorage.at(root);
    await expect(stat(same)).rejects.toThrow('ENOENT');
    await expect(stat(elsewhere)).rejects.toThrow('ENOENT');
    await stat(ours);
  });
});

const small = requireOrSkip(mountSmall(), 'the right to mount a tmpfs (root)');
describe.skipIf(small === undefined)('a full disk', () => {
  test('is StorageFull, leaves nothing half written, and storing goes on once there is space', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'marquee-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]);
    try {
      const full = await FileStorage.at(folder);
      const { sha256: digest } = await full.put(pieces(PNG), ANY);
      expect(await kindOf(full.put(large(8), { maxBytes: 100 * MB }))).toBe('StorageFull');
      expect(await incoming(folder)).toEqual([]);
      expect(await full.stat(digest)).toBeDefined();
      expect(await full.put(large(2), ANY)).toMatchObject({ sizeBytes: 2 * MB + PNG.length });
    } finally {
      execFileSync('umount', [folder]);
      await rm(folder, { recursive: true });
    }
  });
});

/** Whether a small file system can be mounted here. */
function mountSmall(): true | undefined {
  const probe = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe]).status === 0;
  if (mounted) spawnSync('umount', [probe]);
  spawnSync('rmdir', [probe]);
  return mounted ? true : undefined;
}
