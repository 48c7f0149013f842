import { afterEach, beforeEach, expect, test } from 'vitest';
import { Fleet, type FleetOptions, SAID } from './index.js';
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

test('screens that stay away hear nothing, and come back together, saying what they have', async () => {
  const fleet = await start({ screens: 20, away: { share: 0.2 } });
  const away = fleet.roles.away.map((screen) => fleet.screens[screen] ?? '');
  expect(away).toHaveLength(4);
  await broker.until('status', 16, { status: 'online' });
  await tellAll(fleet, manifest());
  await fleet.installs(CAMPAIGN).reached(16);
  expect(fleet.counts().manifests).toBe(16);
  fleet.steady();
  await broker.until('status', 20, { status: 'online' });
  for (const id of away) await broker.tell(id, 'notifications', manifest());
  await fleet.installs(CAMPAIGN).reached(20);
  const [id = ''] = fleet.screens;
  fleet.switchOn([id], false);
  await broker.until('status', 1, { status: 'offline', deviceId: id });
  fleet.switchOn([id]);
  const told = await broker.until('status', 2, { status: 'online', deviceId: id });
  expect(told.at(-1)?.body['installed']).toEqual([{ campaignId: CAMPAIGN, version: 1 }]);
});

test('a screen that flaps goes and comes over and over', async () => {
  const fleet = await start({ screens: 4, flap: { share: 0.5, onMs: { min: 5, max: 20 }, offMs: { min: 5, max: 20 } } });
  const ids = fleet.roles.flapping.map((screen) => fleet.screens[screen] ?? '');
  expect(ids).toHaveLength(2);
  for (const deviceId of ids) {
    await broker.until('status', 3, { status: 'offline', deviceId });
    await broker.until('status', 3, { status: 'online', deviceId });
  }
});

test('the silent share hears and says nothing; the ledger tells what each screen received, has and said', async () => {
  const fleet = await start({ screens: 10, silent: 0.1 });
  const [silent = -1] = fleet.roles.silent;
  await tellAll(fleet, manifest());
  await tellAll(fleet, manifest());
  await expect.poll(() => fleet.counts().manifests).toBe(20);
  await fleet.installs(CAMPAIGN).reached(9);
  const [ledger] = fleet.ledgers();
  expect(ledger?.received).toEqual(new Uint16Array(10).fill(2));
  expect(ledger?.said.filter((said) => (said & SAID.INSTALL_ACK) !== 0)).toHaveLength(9);
  expect(ledger?.said[silent]).toBe(0);
  expect([...(ledger?.installed ?? [])]).toEqual(Array.from({ length: 10 }, (_, screen) => (screen === silent ? 0 : 1)));
});

test('a wrong clock shows in the events and is reported, with the sign of what is to be added to it', async () => {
  const fleet = await start({ screens: 6, skew: { share: 0.5, ms: { min: 60_000, max: 90_000 } } });
  await tellAll(fleet, manifest());
  for (const [screen, deviceId] of fleet.screens.entries()) {
    const skew = fleet.roles.skewMs[screen] ?? 0;
    const [event] = await broker.until('acks', 1, { deviceId });
    expect(Math.abs(Number(event?.body['timestamp']) - Date.now() - skew)).toBeLessThan(30_000);
    const [status] = await broker.until('status', 1, { deviceId, status: 'online' });
    expect(status?.body['clockOffsetMs']).toBe(0 - skew);
  }
  expect(fleet.roles.skewMs.filter((skew) => Math.abs(skew) >= 60_000)).toHaveLength(3);
});
