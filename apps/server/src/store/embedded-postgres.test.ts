import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { StartError } from '../kit/errors.js';
import { HolderProcess } from '../test/support/holder-process.js';
import { eventually, postmasterPid, query, type SharedBinaries, shareBinaries } from '../test/support/postgres-folder.js';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, readEmbeddedUrl, startEmbeddedPostgres } from './embedded-postgres.js';

// One cluster for all: a test begins and ends with no server running.
let dataDir: string;
let binaries: SharedBinaries;
const open = new Set<EmbeddedPostgres>();

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, sources: binaries.sources, ...options });
  open.add(server);
  return server;
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'marquee-embedded-'));
  binaries = await shareBinaries();
});

afterEach(async () => {
  for (const server of open) await server.stop();
  open.clear();
  if (postmasterPid(dataDir) !== undefined) throw new Error('the server outlived its last holder');
});

afterAll(async () => {
  await binaries.remove();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the PostgreSQL in DATA_DIR', () => {
  test('keeps what was committed from one start to the next, on the same URL', async () => {
    const first = await start();
    expect(first.role).toBe('started');
    await query(first.url, 'create table kept as select 42 as n');
    expect(await readEmbeddedUrl(dataDir)).toBe(first.url);
    await first.stop();
    expect(await readEmbeddedUrl(dataDir)).toBeUndefined();
    await expect(query(first.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);

    const second = await start();
    expect(second).toMatchObject({ role: 'started', url: first.url });
    expect(await query(second.url, 'table kept')).toEqual([{ n: 42 }]);
  });

  test('commits to the disk before it answers, and listens on loopback only', async () => {
    const { url } = await start();
    const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'unix_socket_directories'];
    const settings = await Promise.all(names.map((name) => query(url, `select current_setting('${name}') as value`)));
    expect(settings.flat()).toEqual(['on', 'on', 'on', '127.0.0.1', ''].map((value) => ({ value })));
  });

  test('lets in nobody without the password, which only this user can read', async () => {
    const { url } = await start();
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    const superuser = new URL(url);
    superuser.username = 'postgres';
    await expect(query(superuser.href, 'select 1')).rejects.toThrow(/no pg_hba.conf entry/);
    const file = join(dataDir, 'postgres/password');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, 'utf8')).trim()).toBe(new URL(url).password);
    // The role reads its own databases, not the machine's files.
    await expect(query(url, "select pg_read_file('/etc/passwd')")).rejects.toThrow(/permission denied/);
  });

  test('takes a person\u2019s own settings, which win over ours', async () => {
    const { uid, gid } = await stat(join(dataDir, 'postgres/cluster'));
    const file = join(dataDir, 'postgres/cluster/local.conf');
    await writeFile(file, "work_mem = '13MB'\n");
    await chown(file, uid, gid);
    expect(
      await query(
        (await start({ settings: { work_mem: '11MB', jit: 'on' } })).url,
        "select current_setting('work_mem') as m, current_setting('jit') as j",
      ),
    ).toEqual([{ m: '13MB', j: 'on' }]);
    await rm(file);
  });

  test('a second holder joins, and the last one out stops it', async () => {
    const first = await start();
    const second = await start();
    expect(second).toMatchObject({ role: 'joined', url: first.url });
    await first.stop();
    expect(await query(second.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    await Promise.all([second.stop(), second.stop()]);
    expect(postmasterPid(dataDir)).toBeUndefined();
  });

  test('all at once: one starts it, the others join', async () => {
    const servers = await Promise.all([start(), start(), start(), start()]);
    expect(servers.map((server) => server.role).sort((a, b) => a.localeCompare(b))).toEqual(['joined', 'joined', 'joined', 'started']);
    expect(new Set(servers.map((server) => server.url)).size).toBe(1);
    await Promise.all(servers.map((server) => server.stop()));
    expect(postmasterPid(dataDir)).toBeUndefined();
  });

  test('a holder killed with -9 leaves the server running; the next start adopts it and is the last one out', async () => {
    const holder = await HolderProcess.load(dataDir, binaries.bin);
    const { url } = await holder.start();
    const pid = postmasterPid(dataDir);
    await holder.kill();
    const next = await start();
    expect(next).toMatchObject({ role: 'adopted', url });
    expect(postmasterPid(dataDir)).toBe(pid);
    await next.stop();
    expect(postmasterPid(dataDir)).toBeUndefined();
  }, 180_000);

  test('killed with -9 it comes back by itself on the same port, with all that was committed', async () => {
    const { url } = await start();
    await query(url, 'create table survived as select generate_series(1, 1000) as n');
    const before = postmasterPid(dataDir) ?? 0;
    process.kill(before, 'SIGKILL');
    expect(await eventually(() => query(url, 'select count(*)::int as n from survived'), 10_000)).toEqual([{ n: 1000 }]);
    expect(postmasterPid(dataDir)).not.toBe(before);
  });

  test('a lost password is replaced when nobody uses the database', async () => {
    const first = await start();
    await rm(join(dataDir, 'postgres/password'));
    await expect(start()).rejects.toThrow(new RegExp(`password in DATA_DIR .* stop the other processes .*${process.pid}`));
    await first.stop();
    const second = await start();
    expect(second.url).not.toBe(first.url);
    expect(await query(second.url, 'table kept')).toEqual([{ n: 42 }]);
    await second.stop();
    await writeFile(join(dataDir, 'postgres/password'), 'of another cluster\n');
    expect(await query((await start()).url, 'table kept')).toEqual([{ n: 42 }]);
  });

  test('a note of a dead server whose pid is now another process does not stop the start', async () => {
    await (await start()).stop();
    const cluster = join(dataDir, 'postgres/cluster');
    // Of the server's own user: PostgreSQL knows by itself that another user's process is no server.
    const { uid, gid } = await stat(cluster);
    const namesake = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {});
    const note = join(cluster, 'postmaster.pid');
    await writeFile(note, `${namesake.pid}\n${cluster}\n1700000000\n5432\n\n127.0.0.1\n        0         0\nready   \n`);
    await chown(note, uid, gid);
    expect((await start()).role).toBe('started');
    namesake.kill();
    await once(namesake, 'exit');
  });
});

describe('what stops a start is one sentence that names the setting', () => {
  test('a file in place of the folder', async () => {
    const file = join(dataDir, 'a-file');
    await writeFile(file, '');
    await expect(start({ dataDir: file })).rejects.toThrow(StartError);
    await expect(start({ dataDir: file })).rejects.toThrow(/^DATA_DIR \(.*a-file\) is not a folder/);
  });

  test('a folder that cannot be written', async () => {
    await expect(start({ dataDir: '/proc/marquee' })).rejects.toThrow(/^DATA_DIR \(\/proc\/marquee\) cannot be (written|made)/);
  });

  test('a cluster of another major version', async () => {
    const other = join(dataDir, 'other');
    await mkdir(join(other, 'postgres/cluster'), { recursive: true });
    await writeFile(join(other, 'postgres/cluster/PG_VERSION'), '12\n');
    const failure = await start({ dataDir: other }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartError);
    expect(String(failure)).toMatch(/DATA_DIR holds a database of PostgreSQL 12, but PostgreSQL \d+ is what runs here: .*DATABASE_URL/);
  });

  test('something that is no cluster at all', async () => {
    const other = join(dataDir, 'none');
    await mkdir(join(other, 'postgres/cluster'), { recursive: true });
    await expect(start({ dataDir: other })).rejects.toThrow(/DATA_DIR \(.*\) holds no PostgreSQL cluster/);
  });

  test('no PostgreSQL for this machine', async () => {
    const sources = { packaged: async () => undefined, folders: async () => ['/nowhere'] };
    await expect(start({ dataDir: join(dataDir, 'bare'), sources })).rejects.toThrow(
      /there is no PostgreSQL for this machine .* set DATABASE_URL/,
    );
  });
});
