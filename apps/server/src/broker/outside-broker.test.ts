import type { Packet } from 'mqtt-packet';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { ScreenChannel } from '../channels/screen-channel.js';
import { type Log, silentLog } from '../kit/log.js';
import { eventually } from '../test/support/eventually.js';
import { Inbox } from '../test/support/inbox.js';
import { politely, type Received, ScriptedBroker } from '../test/support/scripted-broker.js';
import { AcknowledgingSubscriber, type AcknowledgingSubscriberOptions } from './acknowledging-subscriber.js';
import type { IncomingMessage, MessageHandler } from './broker.js';
import { parseBrokerAddress } from './broker-address.js';
import { OutsideBroker, type OutsideBrokerOptions } from './outside-broker.js';

const open: { stop(withinMs: number): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.stop(0);
});

async function scripted(answer: (received: Received) => void): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(answer);
  open.push(broker);
  return broker;
}

async function connected(script: ScriptedBroker, options: Partial<OutsideBrokerOptions> = {}): Promise<OutsideBroker> {
  const broker = new OutsideBroker({
    address: parseBrokerAddress(script.url),
    clientId: 'intake',
    log: silentLog,
    firstRetryMs: 10,
    ...options,
  });
  open.push(broker);
  const up = new Promise<void>((resolve) => broker.onConnectionChange((isUp) => isUp && resolve()));
  await broker.start(async () => undefined);
  await up;
  return broker;
}

function subscriber(
  script: ScriptedBroker,
  handler: MessageHandler,
  options: Partial<AcknowledgingSubscriberOptions> = {},
): AcknowledgingSubscriber {
  const address = parseBrokerAddress(script.url);
  const made = new AcknowledgingSubscriber({
    address,
    clientId: 'intake',
    filters: ['devices/+/acks'],
    handler,
    log: silentLog,
    firstRetryMs: 10,
    ...options,
  });
  open.push(made);
  made.start();
  return made;
}

function message(topic: string, payload: string | Buffer, messageId: number): Packet {
  return { cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain: false };
}

function isPublish({ packet }: Received): boolean {
  return packet.cmd === 'publish';
}

/** The packet ids that were acknowledged, in order. */
async function pubacks(script: ScriptedBroker, count: number): Promise<(number | undefined)[]> {
  const acknowledged = () => script.received.all.filter(({ packet }) => packet.cmd === 'puback');
  while (acknowledged().length < count) await script.received.next(({ packet }) => packet.cmd === 'puback');
  return acknowledged().map(({ packet }) => packet.messageId);
}

function linesOf(): { log: Log; lines: Inbox<string> } {
  const lines = new Inbox<string>();
  return { lines, log: pino({}, { write: (line: string) => lines.put(line) }) };
}

describe('publishing on an outside broker', () => {
  it('reports what was in flight when the connection broke as ambiguous, and does not send it by itself later', async () => {
    const script = await scripted((received) => {
      politely(received);
      if (!isPublish(received)) return;
      if (received.packet.cmd === 'publish' && received.packet.topic === 'devices/a/control') received.cut();
      else received.reply({ cmd: 'puback', messageId: received.packet.messageId ?? 0 });
    });
    const broker = await connected(script, { publishTimeoutMs: 600_000 });
    const back = new Inbox<boolean>();
    broker.onConnectionChange((up) => back.put(up));
    await expect(broker.publish('devices/a/control', Buffer.from('x'))).rejects.toMatchObject({ name: 'PublishFailed', ambiguous: true });
    await back.first((up) => up);
    await broker.publish('devices/b/control', Buffer.from('x'));
    const sent = script.received.all.filter(isPublish).map(({ packet }) => (packet.cmd === 'publish' ? packet.topic : ''));
    expect(sent).toEqual(['devices/a/control', 'devices/b/control']);
  });

  it('rejects at its time: what went out as ambiguous, what waited for its turn as not', async () => {
    const script = await scripted(politely);
    const broker = await connected(script, { publishWindow: 1, publishTimeoutMs: 50 });
    const outcomes = await Promise.allSettled([1, 2].map((n) => broker.publish(`devices/${n}/control`, Buffer.from('x'))));
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { ambiguous: true } },
      { status: 'rejected', reason: { ambiguous: false } },
    ]);
    expect(script.received.all.filter(isPublish)).toHaveLength(1);
  });

  it('keeps no more in flight than the window, and sends all in the end, in order', async () => {
    let inFlight = 0;
    let most = 0;
    const topics: string[] = [];
    const script = await scripted((received) => {
      politely(received);
      const { packet } = received;
      if (packet.cmd !== 'publish') return;
      inFlight += 1;
      most = Math.max(most, inFlight);
      topics.push(packet.topic);
      setImmediate(() => {
        inFlight -= 1;
        received.reply({ cmd: 'puback', messageId: packet.messageId ?? 0 });
      });
    });
    const broker = await connected(script, { publishWindow: 3 });
    const wanted = Array.from({ length: 100 }, (_, n) => `devices/${n}/control`);
    await Promise.all(wanted.map((topic) => broker.publish(topic, Buffer.from('x'))));
    expect(topics).toEqual(wanted);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('asks the gate when the turn of a publish has come, and what waited for longer than it may does not start', async () => {
    const script = await scripted(politely);
    const broker = await connected(script, { publishWindow: 2 });
    const channel = new ScreenChannel(
      (topic, payload, mayStart) => broker.publish(topic, payload, mayStart),
      async () => Buffer.from('manifest'),
    );
    const send = await channel.prepare({ campaignId: 'c' });
    if (send === undefined) throw new Error('there was nothing to send');
    let inTime = true;
    let asked = 0;
    const gate = (): boolean => {
      asked += 1;
      return inTime;
    };
    const results = Promise.all(
      ['a', 'b', 'c', 'd'].map((recipient) => send({ id: recipient, recipient, attempt: 1, unstarted: 0 }, gate)),
    );
    const first = await script.received.first(isPublish);
    expect(asked).toBe(2);
    inTime = false;
    // Its acknowledgement makes room for those that wait.
    first.reply({ cmd: 'puback', messageId: first.packet.messageId ?? 0 });
    await eventually(() => expect(asked).toBe(4));
    await eventually(() => expect(script.received.all.filter(isPublish)).toHaveLength(2));
    const second = script.received.all.filter(isPublish)[1];
    second?.reply({ cmd: 'puback', messageId: second.packet.messageId ?? 0 });
    const sent = { outcome: 'SUCCESS' };
    const late = { outcome: 'NOT_STARTED' };
    expect(await results).toEqual([sent, sent, late, late]);
    expect(script.received.all.filter(isPublish)).toHaveLength(2);
  });

  it('takes nothing after its end, whoever says that it should', async () => {
    const script = await scripted(politely);
    const broker = await connected(script, { receives: false });
    await broker.stop();
    const before = script.received.all.length;
    await broker.receive(true);
    // Whoever connects after it is seen after it.
    const probe = subscriber(script, async () => undefined, { clientId: 'probe' });
    await script.received.first(({ packet }) => packet.cmd === 'subscribe');
    await probe.stop(0);
    const clients = script.received.all.slice(before).flatMap(({ packet }) => (packet.cmd === 'connect' ? [packet.clientId] : []));
    expect(clients).toEqual(['probe']);
  });

  it('gives every device one connection of its own', async () => {
    const script = await scripted((received) => {
      politely(received);
      if (isPublish(received)) received.reply({ cmd: 'puback', messageId: received.packet.messageId ?? 0 });
    });
    const broker = await connected(script, { connections: 3 });
    for (let n = 0; n < 30; n += 1)
      for (const kind of ['notifications', 'control']) await broker.publish(`devices/d${n}/${kind}`, Buffer.from('x'));
    const used = new Map<string, Set<number>>();
    for (const { packet, connection } of script.received.all) {
      if (packet.cmd !== 'publish') continue;
      const device = packet.topic.split('/')[1] ?? '';
      used.set(device, (used.get(device) ?? new Set()).add(connection));
    }
    expect([...used.values()].every((connections) => connections.size === 1)).toBe(true);
    expect(new Set([...used.values()].flatMap((connections) => [...connections])).size).toBe(3);
  });

  it('starts although nobody is there, and refuses publishes at once until then', async () => {
    const broker = new OutsideBroker({ address: parseBrokerAddress('mqtt://127.0.0.1:1'), clientId: 'intake', log: silentLog });
    open.push(broker);
    await broker.start(async () => undefined);
    expect(broker.connected).toBe(false);
    await expect(broker.publish('devices/a/control', Buffer.from('x'))).rejects.toMatchObject({ ambiguous: false });
  });

  it('comes back after the broker refused it', async () => {
    const script = await scripted((received) => {
      const refused = received.packet.cmd === 'connect' && script.received.all.filter(({ packet }) => packet.cmd === 'connect').length <= 2;
      if (refused) received.reply({ cmd: 'connack', returnCode: 3, sessionPresent: false });
      else politely(received);
    });
    const broker = await connected(script);
    expect(broker.connected).toBe(true);
  });
});

describe('AcknowledgingSubscriber', () => {
  it('asks for a session that outlives the connection, under its own name', async () => {
    const script = await scripted(politely);
    subscriber(script, async () => undefined);
    const { packet } = await script.received.first();
    expect(packet).toMatchObject({ cmd: 'connect', clean: false, clientId: 'intake', keepalive: 30 });
  });

  it('acknowledges in the order in which messages are safe, none before', async () => {
    const release = new Map<string, () => void>();
    const taken = new Inbox<string>();
    const script = await scripted((received) => {
      politely(received);
      if (received.packet.cmd === 'subscribe') for (const id of [1, 2, 3]) received.reply(message(`devices/${id}/acks`, String(id), id));
    });
    subscriber(script, async ({ payload }) => {
      await new Promise<void>((resolve) => {
        release.set(payload.toString(), resolve);
        taken.put(payload.toString());
      });
    });
    await taken.count(3);
    for (const [index, id] of [3, 1, 2].entries()) {
      release.get(String(id))?.();
      expect((await pubacks(script, index + 1)).at(-1)).toBe(id);
    }
    expect(await pubacks(script, 3)).toEqual([3, 1, 2]);
  });

  it('does not acknowledge on a new connection what came on the old one: the broker counts its packet ids anew', async () => {
    const taken = new Inbox<string>();
    let release = () => {};
    const script = await scripted((received) => {
      politely(received);
      const { packet, connection, reply } = received;
      if (packet.cmd === 'subscribe') reply(message('devices/a/acks', connection === 1 ? 'old' : 'new', connection));
    });
    subscriber(script, async ({ payload }) => {
      taken.put(payload.toString());
      if (payload.toString() === 'old') await new Promise<void>((resolve) => (release = resolve));
      else release();
    });
    await taken.first((text) => text === 'old');
    script.received.all.find(({ connection }) => connection === 1)?.cut();
    await taken.first((text) => text === 'new');
    expect(await pubacks(script, 1)).toEqual([2]);
  });

  it('says that its subscription was refused, and tries again', async () => {
    const { log, lines } = linesOf();
    const script = await scripted((received) => {
      const { packet, connection, reply } = received;
      if (packet.cmd === 'subscribe' && connection === 1) reply({ cmd: 'suback', messageId: 1, granted: [128] });
      else politely(received);
      if (packet.cmd === 'subscribe' && connection === 2) reply(message('devices/a/acks', 'x', 1));
    });
    const taken = new Inbox<IncomingMessage>();
    subscriber(script, async (each) => taken.put(each), { log });
    await taken.first();
    expect(await lines.first()).toContain('the broker refuses our subscription to devices/+/acks with QoS 1');
  });

  it('does not take an older status for the latest after it was refused', async () => {
    const attempts: string[] = [];
    const script = await scripted((received) => {
      politely(received);
      if (received.packet.cmd === 'subscribe') received.reply(message('devices/a/status', 'old', 1));
    });
    subscriber(
      script,
      async ({ payload }) => {
        attempts.push(payload.toString());
        if (payload.toString() !== 'old') return;
        // The newer one comes once this one was refused and waits to be tried again.
        setImmediate(() =>
          script.received.all.find(({ packet }) => packet.cmd === 'subscribe')?.reply(message('devices/a/status', 'new', 2)),
        );
        throw new Error('the database is away');
      },
      { firstRetryMs: 200 },
    );
    expect(await pubacks(script, 2)).toEqual([1, 2]);
    expect(attempts).toEqual(['old', 'new']);
  });

  it('takes a refused acknowledgement again although a newer one came', async () => {
    const attempts: string[] = [];
    const script = await scripted((received) => {
      politely(received);
      if (received.packet.cmd === 'subscribe') received.reply(message('devices/a/acks', 'old', 1));
    });
    subscriber(
      script,
      async ({ payload }) => {
        attempts.push(payload.toString());
        if (attempts.length > 1) return;
        setImmediate(() =>
          script.received.all.find(({ packet }) => packet.cmd === 'subscribe')?.reply(message('devices/a/acks', 'new', 2)),
        );
        throw new Error('the database is away');
      },
      { firstRetryMs: 200 },
    );
    expect(await pubacks(script, 2)).toEqual([2, 1]);
    expect(attempts).toEqual(['old', 'new', 'old']);
  });

  it('leaves a broker that fell silent', async () => {
    const script = await scripted((received) => {
      if (received.packet.cmd !== 'pingreq' || received.connection > 1) politely(received);
    });
    subscriber(script, async () => undefined, { keepaliveMs: 300 });
    expect(await script.closed.first()).toBe(1);
    await script.received.first(({ packet, connection }) => packet.cmd === 'subscribe' && connection === 2);
  });

  it('leaves a broker that does not answer', async () => {
    const script = await scripted((received) => {
      if (received.connection > 1) politely(received);
    });
    subscriber(script, async () => undefined, { connectTimeoutMs: 500 });
    await script.received.first(({ packet, connection }) => packet.cmd === 'subscribe' && connection === 2);
    expect(script.closed.all).toEqual([1]);
  });

  it('reads no further while its window is full, stays connected, and goes on when there is room', async () => {
    const release: (() => void)[] = [];
    const taken = new Inbox<number>();
    let pings = 0;
    const full = new Inbox<number>();
    const script = await scripted((received) => {
      politely(received);
      if (received.packet.cmd === 'subscribe')
        for (let id = 1; id <= 100; id += 1) received.reply(message('devices/a/acks', Buffer.alloc(64 * 1024), id));
      if (received.packet.cmd === 'pingreq' && taken.all.length > 0) full.put((pings += 1));
    });
    subscriber(
      script,
      async () => {
        taken.put(1);
        await new Promise<void>((resolve) => release.push(resolve));
      },
      { window: 4, keepaliveMs: 400 },
    );
    // Four pings without a readable answer: one that takes the silence for death would have left at the second.
    await full.count(4);
    expect(taken.all.length).toBeLessThan(10);
    expect(script.closed.all).toEqual([]);
    while (taken.all.length < 100 || release.length > 0) {
      for (const each of release.splice(0)) each();
      if (taken.all.length < 100) await taken.next();
    }
    expect(await pubacks(script, 100)).toHaveLength(100);
    expect(script.closed.all).toEqual([]);
  });

  it('acknowledges what the handler ends while stopping, and takes nothing new', async () => {
    const taken = new Inbox<string>();
    let release = () => {};
    const script = await scripted((received) => {
      politely(received);
      if (received.packet.cmd === 'subscribe') received.reply(message('devices/a/acks', 'last', 1));
    });
    const stopping = subscriber(script, async ({ payload }) => {
      taken.put(payload.toString());
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    await taken.first();
    const stopped = stopping.stop(2000);
    release();
    await stopped;
    await script.received.first(({ packet }) => packet.cmd === 'disconnect');
    expect(script.received.all.map(({ packet }) => packet.cmd)).toEqual(['connect', 'subscribe', 'puback', 'disconnect']);
  });
});
