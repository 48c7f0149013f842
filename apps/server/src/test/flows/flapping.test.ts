import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import type { TestScreen, TestScreenOptions } from '../support/test-screen.js';

let flow: Flow;
beforeAll(async () => {
  // What is repeated within this file is repeated because a screen came back, not by the pace of offers.
  flow = await Flow.start({ OFFER_FIRST_MS: '60000', OFFER_MAX_MS: '600000' });
});
afterAll(() => flow.stop());

async function seen(deviceId: string, status: string): Promise<void> {
  await eventually(async () => expect((await flow.http.get(`/screens/${deviceId}`)).json().status).toBe(status));
}

/** A screen that is registered and online. */
async function registered(deviceId: string, options?: TestScreenOptions): Promise<TestScreen> {
  const screen = await flow.screen(deviceId, options);
  await seen(deviceId, 'online');
  return screen;
}

async function acknowledged(...campaigns: { id: string }[]): Promise<void> {
  for (const { id } of campaigns)
    await eventually(async () => expect((await flow.http.read(`/campaigns/${id}`)).counts.acknowledged).toBe(1));
}

/** Makes what a screen was told last long enough ago for it to be told again when it comes. */
async function quiet(...campaigns: { id: string }[]): Promise<void> {
  const ids = campaigns.map(({ id }) => id);
  await flow.sql(`update deliveries set contacted_at = now() - interval '2 minutes' where campaign_id = any($1)`, [ids]);
}

/** Long enough that what is told twice at a return would have come twice. */
const awhile = (): Promise<void> => delay(800);

/** Connects and vanishes so many times, without ever answering; answers how often it was told each. */
async function flaps(deviceId: string, campaignId: string, times: number): Promise<{ offers: number; revokes: number }> {
  const told = { offers: 0, revokes: 0 };
  for (let time = 0; time < times; time += 1) {
    const screen = await flow.screen(deviceId, { answers: false, installed: [] });
    await seen(deviceId, 'online');
    await screen.vanish();
    await seen(deviceId, 'offline');
    told.offers += screen.offersOf(campaignId);
    told.revokes += screen.revokesOf(campaignId);
  }
  return told;
}

test('a screen that flaps without answering is told now and then, not at each reconnect; once it answers it is told no more', async () => {
  const first = await flow.screen('flapper', { answers: false });
  await seen('flapper', 'online');
  const campaign = await flow.create({ audience: { ids: ['flapper'] } });
  await first.manifests.first();
  await first.vanish();
  const { offers } = await flaps('flapper', campaign.id, 20);
  expect(offers).toBeLessThanOrEqual(5);

  // It comes in a quiet moment: what it was told last is long enough ago.
  await quiet(campaign);
  const back = await flow.screen('flapper', { installed: [] });
  await back.manifests.first();
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.acknowledged).toBe(1));
  await back.close();
  await quiet(campaign);
  const again = await flow.screen('flapper', { installed: [{ campaignId: campaign.id, version: 1 }] });
  const next = await flow.create({ audience: { ids: ['flapper'] } });
  await again.manifests.first((manifest) => manifest.campaignId === next.id);
  expect(again.offersOf(campaign.id)).toBe(0);
  await again.close();
});

test('a revoke, too, is not repeated at each reconnect of a screen that flaps', async () => {
  const screen = await flow.screen('mute', { answers: false });
  await seen('mute', 'online');
  const campaign = await flow.create({ audience: { ids: ['mute'] } });
  await screen.manifests.first();
  await flow.http.post(`/campaigns/${campaign.id}/cancel`);
  await screen.controls.first();
  await screen.vanish();
  const { revokes, offers } = await flaps('mute', campaign.id, 20);
  expect(offers).toBe(0);
  expect(revokes).toBeLessThanOrEqual(6);
});

test('a screen that was away is offered what it lacks when it comes online, at once and once', async () => {
  await flow.register('traveller');
  const campaign = await flow.create({ audience: { ids: ['traveller'] } });
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.SUCCESS).toBe(1));
  const screen = await flow.screen('traveller');
  await screen.manifests.first();
  await acknowledged(campaign);
  await awhile();
  expect(screen.offersOf(campaign.id)).toBe(1);
});

test('a screen that lost what it had gets it again; one that still has it, or does not say, does not', async () => {
  const kept = await registered('wiped');
  const first = await flow.create({ audience: { ids: ['wiped'] } });
  const second = await flow.create({ audience: { ids: ['wiped'] } });
  await acknowledged(first, second);
  await kept.close();
  await quiet(first, second);

  const silent = await registered('wiped');
  await awhile();
  expect(silent.manifests.all).toHaveLength(0);
  await silent.close();
  const intact = await registered('wiped', { installed: [first, second].map(({ id }) => ({ campaignId: id, version: 1 })) });
  await awhile();
  expect(intact.manifests.all).toHaveLength(0);
  await intact.close();
  const half = await flow.screen('wiped', { installed: [{ campaignId: first.id.toUpperCase(), version: 1 }] });
  await half.manifests.first(({ campaignId }) => campaignId === second.id);
  await acknowledged(second);
  await awhile();
  expect(half.offersOf(first.id)).toBe(0);
  expect(half.offersOf(second.id)).toBe(1);
});
