import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { generate, parser, type Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../kit/log.js';
import { Inbox } from '../test/support/inbox.js';
import { TEST_TLS } from '../test/support/tls-material.js';
import type { IncomingMessage, MessageHandler } from './broker.js';
import { EmbeddedBroker, type EmbeddedBrokerOptions } from './embedded-broker.js';

const brokers: EmbeddedBroker[] = [];
const clients: MqttClient[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const broker of brokers.splice(0)) await broker.stop();
});

function create(options: Partial<EmbeddedBrokerOptions> = {}): EmbeddedBroker {
  const broker = new EmbeddedBroker({ host: '127.0.0.1', port: 0, wsPort: 0, log: silentLog, refusalMs: 20, ...options });
  brokers.push(broker);
  return broker;
}

async function started(handler: MessageHandler, options?: Partial<EmbeddedBrokerOptions>): Promise<EmbeddedBroker> {
  const broker = create(options);
  await broker.start(handler);
  return broker;
}

async function screen(broker: EmbeddedBroker, options: IClientOptions = {}): Promise<MqttClient> {
  const client = mqtt.connect({ host: '127.0.0.1', port: broker.ports.port, reconnectPeriod: 50, ...options });
  client.on('error', () => undefined);
  clients.push(client);
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return client;
}

/** A connection of bare packets, and what the broker says on it. */
async function bare(broker: EmbeddedBroker, clientId: string): Promise<{ socket: Socket; said: Inbox<Packet> }> {
  const socket = connect(broker.ports.port, '127.0.0.1');
  sockets.push(socket);
  const said = new Inbox<Packet>();
  const reader = parser();
  reader.on('packet', (packet) => said.put(packet));
  socket.on('data', (chunk) => reader.parse(chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: false, clientId, keepalive: 30 }));
  await said.first((packet) => packet.cmd === 'connack');
  return { socket, said };
}

/** A promise and the means to settle it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('EmbeddedBroker', () => {
  it('sends PUBACK only when the handler is done with the message', async () => {
    const { opened, open } = gate();
    const taken = new Inbox<IncomingMessage>();
    const broker = await started(async (message) => {
      taken.put(message);
      await opened;
    });
    const { socket, said } = await bare(broker, 'slow');
    socket.write(generate({ cmd: 'publish', topic: 'devices/a/acks', payload: 'x', qos: 1, messageId: 9, dup: false, retain: false }));
    expect((await taken.first()).clientId).toBe('slow');
    // What another connection sends after that comes back: by then a PUBACK of the first would be here too.
    const witness = await screen(broker);
    await witness.publishAsync('elsewhere', 'x', { qos: 1 });
    expect(said.all.map((packet) => packet.cmd)).toEqual(['connack']);
    open();
    expect(await said.first((packet) => packet.cmd === 'puback')).toMatchObject({ messageId: 9 });
  });

  it('cuts off the sender of a refused message without PUBACK', async () => {
    const broker = await started(async () => {
      throw new Error('the database is away');
    });
    const { socket, said } = await bare(broker, 'refused');
    socket.write(generate({ cmd: 'publish', topic: 'devices/a/acks', payload: 'x', qos: 1, messageId: 9, dup: false, retain: false }));
    await once(socket, 'close');
    expect(said.all.map((packet) => packet.cmd)).toEqual(['connack']);
  });

  it('tries a refused last will again', async () => {
    const attempts = new Inbox<string>();
    const broker = await started(async (message) => {
      attempts.put(message.payload.toString());
      if (attempts.all.length < 3) throw new Error('the database is away');
    });
    const will = { topic: 'devices/a/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true };
    const gone = await screen(broker, { will, reconnectPeriod: 0 });
    gone.stream.destroy();
    expect(await attempts.count(3)).toEqual(['offline', 'offline', 'offline']);
  });

  const status = (deviceId: string, word: string): [string, string, { qos: 1; retain: boolean }] => [
    `devices/${deviceId}/status`,
    JSON.stringify({ deviceId, status: word, timestamp: 1 }),
    { qos: 1, retain: true },
  ];

  it('says offline of the devices that a connection left online: it went without a will, or with a DISCONNECT', async () => {
    const taken = new Inbox<string>();
    const broker = await started(async ({ topic, payload }) =>
      taken.put(`${topic} ${(JSON.parse(payload.toString()) as { status: string }).status}`),
    );
    const will = { topic: 'devices/a/status', payload: Buffer.from('{"status":"offline"}'), qos: 1 as const, retain: true };
    const polite = await screen(broker, { clientId: 'not its name', will });
    for (const word of ['a', 'b']) await polite.publishAsync(...status(word, 'online'));
    await polite.publishAsync(...status('b', 'offline'));
    await polite.endAsync();
    await taken.count(4);
    const shared = await screen(broker, { reconnectPeriod: 0 });
    await shared.publishAsync(...status('c', 'online'));
    await shared.publishAsync(...status('d', 'online'));
    const heir = await screen(broker);
    await heir.publishAsync(...status('c', 'online'));
    shared.stream.destroy();
    const all = await taken.count(8);
    expect(all).toEqual([
      'devices/a/status online',
      'devices/b/status online',
      'devices/b/status offline',
      'devices/a/status offline',
      'devices/c/status online',
      'devices/d/status online',
      'devices/c/status online',
      'devices/d/status offline',
    ]);
    const got = new Inbox<string>();
    heir.on('message', (topic, payload) => got.put(`${topic} ${String(payload)}`));
    await heir.subscribeAsync('devices/a/status', { qos: 1 });
    expect(await got.first()).toContain('"status":"offline"');
  });

  it('lets a will speak for itself, once', async () => {
    const taken = new Inbox<string>();
    const broker = await started(async ({ payload }) => taken.put((JSON.parse(payload.toString()) as { status: string }).status));
    const will = { topic: 'devices/a/status', payload: Buffer.from('{"status":"offline"}'), qos: 1 as const, retain: true };
    const gone = await screen(broker, { will, reconnectPeriod: 0 });
    await gone.publishAsync(...status('a', 'online'));
    gone.stream.destroy();
    await taken.count(2);
    const witness = await screen(broker);
    await witness.publishAsync(...status('w', 'online'));
    expect(await taken.count(3)).toEqual(['online', 'offline', 'online']);
  });

  it('gives up a refused last will when its screen is back', async () => {
    const taken = new Inbox<string>();
    const { opened, open } = gate();
    const broker = await started(async (message) => {
      taken.put(message.payload.toString());
      if (message.payload.toString() !== 'offline') return;
      await opened;
      throw new Error('the database is away');
    });
    const will = { topic: 'devices/a/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true };
    const gone = await screen(broker, { will, clientId: 'flapping', reconnectPeriod: 0 });
    gone.stream.destroy();
    await taken.first((text) => text === 'offline');
    const back = await screen(broker, { clientId: 'flapping' });
    open();
    await back.publishAsync('devices/a/status', 'online', { qos: 1, retain: true });
    // Longer than the will would have waited: its second try would have come first.
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(taken.all).toEqual(['offline', 'online']);
    const got = new Inbox<string>();
    back.on('message', (_topic, payload) => got.put(String(payload)));
    await back.subscribeAsync('devices/a/status', { qos: 1 });
    expect(await got.first()).toBe('online');
  });

  it('cuts off who announces a packet beyond the limit, before it came', async () => {
    const broker = await started(async () => undefined);
    const { socket } = await bare(broker, 'greedy');
    socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
    await once(socket, 'close');
    const stranger = connect(broker.ports.port, '127.0.0.1');
    sockets.push(stranger);
    stranger.on('error', () => undefined);
    stranger.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await once(stranger, 'close');
  });

  it('takes no payload above 256 KB', async () => {
    const taken = new Inbox<number>();
    const broker = await started(async (message) => taken.put(message.payload.length));
    const greedy = await bare(broker, 'greedy');
    const payload = Buffer.alloc(256 * 1024 + 1);
    greedy.socket.write(generate({ cmd: 'publish', topic: 'devices/a/acks', payload, qos: 1, messageId: 9, dup: false, retain: false }));
    await once(greedy.socket, 'close');
    expect(taken.all).toEqual([]);
  });

  it('hands nothing to the handler once it is stopping, and acknowledges what ends meanwhile', async () => {
    const taken = new Inbox<string>();
    const { opened, open } = gate();
    const broker = await started(async (message) => {
      taken.put(message.payload.toString());
      await opened;
    });
    const [held, late] = [await bare(broker, 'held'), await bare(broker, 'late')];
    const ack = { cmd: 'publish', topic: 'devices/a/acks', qos: 1, messageId: 9, dup: false, retain: false } as const;
    held.socket.write(generate({ ...ack, payload: 'held' }));
    await taken.first();
    const stopped = broker.stop();
    late.socket.write(generate({ cmd: 'pingreq' }));
    late.socket.write(generate({ ...ack, payload: 'late' }));
    await late.said.first((packet) => packet.cmd === 'pingresp');
    open();
    await held.said.first((packet) => packet.cmd === 'puback');
    await stopped;
    expect(taken.all).toEqual(['held']);
    expect(late.said.all.map((packet) => packet.cmd)).toEqual(['connack', 'pingresp']);
  });

  it('retains nothing but a status', async () => {
    const broker = await started(async () => undefined);
    const one = await screen(broker);
    for (const topic of ['devices/a/notifications', 'devices/a/acks', 'devices/no id!/status', 'elsewhere', 'devices/a/status'])
      await one.publishAsync(topic, 'kept?', { qos: 1, retain: true });
    const got = new Inbox<string>();
    one.on('message', (topic) => got.put(topic));
    await one.subscribeAsync('#', { qos: 1 });
    await one.publishAsync('last', 'x', { qos: 1 });
    await got.first((topic) => topic === 'last');
    expect(got.all).toEqual(['devices/a/status', 'last']);
  });

  it('keeps no session: a client that comes back has nothing waiting', async () => {
    const broker = await started(async () => undefined);
    const first = await bare(broker, 'returning');
    first.socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/a/control', qos: 1 }] }));
    await first.said.first((packet) => packet.cmd === 'suback');
    first.socket.destroy();
    await broker.publish('devices/a/control', Buffer.from('while away'));
    const second = await bare(broker, 'returning');
    expect(second.said.all[0]).toMatchObject({ sessionPresent: false });
    second.socket.write(generate({ cmd: 'pingreq' }));
    await second.said.first((packet) => packet.cmd === 'pingresp');
    expect(second.said.all.map((packet) => packet.cmd)).toEqual(['connack', 'pingresp']);
  });

  it('forgets with the connection which QoS 2 messages it had', async () => {
    const broker = await started(async () => undefined);
    const watcher = await screen(broker);
    const got = new Inbox<string>();
    watcher.on('message', (_topic, payload) => got.put(String(payload)));
    await watcher.subscribeAsync('elsewhere', { qos: 1 });
    for (const payload of ['one', 'two']) {
      const { socket, said } = await bare(broker, 'half-open');
      socket.write(generate({ cmd: 'publish', topic: 'elsewhere', payload, qos: 2, messageId: 9, dup: false, retain: false }));
      await said.first((packet) => packet.cmd === 'pubrec');
      socket.destroy();
      await got.first((text) => text === payload);
    }
    expect(got.all).toEqual(['one', 'two']);
  });

  it('does not let a screen that stopped reading hold up the others, and cuts it off', async () => {
    const broker = await started(async () => undefined, { drainTimeoutMs: 300 });
    const frozen = await bare(broker, 'frozen');
    frozen.socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'devices/frozen/control', qos: 1 }] }));
    await frozen.said.first((packet) => packet.cmd === 'suback');
    frozen.socket.pause();
    const lively = await screen(broker);
    const got = new Inbox<string>();
    lively.on('message', (_topic, payload) => got.put(String(payload)));
    await lively.subscribeAsync('devices/lively/control', { qos: 1 });

    const stuck = Array.from({ length: 2000 }, () => broker.publish('devices/frozen/control', Buffer.alloc(32 * 1024)));
    let ended = false;
    const all = Promise.all(stuck).then(() => {
      ended = true;
    });
    await broker.publish('devices/lively/control', Buffer.from('hello'));
    await got.first((text) => text === 'hello');
    expect(ended).toBe(false);
    await all;
    frozen.socket.resume();
    await once(frozen.socket, 'close');
  });

  it('serves WebSockets on any path, and says so to others', async () => {
    const taken = new Inbox<string>();
    const broker = await started(async (message) => taken.put(message.payload.toString()));
    const url = `ws://127.0.0.1:${broker.ports.wsPort}/any/path`;
    const client = await mqtt.connectAsync(url, { reconnectPeriod: 0 });
    clients.push(client);
    const got = new Inbox<string>();
    client.on('message', (_topic, payload) => got.put(String(payload)));
    await client.subscribeAsync('devices/a/control', { qos: 1 });
    await broker.publish('devices/a/control', Buffer.from('hello'));
    await got.first((text) => text === 'hello');
    await client.publishAsync('devices/a/acks', 'there', { qos: 1 });
    expect(taken.all).toEqual(['there']);
    const answer = await fetch(url.replace('ws:', 'http:'));
    expect([answer.status, await answer.text()]).toEqual([426, 'MQTT over WebSocket is spoken here.\n']);
  });

  it('speaks TLS on both ports', async () => {
    const taken = new Inbox<string>();
    const broker = await started(async (message) => taken.put(message.payload.toString()), { tls: TEST_TLS });
    for (const url of [`mqtts://localhost:${broker.ports.port}`, `wss://localhost:${broker.ports.wsPort}/mqtt`]) {
      const client = await mqtt.connectAsync(url, { ca: TEST_TLS.cert, reconnectPeriod: 0 });
      clients.push(client);
      await client.publishAsync('devices/a/acks', url, { qos: 1 });
      expect(taken.all.at(-1)).toBe(url);
    }
  });

  it('says in one sentence that the certificate is none', async () => {
    const broker = create({ tls: { cert: 'none', key: TEST_TLS.key } });
    await expect(broker.start(async () => undefined)).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringMatching(/^TLS_CERT and TLS_KEY cannot be used: .*\.$/),
    });
  });

  it.each(['MQTT_PORT', 'MQTT_WS_PORT'])('says in one sentence that the port of %s is taken, and opens neither', async (setting) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const taken = typeof address === 'object' && address !== null ? address.port : 0;
    const broker = create(setting === 'MQTT_PORT' ? { port: taken } : { wsPort: taken });
    await expect(broker.start(async () => undefined)).rejects.toMatchObject({
      name: 'StartError',
      message: `Port ${taken} is taken: set ${setting} to a free port, or stop what listens there.`,
    });
    expect(broker.connected).toBe(false);
    expect(broker.ports).toEqual({ port: 0, wsPort: 0 });
    holder.close();
    await once(holder, 'close');
  });
});
