import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
beforeAll(async () => {
  // What is repeated within this file is repeated because a screen came back, not by the pace of offers.
  flow = await Flow.start({ OFFER_FIRST_MS: '60000', OFFER_MAX_MS: '600000' });
});
afterAll(() => flow.stop());

async function seen(deviceId: string, status: string): Promise<void> {
  await eventually(async () => expect((await flow.http.get(`/screens/${deviceId}`)).json().status).toBe(status));
}

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
  await flow.sql(`update deliveries set contacted_at = now() - interval '2 minutes' where campaign_id = $1`, [campaign.id]);
  const back = await flow.screen('flapper', { installed: [] });
  await back.manifests.first();
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.acknowledged).toBe(1));
  await back.close();
  await flow.sql(`update deliveries set contacted_at = now() - interval '2 minutes' where campaign_id = $1`, [campaign.id]);
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
