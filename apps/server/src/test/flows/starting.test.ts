import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../config/config.js';
import { StartError } from '../../kit/errors.js';
import { silentLog } from '../../kit/log.js';
import { pidExists } from '../../kit/processes/process-identity.js';
import { start } from '../../wiring.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { campaignBody } from '../support/flow.js';
import { postmasterPid } from '../support/postgres-folder.js';
import { SERVER_MAIN, ServerProcess } from '../support/server-process.js';

const run = promisify(execFile);
let database: TestDatabase;
let folder: string;
const servers: Server[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'marquee-start-'));
  await writeFile(join(folder, 'file'), 'not a folder');
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function takenPort(): Promise<string> {
  const server = createServer();
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return String(typeof address === 'object' ? address?.port : '');
}

/** Starts a process that must not start; what it said, which must be one sentence without a stack. */
async function refusal(environment: Record<string, string>): Promise<string> {
  const server = await ServerProcess.launch({ databaseUrl: database.url, environment });
  const { code, output } = await server.end();
  expect(code, output).toBe(1);
  const said = output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect(said, output).toHaveLength(1);
  expect(said[0]).not.toMatch(/^\s+at |Error:/);
  return said[0] ?? '';
}

/** What the process would say. Loading the server takes longer than to refuse, so this does it in the test's own process. */
async function sentence(environment: Record<string, string>): Promise<string> {
  const free = { PORT: '0', MQTT_PORT: '0', MQTT_WS_PORT: '0', DATA_DIR: folder, DATABASE_URL: database.url };
  const config = readConfig({ ...free, ...environment }, join(folder, 'no.env'));
  const refused = await start(config, silentLog).then(
    async (running) => {
      await running.stop();
      throw new Error('it started');
    },
    (error: unknown) => error,
  );
  if (!(refused instanceof StartError)) throw refused;
  return refused.message;
}

// What is wrong with a value alone, and what it says of each, is in config.test.ts.
describe('a start that cannot be is one sentence that names the setting', () => {
  test.each<[string, Record<string, string>]>([
    ['PORT', { PORT: 'abc' }],
    ['TLS_CERT', { TLS_CERT: '/etc/hostname', TLS_KEY: '/etc/hostname' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/none' }],
  ])('as the last of a process, for a wrong %s: %j', async (setting, environment) => {
    const said = await refusal(environment);
    expect(said).toMatch(new RegExp(`\\b${setting}\\b`));
    expect(said).not.toContain('secret');
  });

  test('as the last of a process, for a taken PORT', async () => {
    const port = await takenPort();
    expect(await refusal({ PORT: port })).toMatch(new RegExp(`\\bPORT ${port}\\b`));
  });

  test.each(['MQTT_PORT', 'MQTT_WS_PORT'])('for a taken %s', async (setting) => {
    const port = await takenPort();
    const said = await sentence({ [setting]: port });
    expect(said).toMatch(new RegExp(`\\b${setting}\\b`));
    expect(said).toContain(port);
  });

  test('for a HOST that is no address of this machine', async () => {
    // Given ones: it could not be asked for free ports there.
    const ports = { PORT: '3000', MQTT_PORT: '1883', MQTT_WS_PORT: '9001' };
    expect(await sentence({ HOST: '192.0.2.1', ALLOW_OPEN: '1', ...ports })).toMatch(/\bHOST\b/);
  });

  test('for a database that is not there', async () => {
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    expect(await sentence({ DATABASE_URL: url.href })).toMatch(/^DATABASE_URL .*no_such_database/);
  });

  test.each([['an outside database'], ['the embedded one']])('for a DATA_DIR that cannot be written, with %s', async (which) => {
    const environment = { DATA_DIR: join(folder, 'file', 'data'), ...(which === 'the embedded one' ? { DATABASE_URL: '' } : {}) };
    expect(await sentence(environment)).toMatch(/\bDATA_DIR\b/);
  });
});

// One folder for all of them, in this order: making a database takes seconds.
describe('with the embedded database', () => {
  let dataDir: string;
  beforeAll(() => {
    dataDir = join(folder, 'kept');
  });

  test('a start that is called off leaves no database running', async () => {
    const starting = await ServerProcess.launch({ dataDir });
    await eventually(async () => expect(await readdir(join(dataDir, 'postgres'))).not.toHaveLength(0));
    const { code, output } = await starting.signal('SIGTERM');
    expect(code, output).toBe(0);
    expect(postmasterPid(dataDir)).toBeUndefined();
  });

  test('data outlives a restart, and `marquee db url` leads to it while it runs', async () => {
    const cli = join(dirname(SERVER_MAIN), 'cli', 'main.js');
    const call = (...args: string[]) =>
      run(process.execPath, [cli, ...args], { cwd: tmpdir(), env: { PATH: process.env['PATH'], DATA_DIR: dataDir } });
    const first = await ServerProcess.start({ dataDir });
    const created = await first.http.post('/campaigns', campaignBody(first.url));
    expect(created.status).toBe(201);
    const { stdout } = await call('db', 'url');
    const client = new pg.Client({ connectionString: stdout.trim() });
    await client.connect();
    expect((await client.query('select id from campaigns')).rows).toEqual([{ id: created.json().id }]);
    await client.end();
    expect(first.printed).toContain(`console  ${first.url}/`);
    await first.stop();
    await expect(call('db', 'url')).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^No database runs in DATA_DIR .*\.\n$/),
    });
    await expect(call('db', 'nonsense')).rejects.toMatchObject({ code: 2 });

    const second = await ServerProcess.start({ dataDir });
    expect(await second.http.read(`/campaigns/${created.json().id}`)).toMatchObject({ id: created.json().id });
    const postmaster = postmasterPid(dataDir) ?? Number.NaN;
    expect(pidExists(postmaster)).toBe(true);
    await second.stop();
    expect(pidExists(postmaster)).toBe(false);
  });

  test('a start that fails after the database was up leaves no database running', async () => {
    const refused = await ServerProcess.launch({ dataDir, environment: { PORT: await takenPort() } });
    expect((await refused.end()).code).toBe(1);
    expect(postmasterPid(dataDir)).toBeUndefined();
  });
});
