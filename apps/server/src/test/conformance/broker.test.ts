import { findProgram, requireOrSkip } from '@marquee/testing';
import { generate } from 'mqtt-packet';
import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { IncomingMessage } from '../../broker/broker.js';
import { BrokerHarness } from '../support/broker-harness.js';
import { Inbox } from '../support/inbox.js';

const mosquitto = requireOrSkip(findProgram('mosquitto'), 'mosquitto');

const KINDS = [
  { name: 'embedded broker', missing: false, open: () => BrokerHarness.embedded() },
  { name: 'outside broker (mosquitto)', missing: mosquitto === undefined, open: () => BrokerHarness.outside(mosquitto ?? '') },
];

function textOf(message: IncomingMessage): string {
  return message.payload.toString();
}

/** What is in the second list oftener than in the first. */
function added(before: string[], after: string[]): string[] {
  const known = [...before];
  return after.filter((kind) => {
    const index = known.indexOf(kind);
    if (index >= 0) known.splice(index, 1);
    return index < 0;
  });
}

/** Does it again and again until the effect shows. */
async function repeated(act: () => Promise<unknown>, effect: Promise<unknown>): Promise<void> {
  const again = () => void act().catch(() => undefined);
  again();
  const timer = setInterval(again, 50);
  await effect;
  clearInterval(timer);
}

/** mqtt.js' own `on` knows no EventEmitter's types. */
function eventOf(client: MqttClient, name: 'connect' | 'close'): Promise<void> {
  return new Promise((resolve) => client.once(name, () => resolve()));
}

describe.each(KINDS)('$name', ({ missing, open }) => {
  describe.skipIf(missing)('as a screen broker', () => {
    let harness: BrokerHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());
    afterAll(() => harness.remove());

    it('hands a publish to the screen that subscribed, once, and to no other', async () => {
      const broker = await harness.start(async () => undefined);
      const screen = await harness.screen();
      const got = new Inbox<string>();
      screen.on('message', (topic, payload, packet) => got.put(`${topic} ${String(payload)} qos${packet.qos} retain${packet.retain}`));
      await screen.subscribeAsync('devices/one/notifications', { qos: 1 });

      await broker.publish('devices/two/notifications', Buffer.from('not mine'));
      await broker.publish('devices/one/notifications', Buffer.from('manifest'));
      await broker.publish('devices/one/notifications', Buffer.from('last'));

      await got.first((line) => line.includes('last'));
      expect(got.all).toEqual(['devices/one/notifications manifest qos1 retainfalse', 'devices/one/notifications last qos1 retainfalse']);
    });

    it('asks the gate of a publish once, and hands nothing over when it is closed', async () => {
      const broker = await harness.start(async () => undefined);
      const screen = await harness.screen();
      const got = new Inbox<string>();
      screen.on('message', (_topic, payload) => got.put(String(payload)));
      await screen.subscribeAsync('devices/gated/notifications', { qos: 1 });
      let asked = 0;
      const answer = (may: boolean) => () => {
        asked += 1;
        return may;
      };
      const shut = broker.publish('devices/gated/notifications', Buffer.from('too late'), answer(false));
      await expect(shut).rejects.toMatchObject({ name: 'PublishFailed', ambiguous: false });
      const throwing = (): boolean => {
        throw new Error('no gate');
      };
      await expect(broker.publish('devices/gated/notifications', Buffer.from('nor this'), throwing)).rejects.toMatchObject({
        ambiguous: false,
      });
      await broker.publish('devices/gated/notifications', Buffer.from('in time'), answer(true));
      await got.first((text) => text === 'in time');
      expect(got.all).toEqual(['in time']);
      expect(asked).toBe(2);
    });

    it('keeps no publish for a screen that subscribes later', async () => {
      const broker = await harness.start(async () => undefined);
      await broker.publish('devices/late/notifications', Buffer.from('early'));
      const screen = await harness.screen();
      const got = new Inbox<string>();
      screen.on('message', (_topic, payload) => got.put(String(payload)));
      await screen.subscribeAsync('devices/late/notifications', { qos: 1 });
      await broker.publish('devices/late/notifications', Buffer.from('late'));
      expect(await got.first()).toBe('late');
    });

    it('gives acknowledgements and statuses to the handler, and nothing else', async () => {
      const taken = new Inbox<IncomingMessage>();
      await harness.start(async (message) => taken.put(message));
      const screen = await harness.screen();
      await screen.publishAsync('devices/a/notifications', 'no', { qos: 1 });
      await screen.publishAsync('devices/a/acks/more', 'no', { qos: 1 });
      await screen.publishAsync('elsewhere', 'no', { qos: 1 });
      await screen.publishAsync('devices/a/acks', 'one', { qos: 1 });
      await screen.publishAsync('devices/no id!/status', 'two', { qos: 0 });
      await screen.publishAsync('devices/a/acks', 'three', { qos: 2 });
      const messages = await taken.count(3);
      expect(messages.map((each) => `${each.topic} ${textOf(each)} ${each.retained}`)).toEqual([
        'devices/a/acks one false',
        'devices/no id!/status two false',
        'devices/a/acks three false',
      ]);
    });

    it('gives a message again to the next server when the first was never done with it', async () => {
      const first = new Inbox<string>();
      const never = new Promise<void>(() => undefined);
      const before = await harness.start((message) => {
        first.put(textOf(message));
        return never;
      });
      const screen = await harness.screen();
      screen.publish('devices/a/acks', 'unsafe', { qos: 1 });
      await first.first((text) => text === 'unsafe');
      await before.stop();

      const second = new Inbox<string>();
      await harness.start(async (message) => second.put(textOf(message)));
      await second.first((text) => text === 'unsafe');
    });

    it('does not give a message again that was taken', async () => {
      const first = new Inbox<string>();
      const before = await harness.start(async (message) => first.put(textOf(message)));
      const screen = await harness.screen();
      await screen.publishAsync('devices/a/acks', 'safe', { qos: 1 });
      await first.first((text) => text === 'safe');
      await before.stop();

      const second = new Inbox<string>();
      await harness.start(async (message) => second.put(textOf(message)));
      if (!screen.connected) await eventOf(screen, 'connect');
      await screen.publishAsync('devices/a/acks', 'next', { qos: 1 });
      await second.first((text) => text === 'next');
      expect(second.all).toEqual(['next']);
    });

    it('takes what screens said while the server was away', async () => {
      const before = await harness.start(async () => undefined);
      const screen = await harness.screen();
      await before.stop();
      const said = ['one', 'two', 'three'].map((text) => screen.publishAsync('devices/a/acks', text, { qos: 1 }));
      const taken = new Inbox<string>();
      await harness.start(async (message) => taken.put(textOf(message)));
      await taken.first((text) => text === 'three');
      expect(taken.all).toEqual(expect.arrayContaining(['one', 'two', 'three']));
      await Promise.all(said);
    });

    it('gives a refused message again until it is taken', async () => {
      const attempts = new Inbox<string>();
      await harness.start(async (message) => {
        attempts.put(textOf(message));
        if (attempts.all.length < 3) throw new Error('the database is away');
      });
      const screen = await harness.screen();
      await screen.publishAsync('devices/a/acks', 'stubborn', { qos: 1 });
      expect(await attempts.count(3)).toEqual(['stubborn', 'stubborn', 'stubborn']);
    });

    it('lets a slow message hold up neither its neighbours nor those of other screens', async () => {
      const taken = new Inbox<string>();
      let release = () => {};
      const slow = new Promise<void>((resolve) => {
        release = resolve;
      });
      await harness.start(async (message) => {
        if (textOf(message) === 'slow') await slow;
        taken.put(textOf(message));
      });
      const [one, other] = [await harness.screen(), await harness.screen()];
      const sent = ['slow', 'b', 'c', 'd'].map((text) => one.publishAsync('devices/a/acks', text, { qos: 1 }));
      await other.publishAsync('devices/b/acks', 'other', { qos: 1 });
      await Promise.all(sent.slice(1));
      await taken.count(4);
      expect(taken.all).not.toContain('slow');
      release();
      await taken.first((text) => text === 'slow');
      await Promise.all(sent);
    });

    it('gives the last will of a screen whose connection is cut', async () => {
      const taken = new Inbox<IncomingMessage>();
      await harness.start(async (message) => taken.put(message));
      const will = { topic: 'devices/gone/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true };
      const screen = await harness.screen({ will, reconnectPeriod: 0 });
      screen.stream.destroy();
      const message = await taken.first();
      expect([message.topic, textOf(message)]).toEqual(['devices/gone/status', 'offline']);
    });

    it('gives no last will of a screen that left', async () => {
      const taken = new Inbox<string>();
      await harness.start(async (message) => {
        if (!message.retained) taken.put(textOf(message));
      });
      const will = { topic: 'devices/left/status', payload: Buffer.from('offline'), qos: 1 as const, retain: false };
      const screen = await harness.screen({ will });
      await screen.endAsync();
      const witness = await harness.screen();
      await witness.publishAsync('devices/witness/status', 'witness', { qos: 1 });
      await taken.first((text) => text === 'witness');
      expect(taken.all).toEqual(['witness']);
    });

    it('keeps a status for those who ask later', async () => {
      await harness.start(async () => undefined);
      const screen = await harness.screen();
      await screen.publishAsync('devices/kept/status', 'online', { qos: 1, retain: true });
      const watcher = await harness.screen();
      const got = new Inbox<string>();
      watcher.on('message', (topic, payload, packet) => got.put(`${topic} ${String(payload)} ${packet.retain}`));
      await watcher.subscribeAsync('devices/+/status', { qos: 1 });
      await got.first((line) => line === 'devices/kept/status online true');
    });

    it('outlives clients that send nonsense', async () => {
      const taken = new Inbox<string>();
      await harness.start(async (message) => taken.put(textOf(message)));
      const screen = await harness.screen({ reconnectPeriod: 0 });
      const hello = generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: 'rude', keepalive: 30 });
      const nonsense = [
        Buffer.from('GET / HTTP/1.1\r\n\r\n'),
        Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        Buffer.from([0x30, 0x05, 0x00, 0x01, 0x61, 0x00, 0x00]),
        Buffer.concat([hello, hello]),
        Buffer.concat([hello, Buffer.from([0x82, 0x02, 0x00, 0x01])]),
        Buffer.concat([hello, Buffer.from([0x32, 0x04, 0x00, 0x09, 0x61, 0x00])]),
        Buffer.concat([
          hello,
          generate({ cmd: 'publish', topic: 'a', payload: '', qos: 1, messageId: 1, dup: false, retain: false }).fill(0x23, 4, 5),
        ]),
        Buffer.concat([hello, Buffer.from([0xf0, 0x00])]),
      ];
      for (const bytes of nonsense) {
        const socket = await harness.socket();
        const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
        socket.resume().end(bytes);
        await closed;
      }
      await screen.publishAsync('devices/polite/acks', 'here', { qos: 1 });
      await taken.first((text) => text === 'here');
    });

    it('refuses a packet that is too large, and takes one that is just not', async () => {
      const taken = new Inbox<number>();
      await harness.start(async (message) => {
        if (message.topic === 'devices/large/acks') taken.put(message.payload.length);
      });
      const screen = await harness.screen();
      const greedy = await harness.screen({ reconnectPeriod: 0 });
      greedy.publish('devices/large/acks', Buffer.alloc(300 * 1024), { qos: 1 });
      await eventOf(greedy, 'close');
      await screen.publishAsync('devices/large/acks', Buffer.alloc(256 * 1024), { qos: 1 });
      expect(await taken.count(1)).toEqual([256 * 1024]);
    });

    it('loses none of 20,000 acknowledgements that are stored in batches', async () => {
      const stored = new Set<string>();
      const all = new Inbox<number>();
      let batch: { text: string; done: () => void }[] = [];
      const store = () => {
        const stores = batch;
        batch = [];
        for (const each of stores) {
          stored.add(each.text);
          each.done();
        }
        if (stored.size === 20_000) all.put(stored.size);
      };
      await harness.start(async (message) => {
        if (!message.topic.startsWith('devices/many-')) return;
        if (batch.length === 0) setTimeout(store, 50);
        await new Promise<void>((done) => batch.push({ text: textOf(message), done }));
      });
      const screens = await Promise.all(Array.from({ length: 8 }, () => harness.screen()));
      await Promise.all(
        screens.flatMap((screen, s) =>
          Array.from({ length: 2500 }, (_, n) => screen.publishAsync(`devices/many-${s}-${n % 200}/acks`, `${s}-${n}`, { qos: 1 })),
        ),
      );
      await all.first();
    }, 60_000);

    it('refuses publishes once it has stopped', async () => {
      const broker = await harness.start(async () => undefined);
      expect(broker.connected).toBe(true);
      await broker.stop();
      expect(broker.connected).toBe(false);
      await expect(broker.publish('devices/a/control', Buffer.from('x'))).rejects.toMatchObject({
        name: 'PublishFailed',
        ambiguous: false,
      });
    });

    it('leaves nothing open when it stops', async () => {
      const before = process.getActiveResourcesInfo();
      const broker = await harness.start(async () => undefined);
      const screen = await harness.screen({ reconnectPeriod: 0 });
      await broker.publish('devices/a/control', Buffer.from('x'));
      await broker.stop();
      await screen.endAsync(true);
      await expect.poll(() => added(before, process.getActiveResourcesInfo())).toEqual([]);
    });
  });
});

describe.skipIf(mosquitto === undefined)('an outside broker that restarts', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('is found again after %s, in both directions', async (signal) => {
    const harness = await BrokerHarness.outside(mosquitto ?? '');
    const taken = new Inbox<string>();
    const broker = await harness.start(async (message) => taken.put(textOf(message)));
    const changes = new Inbox<boolean>();
    broker.onConnectionChange((up) => changes.put(up));
    const screen = await harness.screen();
    const got = new Inbox<string>();
    screen.on('message', (_topic, payload) => got.put(String(payload)));
    await screen.subscribeAsync('devices/a/control', { qos: 1 });

    await harness.mosquitto?.halt(signal);
    await changes.first((up) => !up);
    // One connection may learn of it a moment later than the other: until then nobody knows what became of a message.
    const publish = (): Promise<unknown> => broker.publish('devices/a/control', Buffer.from('x')).catch((error: unknown) => error);
    await expect.poll(publish).toMatchObject({ ambiguous: false });
    const sent = screen.publishAsync('devices/a/acks', 'meanwhile', { qos: 1 });
    await harness.mosquitto?.run();
    await changes.first((up) => up);
    await sent;

    // Each side subscribes again on its own; a broker that was killed keeps nothing for either until then.
    await repeated(
      () => screen.publishAsync('devices/a/acks', 'again', { qos: 1 }),
      taken.first((text) => text === 'again'),
    );
    await repeated(() => broker.publish('devices/a/control', Buffer.from('still there')), got.first());
    expect(got.all[0]).toBe('still there');
    await harness.remove();
  });
});
