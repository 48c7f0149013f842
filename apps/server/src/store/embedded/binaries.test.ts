import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../kit/log.js';
import { findBinaries } from './binaries.js';
import { copyBinaries, removeOtherCopies } from './copy-binaries.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-binaries-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const account = { ids: undefined, throughClosedFolders: false };

/** Programs that say which version they are. */
async function installed(name: string, version: string, code = 0): Promise<string> {
  const bin = join(folder, name);
  await mkdir(bin, { recursive: true });
  for (const program of ['initdb', 'postgres']) {
    await writeFile(join(bin, program), `#!/bin/sh\necho "${program} (PostgreSQL) ${version}"\nexit ${code}\n`, { mode: 0o755 });
  }
  return bin;
}

describe('which PostgreSQL runs', () => {
  const choose = async (folders: string[], wanted?: number, native?: string): Promise<string> => {
    const packaged = native === undefined ? undefined : { native, version: '18.9' };
    const sources = { packaged: async () => packaged, folders: async () => folders };
    return (await findBinaries(sources, join(folder, 'copies'), account, wanted, silentLog)).postgres;
  };

  test('the packaged one, else the newest of the machine that is not too old', async () => {
    const machine = [
      await installed('a', '14.2'),
      await installed('b', '16.1 (Debian 16.1-1)'),
      await installed('c', '17beta2'),
      join(folder, 'none'),
    ];
    expect(await choose(machine)).toBe(join(folder, 'c/postgres'));
    await installed('native/bin', '18.9');
    expect(await choose(machine, undefined, join(folder, 'native'))).toBe(join(folder, 'copies/18.9/bin/postgres'));
  });

  test('the one that made the cluster, wherever it comes from', async () => {
    await installed('native/bin', '18.9');
    expect(await choose([await installed('b', '16.1')], 16, join(folder, 'native'))).toBe(join(folder, 'b/postgres'));
    await expect(stat(join(folder, 'copies'))).rejects.toThrow('ENOENT');
    await expect(choose([], 16, join(folder, 'native'))).rejects.toThrow(/PostgreSQL 16, but PostgreSQL 18 is what runs here/);
  });

  test('not a packaged one that cannot run here', async () => {
    await installed('native/bin', '18.9', 127);
    expect(await choose([await installed('b', '16.1')], undefined, join(folder, 'native'))).toBe(join(folder, 'b/postgres'));
  });

  test('none: says what to do', async () => {
    await expect(choose([await installed('a', '14.2')])).rejects.toThrow(
      /there is no PostgreSQL for this machine .* set DATABASE_URL to a PostgreSQL from 15 on/,
    );
    await expect(choose([await installed('b', '16.1')], 17)).rejects.toThrow(/PostgreSQL 17, but PostgreSQL 16 is what runs here/);
  });
});

describe('the copy of a package', () => {
  test('has the links that the package lacks, and is readable by everyone', async () => {
    const native = join(folder, 'native');
    await mkdir(join(native, 'lib/pkgconfig'), { recursive: true });
    await mkdir(join(native, 'bin'));
    await writeFile(join(native, 'lib/libpq.so.5.18'), 'library', { mode: 0o600 });
    await writeFile(join(native, 'lib/libpq.a'), 'not needed');
    await writeFile(join(native, 'bin/postgres'), 'program', { mode: 0o700 });
    // As npm's postinstall leaves it; copied as it is, it would lead back into node_modules.
    await symlink('libpq.so.5.18', join(native, 'lib/libpq.so'));
    const links = ['libpq.so', 'libpq.so.5'].map((name) => ({ source: 'native/lib/libpq.so.5.18', target: `native/lib/${name}` }));
    await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(links));

    const copy = await copyBinaries({ native, version: '18.9' }, join(folder, 'copies'));
    for (const name of ['libpq.so', 'libpq.so.5']) {
      expect(await readlink(join(copy, 'lib', name))).toBe('libpq.so.5.18');
      expect(await readFile(join(copy, 'lib', name), 'utf8')).toBe('library');
    }
    expect((await stat(join(copy, 'lib/libpq.so.5.18'))).mode & 0o777).toBe(0o644);
    expect((await stat(join(copy, 'bin/postgres'))).mode & 0o777).toBe(0o755);
    for (const left of ['lib/libpq.a', 'lib/pkgconfig']) await expect(stat(join(copy, left))).rejects.toThrow('ENOENT');
  });

  test('is the only one left once the next version runs', async () => {
    const copies = join(folder, 'copies');
    for (const version of ['18.4', '18.9', '18.9.1']) await mkdir(join(copies, version, 'bin'), { recursive: true });
    await removeOtherCopies(copies, join(copies, '18.9/bin/postgres'));
    expect(await readdir(copies)).toEqual(['18.9']);
  });

  test('is whole or not there', async () => {
    const native = join(folder, 'native');
    await mkdir(native);
    await writeFile(join(native, 'pg-symlinks.json'), 'not JSON');
    await expect(copyBinaries({ native, version: '18.9' }, join(folder, 'copies'))).rejects.toThrow(SyntaxError);
    await expect(stat(join(folder, 'copies/18.9'))).rejects.toThrow('ENOENT');
    await writeFile(join(native, 'pg-symlinks.json'), '[]');
    await expect(copyBinaries({ native, version: '18.9' }, join(folder, 'copies'))).resolves.toBe(join(folder, 'copies/18.9'));
  });
});
