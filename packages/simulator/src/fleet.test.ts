import { playOfLog, screenEvent, statusMessage } from '@marquee/contracts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fleet, type FleetOptions } from './index.js';
import { CAMPAIGN, manifest, TestBroker } from './test/broker.js';

let broker: TestBroker;
const fleets: Fleet[] = [];

beforeEach(async () => {
  broker = await TestBroker.start();
});
afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.stop()));
  await broker.stop();
});

async function start(options: FleetOptions): Promise<Fleet> {
  const fleet = new Fleet({ broker: broker.url, ...options });
  fleets.push(fleet);
  await fleet.start();
  return fleet;
}

async function tellAll(fleet: Fleet, message: unknown): Promise<void> {
  await Promise.all(fleet.screens.map((id) => broker.tell(id, 'notifications', message)));
}

/** Resolves when the screen has dealt with all that it was told: it answers a revoke of some other campaign last. */
async function settled(id: string): Promise<void> {
  const campaignId = `barrier ${Math.random()}`;
  await broker.tell(id, 'control', { type: 'revoke', campaignId });
  await broker.until('acks', 1, { campaignId });
}

describe('presence', () => {
  test('every screen is online, retained, once the fleet has started, and offline once it has stopped', async () => {
    const fleet = await start({ screens: 450 });
    expect(fleet.connections).toBe(3);
    const online = await broker.retained(450);
    for (const { topic, ...body } of online) {
      const { deviceId, status } = statusMessage.parse(body);
      expect({ topic, status }).toEqual({ topic: `devices/${deviceId}/status`, status: 'online' });
    }
    expect(new Set(online.map(({ topic }) => topic)).size).toBe(450);
    await fleet.stop();
    expect((await broker.retained(450)).filter(({ status }) => status !== 'offline')).toEqual([]);
  });

  test('the share that is switched off is exact, known to the broker as offline, and receives nothing', async () => {
    const fleet = await start({ screens: 40, offline: 0.05 });
    const off = (await broker.retained(40)).filter(({ status }) => status === 'offline');
    expect(off).toHaveLength(2);
    for (const { deviceId } of off) await broker.tell(deviceId as string, 'notifications', manifest());
    await tellAll(fleet, manifest());
    await fleet.installs(CAMPAIGN).reached(38);
    expect(fleet.counts()).toMatchObject({ online: 38, manifests: 38 });
  });

  test('a screen with a connection of its own that loses it is reported by its will, and comes back by itself, subscribed', async () => {
    const fleet = await start({ screens: 3, connections: 'each' });
    const [id = ''] = fleet.screens;
    await broker.until('status', 3, { status: 'online' });
    fleet.cut(id);
    const [will] = await broker.until('status', 1, { status: 'offline' });
    expect(will?.body['deviceId']).toBe(id);
    await broker.until('status', 4, { status: 'online' });
    await broker.tell(id, 'notifications', manifest());
    await broker.until('acks', 1, { deviceId: id, eventType: 'INSTALL_ACK' });
    expect(fleet.counts()).toMatchObject({ online: 3, lost: 1 });
  });

  test('a broker that is not there is one sentence, and nothing is left running', async () => {
    const fleet = new Fleet({ screens: 500, broker: 'mqtt://127.0.0.1:9' });
    await expect(fleet.start()).rejects.toThrow(/^The broker at mqtt:\/\/127\.0\.0\.1:9 could not be reached: .*ECONNREFUSED/);
  });

  test('a fleet that is stopped while it starts ends both', async () => {
    const fleet = new Fleet({ screens: 1000, connections: 'each', connectsPerSecond: 50, broker: broker.url });
    const started = fleet.start();
    await broker.until('status', 5, { status: 'online' });
    await fleet.stop();
    await started;
    expect(fleet.counts().online).toBe(0);
    expect(broker.find('status', { status: 'online' }).length).toBeLessThan(1000);
  });
});

describe('installing', () => {
  test('each screen acknowledges under its own topic, with an event as the contract wants it', async () => {
    const fleet = await start({ screens: 30, connections: 2 });
    await tellAll(fleet, manifest({ version: 7 }));
    const acks = await broker.until('acks', 30);
    const events = acks.map(({ topic, body }) => {
      const event = screenEvent.parse(body);
      expect(topic).toBe(`devices/${event.deviceId}/acks`);
      expect(event).toMatchObject({ eventType: 'INSTALL_ACK', campaignId: CAMPAIGN, version: 7 });
      return event;
    });
    expect(new Set(events.map((event) => event.deviceId)).size).toBe(30);
    expect(new Set(events.map((event) => event.eventId)).size).toBe(30);
    await fleet.installs(CAMPAIGN).reached(30);
    expect(fleet.counts()).toMatchObject({ sent: 30, accepted: 30 });
  });

  test('the same manifest is answered again only when more than 5 s have passed', async () => {
    let now = 1000;
    const fleet = await start({ screens: 1, monotonic: () => now });
    const [id = ''] = fleet.screens;
    const same = manifest();
    await broker.tell(id, 'notifications', same);
    await settled(id);
    now += 5000;
    await broker.tell(id, 'notifications', same);
    await settled(id);
    now += 1;
    await broker.tell(id, 'notifications', same);
    await settled(id);
    expect(broker.find('acks', { eventType: 'INSTALL_ACK' })).toHaveLength(2);
    expect(fleet.counts()).toMatchObject({ manifests: 3, repeats: 1, installAcks: 2 });
    expect(fleet.manifests(CAMPAIGN).count).toBe(1);
  });

  test('a newer version is answered at once, an older one not at all', async () => {
    const fleet = await start({ screens: 1 });
    const [id = ''] = fleet.screens;
    for (const version of [1, 2, 1]) await broker.tell(id, 'notifications', manifest({ version }));
    await settled(id);
    expect(broker.find('acks', { eventType: 'INSTALL_ACK' }).map(({ body }) => body['version'])).toEqual([1, 2]);
    expect(fleet.counts().ignored).toBe(1);
  });

  test('nothing is acknowledged when everything is dropped, and a revoke still is', async () => {
    const fleet = await start({ screens: 5, drop: 1 });
    await tellAll(fleet, manifest());
    for (const id of fleet.screens) await broker.tell(id, 'control', { type: 'revoke', campaignId: CAMPAIGN });
    await broker.until('acks', 5, { eventType: 'REVOKE_ACK' });
    expect(broker.find('acks')).toHaveLength(5);
    expect(fleet.counts().dropped).toBe(5);
  });

  test('held acknowledgements go out together on release', async () => {
    const fleet = await start({ screens: 20, hold: true });
    await tellAll(fleet, manifest());
    await fleet.manifests(CAMPAIGN).reached(20);
    expect(fleet.counts().sent).toBe(0);
    expect(fleet.release()).toBe(20);
    await fleet.installs(CAMPAIGN).reached(20);
    await broker.until('acks', 20);
  });

  test('what is no manifest is counted and hurts nobody', async () => {
    const fleet = await start({ screens: 2 });
    const [first = '', second = ''] = fleet.screens;
    for (const broken of ['', '{', '[]', 'null', '{"campaignId":7}', '{"campaignId":"x","version":1}', '"\u0000"']) {
      await broker.tell(first, 'notifications', broken);
    }
    await broker.tell(first, 'control', 'nonsense');
    await broker.tell(first, 'control', { type: 'identify' });
    await broker.tell(second, 'notifications', manifest({ campaignId: 'not "a" uuid' }));
    const [ack] = await broker.until('acks', 1);
    expect(ack?.body).toMatchObject({ deviceId: second, campaignId: 'not "a" uuid' });
    expect(fleet.counts()).toMatchObject({ malformed: 8, manifests: 1 });
  });
});

describe('showing', () => {
  test('starts at startAt and ends at expireAt, each once', async () => {
    const fleet = await start({ screens: 3 });
    const startAt = Date.now() + 500;
    const expireAt = startAt + 4000;
    await tellAll(fleet, manifest({ startAt, expireAt }));
    await broker.until('acks', 3, { eventType: 'DISPLAY_COMPLETE' });
    for (const { body } of broker.find('acks', { eventType: 'DISPLAY_START' })) {
      expect(body['timestamp']).toBeGreaterThanOrEqual(startAt);
      expect(body['timestamp']).toBeLessThan(expireAt);
    }
    for (const { body } of broker.find('acks', { eventType: 'DISPLAY_COMPLETE' }))
      expect(body['timestamp']).toBeGreaterThanOrEqual(expireAt);
    expect(fleet.counts()).toMatchObject({ installAcks: 3, displayStarts: 3, displayCompletes: 3 });
  });

  test('a campaign that has begun is shown once installed; one that is over is not installed', async () => {
    const fleet = await start({ screens: 1 });
    const [id = ''] = fleet.screens;
    const now = Date.now();
    await broker.tell(id, 'notifications', manifest({ campaignId: 'over', startAt: now - 2000, expireAt: now - 1000 }));
    await broker.tell(id, 'notifications', manifest({ startAt: now - 1000 }));
    await broker.until('acks', 1, { eventType: 'DISPLAY_START' });
    expect(broker.find('acks').map(({ body }) => body['eventType'])).toEqual(['INSTALL_ACK', 'DISPLAY_START']);
    expect(fleet.counts().ignored).toBe(1);
  });

  test('a revoke takes it off, is answered each time, and its manifest does not come back to life', async () => {
    const fleet = await start({ screens: 1, ackDelayMs: { min: 1, max: 5 } });
    const [id = ''] = fleet.screens;
    const revoke = { type: 'revoke', campaignId: CAMPAIGN };
    await broker.tell(id, 'notifications', manifest({ startAt: Date.now() - 1000 }));
    await broker.until('acks', 1, { eventType: 'DISPLAY_START' });
    await broker.tell(id, 'control', revoke);
    await broker.until('acks', 1, { eventType: 'REVOKE_ACK' });
    await broker.tell(id, 'notifications', manifest({ version: 2 }));
    await broker.tell(id, 'control', revoke);
    await broker.until('acks', 2, { eventType: 'REVOKE_ACK' });
    const order = broker.find('acks').map(({ body }) => body['eventType']);
    expect(order).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE', 'REVOKE_ACK', 'REVOKE_ACK']);
    expect(fleet.revocations(CAMPAIGN).count).toBe(1);
    expect(fleet.counts().ignored).toBe(1);
  });
});

test('a fleet that is to log what it shows says so in numbered events, piece after piece, and keeps none that the broker has', async () => {
  const fleet = await start({ screens: 1, playLogMs: 100 });
  const [id = ''] = fleet.screens;
  await broker.tell(id, 'notifications', manifest({ startAt: Date.now() - 1000, version: 4 }));
  const logs = (await broker.until('acks', 2, { eventType: 'PLAY_LOG' })).map(({ body }) => screenEvent.parse(body));
  const plays = logs.flatMap(({ payload }) => playOfLog.array().parse(payload?.['plays']));
  expect(logs[0]).toMatchObject({ deviceId: id, campaignId: CAMPAIGN, version: 4, payload: { seq: 3 } });
  expect(logs[1]).toMatchObject({ payload: { seq: 4, series: logs[0]?.payload?.['series'] } });
  expect(plays[0]).toMatchObject({ campaignId: CAMPAIGN, version: 4, assetId: '' });
  expect(plays[1]?.startedAt).toBe((plays[0]?.startedAt ?? 0) + (plays[0]?.durationMs ?? 0));
  await broker.tell(id, 'control', { type: 'replay', fromSeq: 1 });
  await settled(id);
  expect(broker.find('acks', { eventType: 'DISPLAY_START' })).toHaveLength(2);
  expect(broker.find('acks', { eventId: logs[0]?.eventId })).toHaveLength(1);
});

test('options that cannot be are refused by name', () => {
  for (const [options, name] of [
    [{ screens: 0 }, 'screens'],
    [{ screens: 1, prefix: 'a/b' }, 'prefix'],
    [{ screens: 1, prefix: '+' }, 'prefix'],
    [{ screens: 1, drop: 1.5 }, 'drop'],
    [{ screens: 1, offline: -1 }, 'offline'],
    [{ screens: 1, playLogMs: -1 }, 'playLogMs'],
    [{ screens: 1, connections: 0 }, 'connections'],
    [{ screens: 1, ackDelayMs: { min: 5, max: 1 } }, 'ackDelayMs'],
  ] as const) {
    expect(() => new Fleet(options)).toThrow(new RegExp(`^${name} `));
  }
});
