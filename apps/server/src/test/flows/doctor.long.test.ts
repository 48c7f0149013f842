import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../kit/free-port.js';
import { newId } from '../../kit/ids.js';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { marquee } from '../support/marquee.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start();
});
afterAll(() => flow.stop());

interface Finding {
  check: string;
  state: string;
  text: string;
}

/** The settings of the running server. */
function settings(): Record<string, string> {
  const { ports, dataDir } = flow.server;
  return {
    PORT: String(ports.http),
    MQTT_PORT: String(ports.mqtt),
    MQTT_WS_PORT: String(ports.ws),
    DATA_DIR: dataDir,
    DATABASE_URL: flow.database.url,
  };
}

async function examine(more: Record<string, string> = {}): Promise<{ code: number | null; of: (check: string) => Finding | undefined }> {
  const { code, stdout, stderr } = await marquee(['doctor', '--json'], { ...settings(), ...more });
  expect({ code, stderr }).toEqual({ code: expect.any(Number), stderr: '' });
  expect(stdout, String(code)).not.toBe('');
  const findings = JSON.parse(stdout) as Finding[];
  return { code, of: (check) => findings.find((finding) => finding.check === check) };
}

test('a running Marquee is well', { timeout: 180_000 }, async () => {
  const { code, stdout } = await marquee(['doctor'], settings());
  expect(code).toBe(0);
  expect(stdout).not.toMatch(/^fail/m);
  for (const check of [
    'settings',
    'API',
    'database',
    'migrations',
    'clock',
    'executions',
    'claims',
    'feed',
    'broker',
    'players',
    'clicks',
    'disk',
  ])
    expect(stdout).toMatch(new RegExp(`^ok +${check}`, 'm'));
});

test('clicks that could not be counted are a warning', { timeout: 180_000 }, async () => {
  await flow.sql(`insert into click_dead_letters (reason, body, minute, dead_at) values ('x', '', 0, $1)`, [Date.now()]);
  const text = expect.stringContaining('1 could not be counted: see marquee clicks dead list');
  await eventually(async () => expect((await examine()).of('clicks')).toMatchObject({ state: 'warn', text }), 60_000);
  await flow.sql('delete from click_dead_letters');
});

test('a wrong setting, a database that is away and a broker that is away fail, each with what to do', { timeout: 180_000 }, async () => {
  expect(await marquee(['doctor'], { ...settings(), DISPATCH_BATCH: 'many' })).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^fail +settings +DISPATCH_BATCH must be /m),
  });
  const away = `127.0.0.1:${await freePort('127.0.0.1')}`;
  const { code, of } = await examine({ DATABASE_URL: `postgresql://u:secret@${away}/x`, MQTT_URL: `mqtt://${away}` });
  expect(code).toBe(1);
  expect(of('database')).toMatchObject({ state: 'fail', text: expect.stringContaining('cannot be reached') });
  expect(of('database')?.text).not.toContain('secret');
  expect(of('broker')).toMatchObject({ state: 'fail', text: expect.stringContaining('MQTT_URL') });
});

test('a port that another program has fails; one that is free waits for the start', { timeout: 180_000 }, async () => {
  const other = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const taken = String((other.address() as AddressInfo).port);
  const { code, of } = await examine({ PORT: taken, MQTT_PORT: taken, MQTT_WS_PORT: taken });
  await new Promise((resolve) => other.close(resolve));
  expect(code).toBe(1);
  for (const [check, setting] of [
    ['API', 'PORT'],
    ['broker', 'MQTT_PORT'],
    ['players', 'MQTT_WS_PORT'],
  ] as const)
    expect(of(check)).toMatchObject({ state: 'fail', text: expect.stringContaining(`set ${setting} to another`) });
  const free = String(await freePort('127.0.0.1'));
  const down = await examine({ PORT: free, MQTT_PORT: free, MQTT_WS_PORT: free });
  expect([down.code, down.of('API')?.state, down.of('broker')?.state, down.of('players')?.state]).toEqual([0, 'warn', 'warn', 'ok']);
});

test('what waits for somebody who does not come is a warning', { timeout: 180_000 }, async () => {
  await flow.server.stop();
  const [campaign, execution] = [newId(), newId()];
  await flow.sql(
    `insert into campaigns (id, name, channel, status, idempotency_key, request_sha256, first_answer) values ($1, 'x', 'null', 'ready', gen_random_uuid(), '', '{}')`,
    [campaign],
  );
  await flow.sql(`insert into executions (id, campaign_id, scheduled_for, next_try_at) values ($1, $2, 0, now() - interval '1 minute')`, [
    execution,
    campaign,
  ]);
  await flow.sql(
    `insert into claims (id, campaign_id, execution_id, lease_until, delivery_ids) values ($1, $2, $3, now() - interval '2 minutes', '{}')`,
    [newId(), campaign, execution],
  );
  await flow.sql(
    `insert into outbox (aggregate_type, aggregate_id, event_type, payload, created_at) values ('campaign', $1, 'x', '{}', now() - interval '1 minute')`,
    [campaign],
  );
  const { code, of } = await examine();
  expect(code).toBe(0);
  for (const check of ['executions', 'claims', 'feed'])
    expect(of(check)).toMatchObject({ state: 'warn', text: expect.stringContaining('role dispatch') });
  await flow.sql('delete from campaigns where id = $1', [campaign]);
  await flow.revive();
});
