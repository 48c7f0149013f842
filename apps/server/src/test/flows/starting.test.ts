import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pidExists } from '../../kit/processes/process-identity.js';
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

/** Starts one that must not start; what it said, which must be one sentence without a stack. */
async function refusal(environment: Record<string, string>): Promise<string> {
  const server = await ServerProcess.launch({ databaseUrl: database.url, environment });
  const { code, output } = await server.end();
  expect(code, output).toBe(1);
  const said = output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  expect(said, output).toHaveLength(1);
  expect(said[0]).not.toMatch(/^\s+at |Error:/);
  return said[0] ?? '';
}

describe('a start that cannot be is one sentence that names the setting', () => {
  test.each(['PORT', 'MQTT_PORT', 'MQTT_WS_PORT'])('for a taken %s', async (setting) => {
    const port = await takenPort();
    const said = await refusal({ [setting]: port });
    expect(said).toMatch(new RegExp(`\\b${setting}\\b`));
    expect(said).toContain(port);
  });

  test.each<[string, Record<string, string>]>([
    ['PORT', { PORT: 'abc' }],
    ['ROLES', { ROLES: 'api,king' }],
    ['HOST', { HOST: '0.0.0.0' }],
    ['HOST', { HOST: '192.0.2.1', ALLOW_OPEN: '1' }],
    ['MQTT_URL', { MQTT_URL: 'http://127.0.0.1' }],
    ['TLS_CERT', { TLS_CERT: '/etc/hostname', TLS_KEY: '/etc/hostname' }],
    ['ASSET_FETCH_ALLOW', { ASSET_FETCH_ALLOW: '10.0.0.0/99' }],
    ['FENCE_DEADLINE_MS', { FENCE_DEADLINE_MS: '9000' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://x' }],
    ['DATABASE_URL', { DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/none' }],
  ])('for a wrong %s: %j', async (setting, environment) => {
    const said = await refusal(environment);
    expect(said).toMatch(new RegExp(`\\b${setting}\\b`));
    expect(said).not.toContain('secret');
  });

  test('for a database that is not there', async () => {
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    expect(await refusal({ DATABASE_URL: url.href })).toMatch(/^DATABASE_URL .*no_such_database/);
  });

  test.each([['an outside database'], ['the embedded one']])('for a DATA_DIR that cannot be written, with %s', async (which) => {
    const environment = { DATA_DIR: join(folder, 'file', 'data'), ...(which === 'the embedded one' ? { DATABASE_URL: '' } : {}) };
    expect(await refusal(environment)).toMatch(/\bDATA_DIR\b/);
  });
});

describe('with the embedded database', () => {
  test('data outlives a restart, and `marquee db url` leads to it while it runs', async () => {
    const dataDir = join(folder, 'kept');
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

  test('a start that is called off, or fails after the database was up, leaves no database running', async () => {
    const dataDir = join(folder, 'called-off');
    const starting = await ServerProcess.launch({ dataDir });
    await eventually(async () => expect(await readdir(join(dataDir, 'postgres'))).not.toHaveLength(0));
    const { code, output } = await starting.signal('SIGTERM');
    expect(code, output).toBe(0);
    expect(postmasterPid(dataDir)).toBeUndefined();

    const port = await takenPort();
    const refused = await ServerProcess.launch({ dataDir, environment: { PORT: port } });
    expect((await refused.end()).code).toBe(1);
    expect(postmasterPid(dataDir)).toBeUndefined();
  });
});
