import { setTimeout as delay } from 'node:timers/promises';
import type { CreatedCampaign } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import type { TestScreen, TestScreenOptions } from '../support/test-screen.js';

const FIRST_MS = 200;

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start({ OFFER_FIRST_MS: String(FIRST_MS), OFFER_MAX_MS: '60000' });
});
afterAll(() => flow.stop());

/** A screen that is registered and online. */
async function registered(deviceId: string, options?: TestScreenOptions): Promise<TestScreen> {
  const screen = await flow.screen(deviceId, options);
  await eventually(async () => expect((await flow.http.get(`/screens/${deviceId}`)).json().status).toBe('online'));
  return screen;
}

function createFor(...ids: string[]): Promise<CreatedCampaign> {
  return flow.create({ audience: { ids } });
}

async function offers(screen: TestScreen, campaign: CreatedCampaign, count: number): Promise<void> {
  await eventually(() => expect(screen.offersOf(campaign.id)).toBeGreaterThanOrEqual(count));
}

function revokes(screen: TestScreen, campaign: CreatedCampaign, count: number): Promise<void> {
  return eventually(() => expect(screen.revokesOf(campaign.id)).toBeGreaterThanOrEqual(count));
}

/** Long enough that an offer or revoke that was to come at its first repetition has come. */
function awhile(): Promise<void> {
  return delay(4 * FIRST_MS);
}

test('a screen that does not answer is offered the same again, ever slower, until it answers; then never', async () => {
  const screen = await registered('deaf', { answers: false });
  const began = performance.now();
  const campaign = await createFor('deaf');
  // Each gap is half to the whole of a length that doubles. From before the first offer, so that none is seen too soon because it was late.
  for (let gaps = 0; gaps <= 4; gaps += 1) {
    await offers(screen, campaign, gaps + 1);
    expect(performance.now() - began).toBeGreaterThan((FIRST_MS / 2) * (2 ** gaps - 1));
  }
  const texts = screen.manifestTexts.filter((text) => text.includes(campaign.id));
  expect(new Set(texts).size).toBe(1);
  const [row] = await flow.sql('select attempt, offers, status from deliveries where campaign_id = $1', [campaign.id]);
  expect(row).toMatchObject({ attempt: 1, status: 'SUCCESS' });
  expect(Number(row?.['offers'])).toBeGreaterThanOrEqual(4);

  await screen.say('INSTALL_ACK', campaign.id);
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.acknowledged).toBe(1));
  const said = screen.offersOf(campaign.id);
  await screen.online([{ campaignId: campaign.id, version: 1 }]);
  await awhile();
  expect(screen.offersOf(campaign.id)).toBe(said);
  await eventually(async () =>
    expect(await flow.sql('select from deliveries where campaign_id = $1 and next_offer_at is not null', [campaign.id])).toHaveLength(0),
  );
});

test('an error is shown and does not end the offers; the installation ends both', async () => {
  const screen = await registered('clumsy', { answers: false });
  const campaign = await createFor('clumsy');
  await offers(screen, campaign, 1);
  await screen.say('ERROR', campaign.id, { payload: { reason: 'disk <full>' } });
  const delivery = async (): Promise<Record<string, unknown>> => (await flow.http.read(`/campaigns/${campaign.id}/deliveries`)).data[0];
  await eventually(async () => expect(await delivery()).toMatchObject({ installError: 'disk <full>', acknowledgedAt: null }));
  expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts).toMatchObject({ failedInstall: 1, acknowledged: 0 });
  await offers(screen, campaign, screen.offersOf(campaign.id) + 1);
  await screen.say('INSTALL_ACK', campaign.id);
  await eventually(async () => expect(await delivery()).toMatchObject({ installError: null, acknowledgedAt: expect.any(Number) }));
  expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts).toMatchObject({ failedInstall: 0, acknowledged: 1 });
});

test('nothing is wasted on a screen that is away; it is offered what it lacks when it comes', async () => {
  await flow.register('traveller');
  const campaign = await createFor('traveller');
  // The next repetition is minutes off.
  await eventually(async () => {
    const [row] = await flow.sql(
      `select offers, next_offer_at > now() + interval '1 minute' as later from deliveries where campaign_id = $1`,
      [campaign.id],
    );
    expect(row).toEqual({ offers: 0, later: true });
  });
  const screen = await flow.screen('traveller');
  await offers(screen, campaign, 1);
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.acknowledged).toBe(1));
});

test('what a screen has of a cancelled campaign is revoked until it says that it is gone, as often as it lists it', async () => {
  const screen = await registered('hoarder', { answers: false });
  const campaign = await createFor('hoarder');
  await offers(screen, campaign, 1);
  await screen.say('INSTALL_ACK', campaign.id);
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.acknowledged).toBe(1));
  await flow.http.post(`/campaigns/${campaign.id}/cancel`);
  await revokes(screen, campaign, 3);
  await screen.say('REVOKE_ACK', campaign.id);
  const clean = async (n: number): Promise<void> =>
    eventually(async () => expect(await flow.http.read(`/campaigns/${campaign.id}/clearance`)).toMatchObject({ clean: n }));
  await clean(1);
  const said = screen.revokesOf(campaign.id);
  await awhile();
  expect(screen.revokesOf(campaign.id)).toBe(said);
  await screen.close();

  // It comes back from a backup that has it.
  const back = await flow.screen('hoarder', { answers: false, installed: [{ campaignId: campaign.id, version: 1 }] });
  await revokes(back, campaign, 2);
  await clean(0);
  await back.say('REVOKE_ACK', campaign.id);
  await clean(1);
  expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts).toMatchObject({ revoked: 1 });
  expect(back.offersOf(campaign.id)).toBe(0);
});

test('a screen away at the cancel is revoked when it comes; one never offered the campaign is clean', async () => {
  const away = await registered('away');
  await flow.register('never');
  const campaign = await flow.create({ audience: { ids: ['away'] } });
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.acknowledged).toBe(1));
  await away.close();
  await eventually(async () => expect((await flow.http.read('/screens/away')).status).toBe('offline'));
  const cancelled = await flow.http.post(`/campaigns/${campaign.id}/cancel`);
  expect(cancelled.status).toBe(200);
  expect(await flow.http.read(`/campaigns/${campaign.id}/clearance`)).toEqual({
    clean: 0,
    dirty: 0,
    unreachable: 1,
    latestEnd: campaign.expireAt,
  });
  const back = await flow.screen('away');
  await revokes(back, campaign, 1);
  await eventually(async () =>
    expect(await flow.http.read(`/campaigns/${campaign.id}/clearance`)).toEqual({ clean: 1, dirty: 0, unreachable: 0, latestEnd: null }),
  );
  const manual = await flow.create({ dispatch: 'manual' });
  await flow.http.post(`/campaigns/${manual.id}/cancel`);
  expect(await flow.http.read(`/campaigns/${manual.id}/clearance`)).toEqual({ clean: 0, dirty: 0, unreachable: 0, latestEnd: null });
});

test('what a screen was never given is taken off it', async () => {
  const mine = await createFor('nobody-in-particular');
  await flow.register('borrowed');
  await eventually(async () => expect(await flow.sql('select from devices where to_join')).toHaveLength(0));
  const screen = await flow.screen('borrowed', {
    answers: false,
    installed: [
      { campaignId: mine.id, version: 1 },
      { campaignId: 'not-one-of-ours', version: 3 },
    ],
  });
  await within(30_000, 'the revoke', screen.controls.first());
  expect(screen.controlTexts).toEqual([JSON.stringify({ type: 'revoke', campaignId: mine.id })]);
});

test('a screen new to us that has a campaign which means it keeps it', async () => {
  const campaign = await flow.create({ audience: { all: true } });
  const screen = await flow.screen('restored', { answers: false, installed: [{ campaignId: campaign.id, version: 1 }] });
  await offers(screen, campaign, 1);
  expect(screen.revokesOf(campaign.id)).toBe(0);
});

test('cancelled at whatever moment of its way, a campaign stays on no screen and in no account', async () => {
  const screens = await Promise.all(Array.from({ length: 6 }, (_, index) => registered(`target-${index}`)));
  const ids = screens.map((screen) => screen.deviceId);
  const campaigns = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      // Of the first nothing goes out; the last is cancelled when a screen has it: the others are caught wherever they are.
      const campaign = await flow.create({ audience: { ids }, dispatch: index === 0 ? 'manual' : 'auto' });
      await delay(index * index);
      const arrived = screens.map((screen) => screen.manifests.first((manifest) => manifest.campaignId === campaign.id));
      if (index === 39) await within(30_000, 'the offer of the last', Promise.race(arrived));
      const cancelled = await flow.http.post(`/campaigns/${campaign.id}/cancel`);
      expect(cancelled.status, cancelled.text).toBe(200);
      return campaign;
    }),
  );
  for (const campaign of campaigns) {
    await eventually(async () => {
      expect(await flow.sql('select from outbox where aggregate_id = $1 and not processed', [campaign.id])).toHaveLength(0);
      const clearance = await flow.http.read(`/campaigns/${campaign.id}/clearance`);
      expect(clearance).toMatchObject({ dirty: 0, unreachable: 0, latestEnd: null });
    });
    // The player keeps a tombstone, so a revoke that came first counts as well.
    const have = screens.filter((screen) => screen.offersOf(campaign.id) > 0);
    expect(have.filter((screen) => screen.revokesOf(campaign.id) === 0)).toEqual([]);
    const { status, counts } = await flow.http.read(`/campaigns/${campaign.id}`);
    expect(status).toBe('cancelled');
    expect(counts).toMatchObject({ PENDING: 0, IN_PROGRESS: 0, SENDING: 0, UNKNOWN: 0, FAILED: 0 });
    const rows = await flow.sql<{ status: string }>('select status from deliveries where campaign_id = $1', [campaign.id]);
    expect(counts.SUCCESS + counts.CANCELLED).toBe(rows.length);
    expect(counts.SUCCESS).toBe(rows.filter((row) => row.status === 'SUCCESS').length);
    const executions = (await flow.http.read(`/campaigns/${campaign.id}/executions`)).data as { state: string }[];
    expect(executions.every((execution) => execution.state === 'CANCELLED')).toBe(true);
  }
});
