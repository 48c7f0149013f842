import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { deviceTopic } from '@marquee/contracts';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
let campaign: string;
const DEVICES = Array.from({ length: 50 }, (_, index) => `unit-${index}`);
const clients: MqttClient[] = [];

beforeAll(async () => {
  flow = await Flow.start({ DATABASE_POOL: '6' });
  await flow.register(...DEVICES);
  campaign = (await flow.create()).id;
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign}`)).status).toBe('active'));
});
afterAll(async () => {
  for (const client of clients) await client.endAsync(true);
  await flow.stop();
});

async function connect(name: string): Promise<MqttClient> {
  const client = mqtt.connect(flow.server.mqttUrl, { clientId: name, clean: true, reconnectPeriod: 50 });
  clients.push(client);
  client.on('error', () => undefined);
  if (!client.connected) await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return client;
}

/** Says it until it is acknowledged, as a player's outbox does: mqtt.js gives a message up when its connection is cut again. */
async function deliver(client: MqttClient, { topic, payload }: Message): Promise<void> {
  for (;;) {
    try {
      return void (await client.publishAsync(topic, payload, { qos: 1 }));
    } catch {
      await delay(20);
    }
  }
}

interface Message {
  topic: string;
  payload: string | Buffer;
}

function good(deviceId: string, eventType = 'PLAY_LOG'): Message & { eventId: string } {
  const eventId = randomUUID();
  const event = {
    eventId,
    eventType,
    deviceId,
    campaignId: campaign,
    version: 1,
    timestamp: Date.now(),
    payload: { seq: 1, text: 'ü 💥' },
  };
  return { eventId, topic: deviceTopic(deviceId, 'acks'), payload: JSON.stringify(event) };
}

/** One good event changed into one that must not be taken. */
function changed(change: Record<string, unknown>, topic?: string): Message {
  const message = good('unit-0');
  return { topic: topic ?? message.topic, payload: JSON.stringify({ ...JSON.parse(String(message.payload)), ...change }) };
}

function bad(): Message[] {
  const acks = deviceTopic('unit-0', 'acks');
  const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`;
  return [
    ...['', '{', 'null', '[]', '5', '"x"', '{}', '\u0000', '['.repeat(100_000)].map((payload) => ({ topic: acks, payload })),
    { topic: acks, payload: Buffer.from([0xff, 0xfe, 0x00, 0x80]) },
    { topic: acks, payload: 'x'.repeat(250_000) },
    changed({ eventId: 'no-uuid' }),
    changed({ eventId: undefined }),
    changed({ eventType: 'DANCE' }),
    changed({ eventType: 'install_ack' }),
    changed({ deviceId: 'unit-1' }),
    changed({ deviceId: 'nobody' }, deviceTopic('nobody', 'acks')),
    changed({ deviceId: '../etc' }, 'devices/../etc/acks'),
    changed({ campaignId: randomUUID() }),
    changed({ campaignId: 'x' }),
    changed({ version: -1 }),
    changed({ version: 1e300 }),
    changed({ version: 2_147_483_648 }),
    changed({ timestamp: 'now' }),
    changed({ timestamp: 1e300 }),
    changed({ timestamp: -5 }),
    changed({ payload: [] }),
    changed({ payload: { a: 'b\u0000c' } }),
    changed({ payload: { 'a\u0000': 1 } }),
    changed({ payload: { a: '\ud800' } }),
    changed({ eventType: 'INSTALL_ACK', payload: { a: 'x'.repeat(100_000) } }),
    { topic: acks, payload: String(good('unit-0').payload).replace('{"seq":1', `{"deep":${deep},"seq":1`) },
    { topic: 'devices/é/acks', payload: '{}' },
    { topic: deviceTopic('unit-0', 'status'), payload: '{"status":"online"}' },
    { topic: deviceTopic('unit-0', 'status'), payload: JSON.stringify({ deviceId: 'unit-1', status: 'online', timestamp: 1 }) },
    { topic: deviceTopic('unit-0', 'status'), payload: JSON.stringify({ deviceId: 'unit-0', status: 'asleep', timestamp: 1 }) },
    {
      topic: deviceTopic('unit-0', 'status'),
      payload: JSON.stringify({ deviceId: 'unit-0', status: 'online', timestamp: 1, installed: 'x' }),
    },
    { topic: 'devices/acks', payload: '{}' },
    { topic: 'devices/a/b/acks', payload: '{}' },
    { topic: 'somewhere/else', payload: '{}' },
  ];
}

async function storedOf(ids: string[]): Promise<number> {
  const rows = await flow.sql('select from delivery_events where event_id = any($1)', [ids]);
  return rows.length;
}

test('everything that is wrong is dropped and answered, and costs no good event of the same burst', async () => {
  const client = await connect('burst');
  const wrong = bad();
  const right = DEVICES.flatMap((device) => [good(device), good(device)]);
  const mixed: Message[] = [];
  for (let index = 0; index < Math.max(wrong.length * 3, right.length); index += 1) {
    const [one, other] = [wrong[index % wrong.length], right[index]];
    if (one !== undefined) mixed.push(one);
    if (other !== undefined) mixed.push(other);
  }
  const before = await flow.sql('select from delivery_events');
  await within(30_000, 'every PUBACK', Promise.all(mixed.map(({ topic, payload }) => client.publishAsync(topic, payload, { qos: 1 }))));
  expect(await storedOf(right.map((event) => event.eventId))).toBe(right.length);
  expect(await flow.sql('select from delivery_events')).toHaveLength(before.length + right.length);
  expect((await flow.http.get('/healthz')).status).toBe(200);
  const { text } = await flow.http.get('/metrics');
  expect(text).toMatch(/marquee_screen_events_total\{[^}]*result="malformed"[^}]*\} \d+/);
  // Malformed messages are sampled in the log, not all told.
  expect(flow.server.printed.split('\n').filter((line) => line.includes('malformed')).length).toBeLessThan(10);
});

test('the same event ten times at once and again later is one row', async () => {
  const client = await connect('echo');
  const event = good('unit-3', 'INSTALL_ACK');
  const again = (): Promise<unknown> =>
    Promise.all(Array.from({ length: 10 }, () => client.publishAsync(event.topic, event.payload, { qos: 1 })));
  await again();
  await again();
  expect(await storedOf([event.eventId])).toBe(1);
  expect((await flow.http.read(`/campaigns/${campaign}`)).counts.acknowledged).toBe(1);
});

test('a first status and a first event at once: the screen is registered and its event counts', async () => {
  const fresh = Array.from({ length: 30 }, (_, index) => `fresh-${index}`);
  const events = fresh.map((device) => good(device));
  await Promise.all(
    fresh.map(async (device, index) => {
      const client = await connect(device);
      const status = JSON.stringify({ deviceId: device, status: 'online', timestamp: Date.now() });
      const event = events[index] ?? good(device);
      await Promise.all([
        client.publishAsync(deviceTopic(device, 'status'), status, { qos: 1, retain: true }),
        // At every distance from the moment in which the status is written.
        delay(index * 4).then(() => client.publishAsync(event.topic, event.payload, { qos: 1 })),
      ]);
    }),
  );
  expect(await storedOf(events.map((event) => event.eventId))).toBe(events.length);
});

test('acknowledgements said while the database comes and goes are all there when it is back', async () => {
  const screens = await Promise.all(DEVICES.slice(0, 10).map((device) => connect(`steady-${device}`)));
  const events: string[] = [];
  const said: Promise<unknown>[] = [];
  const until = performance.now() + 3000;
  const shoot = (async () => {
    while (performance.now() < until) {
      await flow.sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
      await delay(150);
    }
  })();
  while (performance.now() < until) {
    for (const [index, client] of screens.entries()) {
      const event = good(DEVICES[index] ?? '');
      events.push(event.eventId);
      said.push(deliver(client, event));
    }
    await delay(20);
  }
  await shoot;
  await within(30_000, 'every PUBACK', Promise.all(said));
  expect(await storedOf(events)).toBe(events.length);
  await eventually(async () => expect((await flow.http.get('/readyz')).status).toBe(200));
  const late = await flow.create({ audience: { ids: ['unit-0'] } });
  await eventually(async () => expect((await flow.http.read(`/campaigns/${late.id}`)).counts.SUCCESS).toBe(1));
});
