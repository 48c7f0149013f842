import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../kit/log.js';
import { eventually } from '../test/support/eventually.js';
import { freePort } from '@marquee/testing';
import { TestScreen } from '../test/support/test-screen.js';
import type { MessageHandler } from './broker.js';
import { BrokerSeat } from './seat.js';
import { SharedBroker } from './shared-broker.js';

let folder: string;
let port: number;
let wsPort: number;
const ends: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-seat-'));
  [port, wsPort] = [await freePort(), await freePort()];
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  await rm(folder, { recursive: true, force: true });
});

interface Opened {
  broker: SharedBroker;
  /** What its screens said, in the order in which this one took it; `opened` when it let the first in. */
  told: string[];
}

async function open(more: Partial<ConstructorParameters<typeof SharedBroker>[0]> = {}): Promise<Opened> {
  const told: string[] = [];
  const take: MessageHandler = async ({ topic }) => void told.push(topic);
  const broker = new SharedBroker({
    seat: new BrokerSeat(folder, silentLog),
    database: () => Promise.resolve('one'),
    mayRun: true,
    host: '127.0.0.1',
    port,
    wsPort,
    beforeScreens: async () => void told.push('opened'),
    onError: () => undefined,
    log: silentLog,
    ...more,
  });
  ends.push(
    () => broker.leave(),
    () => broker.stop(),
  );
  await broker.start(take);
  return { broker, told };
}

async function connected(broker: SharedBroker): Promise<void> {
  await eventually(() => expect(broker.connected).toBe(true));
}

async function reaches(broker: SharedBroker, screen: TestScreen, campaignId: string): Promise<void> {
  const manifest = Buffer.from(JSON.stringify({ campaignId, version: 1 }));
  await eventually(async () => {
    await broker.publish(`devices/${screen.deviceId}/notifications`, manifest);
    expect(screen.offersOf(campaignId)).toBeGreaterThan(0);
  });
}

test('the second publishes through the first, takes nothing, and runs it on the same ports once the first has left', async () => {
  const first = await open();
  const others = [await freePort(), await freePort()] as const;
  const second = await open({ port: others[0], wsPort: others[1] });
  const ran: string[] = [];
  second.broker.onRun(() => ran.push('second'));
  await connected(second.broker);
  const screen = await TestScreen.connect(`mqtt://127.0.0.1:${port}`, 'one', { answers: false });
  ends.push(() => screen.close());
  await reaches(second.broker, screen, 'through-the-first');
  expect(first.told).toEqual(['opened', 'devices/one/status']);
  expect(second.told).toEqual([]);
  for (const { broker } of [first, second]) {
    const closed = broker.publish(`devices/${screen.deviceId}/notifications`, Buffer.from('late'), () => false);
    await expect(closed).rejects.toMatchObject({ ambiguous: false });
  }
  expect(await second.broker.place()).toMatchObject({ port, wsPort });

  await first.broker.stop();
  // What the first took is not written yet: nobody lets screens in who would be said to be offline afterwards.
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([ran, second.broker.connected]).toEqual([[], false]);
  await first.broker.leave();
  await connected(second.broker);
  await reaches(second.broker, screen, 'from-the-second');
  expect(ran).toEqual(['second']);
  // By itself, as it does after every reconnect.
  await eventually(() => expect(second.told).toEqual(['opened', 'devices/one/status']));
});

test('of many that start at once one runs it', async () => {
  const all = await Promise.all(Array.from({ length: 6 }, () => open()));
  for (const { broker } of all) await connected(broker);
  expect(all.flatMap(({ told }) => told)).toEqual(['opened']);
});

test('one that may not run it waits for one that may, and says meanwhile that nothing was sent', async () => {
  const { broker } = await open({ mayRun: false });
  expect(broker.connected).toBe(false);
  await expect(broker.publish('devices/one/notifications', Buffer.from(''))).rejects.toMatchObject({ ambiguous: false });
  await open();
  await connected(broker);
});

test('one that may not run it follows it to other ports', async () => {
  const first = await open();
  const worker = await open({ mayRun: false });
  await connected(worker.broker);
  await first.broker.stop();
  await first.broker.leave();
  [port, wsPort] = [await freePort(), await freePort()];
  await open();
  const screen = await TestScreen.connect(`mqtt://127.0.0.1:${port}`, 'moved', { answers: false });
  ends.push(() => screen.close());
  await connected(worker.broker);
  await reaches(worker.broker, screen, 'after-the-move');
});

test('a port that somebody else has is said at the start, by the name of its setting', async () => {
  const stranger = createServer().listen(port, '127.0.0.1');
  await once(stranger, 'listening');
  await expect(open()).rejects.toThrow(/MQTT_PORT/);
  stranger.close();
  await once(stranger, 'close');
  await open();
});

test('one of another database neither joins the broker nor takes its place, and says which process has it', async () => {
  const first = await open();
  await expect(open({ database: () => Promise.resolve('another') })).rejects.toThrow(
    new RegExp(`^process ${process.pid} runs the broker of this DATA_DIR for another database than DATABASE_URL names here: `),
  );
  const worker = await open();
  await connected(worker.broker);
  await first.broker.stop();
  await first.broker.leave();
});
