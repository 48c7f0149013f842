import type { ServerResponse } from 'node:http';
import type { CampaignView, CreatedCampaign, EditCampaignInput, Manifest, VersionView } from '@marquee/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OriginServer, pngNamed, sha256, upload } from '../support/assets.js';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { type Answer, expectProblem } from '../support/http-client.js';
import type { TestScreen } from '../support/test-screen.js';

let flow: Flow;
let origin: OriginServer;
/** Answers that are held until the test lets them go. */
const held = new Map<string, ServerResponse>();

beforeAll(async () => {
  origin = await OriginServer.start((path, response) => {
    held.set(path, response);
  });
  // Repeats are far away: what comes sooner came because of what happened.
  flow = await Flow.start({ OFFER_FIRST_MS: '60000', ASSET_FETCH_ALLOW: '127.0.0.1', ASSET_WAIT_MS: '60000' });
});
afterAll(async () => {
  await flow.stop();
  await origin.stop();
});

/** The body that says what the campaign says, but for `more`. */
function bodyOf(campaign: CampaignView, more: Partial<EditCampaignInput> = {}): EditCampaignInput {
  const { name, startAt, expireAt, metadata, priority, window, assets } = campaign;
  return { name, startAt: startAt ?? 0, expireAt: expireAt ?? 0, metadata, priority, window, assets, ...more };
}

async function put(campaign: CampaignView, more: Partial<EditCampaignInput>, version = campaign.version): Promise<Answer> {
  return await flow.http.send('PUT', `/campaigns/${campaign.id}`, {
    body: bodyOf(campaign, more),
    headers: { 'if-match': `"${version}"` },
  });
}

/** Edits a campaign, which must be taken. */
async function edit(campaign: CampaignView, more: Partial<EditCampaignInput>): Promise<CreatedCampaign> {
  const answer = await put(campaign, more);
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers['etag']).toBe(`"${answer.json().version}"`);
  return answer.json() as CreatedCampaign;
}

function offered(screen: TestScreen, { id }: { id: string }, version: number, ms = 30_000): Promise<Manifest> {
  return within(
    ms,
    `version ${version}`,
    screen.manifests.first((manifest) => manifest.campaignId === id && manifest.version === version),
  );
}

/** The campaign as it is offered: its page and its manifest say the same version. */
async function expectWhole(manifest: Manifest, name: string): Promise<void> {
  const page = await fetch(manifest.templateUrl);
  const html = await page.text();
  expect(sha256(Buffer.from(html))).toBe(manifest.templateChecksum);
  expect(html).toContain(`data-version="${manifest.version}"`);
  expect(html).toContain(`<title>${name}</title>`);
  for (const asset of manifest.assets) expect(html).toContain(asset.id);
}

const versionsOf = async ({ id }: { id: string }): Promise<VersionView[]> => (await flow.http.read(`/campaigns/${id}/versions`)).data;
const acknowledgedBy = async (campaign: { id: string }): Promise<number[]> =>
  (await versionsOf(campaign)).map(({ acknowledged }) => acknowledged);
const countsOf = async ({ id }: { id: string }): Promise<Record<string, number>> => (await flow.http.read(`/campaigns/${id}`)).counts;

/** A campaign that this screen alone has and has acknowledged. */
async function playing(
  deviceId: string,
  more: Parameters<Flow['create']>[0] = {},
): Promise<{ screen: TestScreen; campaign: CreatedCampaign }> {
  const screen = await flow.screen(deviceId);
  await eventually(async () => expect((await flow.http.read(`/screens/${deviceId}`)).status).toBe('online'));
  const campaign = await flow.create({ name: 'First', audience: { ids: [deviceId] }, ...more });
  await expectWhole(await offered(screen, campaign, 1), 'First');
  await eventually(async () => expect(await countsOf(campaign)).toMatchObject({ acknowledged: 1 }));
  return { screen, campaign };
}

describe('an edit', () => {
  test('of a campaign that plays reaches its screen as the next version, and counts anew', async () => {
    const { screen, campaign } = await playing('plays');
    const kept = await upload(flow.http, pngNamed('second'));
    const got = await flow.http.get(`/campaigns/${campaign.id}`);
    expect(got.headers['etag']).toBe('"1"');
    const second = await edit(campaign, { name: 'Second', assets: [{ assetType: 'image', url: kept.url, durationMs: 4000 }], priority: 3 });
    expect(second).toMatchObject({ id: campaign.id, version: 2, name: 'Second', priority: 3 });
    const manifest = await offered(screen, campaign, 2);
    expect(manifest).toMatchObject({ priority: 3, assets: [{ url: kept.url, checksum: kept.sha256 }], slides: [{ durationMs: 4000 }] });
    expect(manifest.manifestId).not.toBe((await offered(screen, campaign, 1)).manifestId);
    await expectWhole(manifest, 'Second');
    await eventually(async () => expect(await acknowledgedBy(campaign)).toEqual([1, 0]));
    expect(await flow.http.read(`/campaigns/${campaign.id}`)).toMatchObject({
      version: 2,
      liveVersion: 2,
      status: 'active',
      counts: { acknowledged: 1 },
    });
    // The first version's page and assets stay for who has it.
    await expectWhole(await offered(screen, campaign, 1), 'First');
  });

  test('that changes nothing makes no version', async () => {
    const { screen, campaign } = await playing('unchanged');
    const now = await flow.http.read(`/campaigns/${campaign.id}`);
    expect(await edit(now, {})).toMatchObject({ version: 1 });
    const answer = await flow.http.send('PUT', `/campaigns/${campaign.id}`, { body: now, headers: { 'if-match': 'W/"1"' } });
    expect(answer.json(), 'put back as it came').toMatchObject({ version: 1 });
    expect(await versionsOf(campaign)).toHaveLength(1);
    expect(screen.offersOf(campaign.id)).toBe(1);
  });

  test('that others made at the same moment wins once, and each loser is told the version there is', async () => {
    const { screen, campaign } = await playing('raced');
    const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => put(campaign, { name: `Edit ${index}` })));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    for (const lost of answers.filter((answer) => !won.includes(answer))) {
      expectProblem(lost, 412, 'PRECONDITION_FAILED');
      expect(lost.json()).toMatchObject({ version: 2 });
    }
    await expectWhole(await offered(screen, campaign, 2), won[0]?.json().name);
    expect(await versionsOf(campaign)).toHaveLength(2);
  });

  test('of a draft is what is built', async () => {
    const screen = await flow.screen('draft');
    const campaign = await flow.create({ audience: { ids: ['draft'] }, dispatch: 'manual' });
    const second = await edit(campaign, { name: 'Meant', audience: { ids: ['draft', 'other'] } });
    await eventually(async () =>
      expect(await flow.http.read(`/campaigns/${campaign.id}`)).toMatchObject({ status: 'ready', liveVersion: 2 }),
    );
    expect(second.audience).toEqual({ ids: ['draft', 'other'] });
    await flow.http.post(`/campaigns/${campaign.id}/dispatch`);
    await expectWhole(await offered(screen, campaign, 2), 'Meant');
    expect(screen.offersOf(campaign.id)).toBe(1);
  });

  test('that takes an asset out does not wait for it, and the late build of what it was brings nothing back', async () => {
    const screen = await flow.screen('impatient');
    const campaign = await flow.create({ audience: { ids: ['impatient'] }, assets: [{ assetType: 'image', url: `${origin.base}/never` }] });
    await eventually(() => expect(held.has('/never')).toBe(true));
    await edit(campaign, { name: 'Second', assets: [{ assetType: 'image', url: `${flow.server.url}/assets/${'0'.repeat(64)}` }] });
    await expectWhole(await offered(screen, campaign, 2), 'Second');
    held.get('/never')?.end(pngNamed('never'));
    await eventually(async () =>
      expect(await flow.sql(`select from asset_sources where url like '%/never' and state = 'stored'`)).toHaveLength(1),
    );
    await eventually(async () =>
      expect(await flow.sql('select from outbox where aggregate_id = $1 and not processed', [campaign.id])).toHaveLength(0),
    );
    expect(await flow.sql('select version from templates where campaign_id = $1', [campaign.id])).toEqual([{ version: 2 }]);
    expect(screen.offersOf(campaign.id)).toBe(1);
  });

  test('needs to say which version it is meant for, and a campaign that may change', async () => {
    const { campaign } = await playing('refused');
    const path = `/campaigns/${campaign.id}`;
    const body = bodyOf(campaign, { name: 'Other' });
    expectProblem(await flow.http.send('PUT', path, { body }), 428, 'PRECONDITION_REQUIRED');
    expectProblem(await flow.http.send('PUT', path, { body, headers: { 'if-match': 'yesterday' } }), 400, 'VALIDATION_FAILED');
    expectProblem(await put(campaign, { name: 'Other' }, 7), 412, 'PRECONDITION_FAILED');
    expect(expectProblem(await put(campaign, { expireAt: Date.now() - 1, startAt: 1 }), 400)).toMatch(/expireAt/);
    expect(expectProblem(await put(campaign, { assets: [] }), 400)).toMatch(/assets/);
    expect(expectProblem(await put(campaign, { audience: { all: true } }), 422, 'NOT_SUPPORTED')).toMatch(/audience/);
    expect(await versionsOf(campaign)).toHaveLength(1);
    await flow.http.post(`${path}/cancel`);
    expectProblem(await put(campaign, { name: 'Other' }), 409, 'CONFLICT');
  });
});

async function toHall(deviceId: string): Promise<void> {
  expect((await flow.http.send('PUT', `/screens/${deviceId}`, { body: { groupId: 'hall' } })).status).toBe(200);
}

describe('while the next version is built', () => {
  test('screens keep the one they have, who joins gets that one whole, and nobody counts for the next', async () => {
    await toHall('patient');
    const { screen, campaign } = await playing('patient', { audience: { groups: ['hall'] } });
    const bytes = pngNamed('slow');
    const url = `${origin.base}/slow`;
    const second = await edit(campaign, { name: 'Second', assets: [{ assetType: 'image', url }] });
    expect(await flow.http.read(`/campaigns/${campaign.id}`)).toMatchObject({
      version: 2,
      liveVersion: 1,
      counts: { acknowledged: 0, SUCCESS: 1 },
    });
    const joiner = await flow.screen('joiner');
    await toHall('joiner');
    await expectWhole(await offered(joiner, campaign, 1), 'First');
    expect((await flow.http.get(`/templates/${campaign.id}/index.html`)).text).toContain('<title>First</title>');
    expect(screen.offersOf(campaign.id)).toBe(1);

    held.get('/slow')?.end(bytes);
    for (const each of [screen, joiner]) {
      const manifest = await offered(each, campaign, 2);
      expect(manifest.assets).toMatchObject([{ id: second.assets[0]?.id, checksum: sha256(bytes) }]);
      await expectWhole(manifest, 'Second');
    }
    await eventually(async () => expect(await acknowledgedBy(campaign)).toEqual([2, 0]));
  });

  test('a kill -9 costs the version nothing: it is built and offered afterwards', async () => {
    const { campaign } = await playing('killed');
    const url = `${origin.base}/killed`;
    await edit(campaign, { name: 'Second', assets: [{ assetType: 'image', url }] });
    await eventually(() => expect(held.has('/killed')).toBe(true));
    held.delete('/killed');
    await flow.server.kill();
    await flow.revive();
    const back = await flow.screen('killed', { installed: [{ campaignId: campaign.id, version: 1 }] });
    await eventually(() => expect(held.has('/killed')).toBe(true));
    expect(back.offersOf(campaign.id)).toBe(0);
    held.get('/killed')?.end(pngNamed('killed'));
    // The lease of the fact that drives the build has to run out before it is taken again.
    await expectWhole(await offered(back, campaign, 2, 90_000), 'Second');
    await eventually(async () => expect(await acknowledgedBy(campaign)).toEqual([1, 0]));
  }, 180_000);
});

describe('a screen', () => {
  test('that was away while its campaign was edited gets the new version when it is back', async () => {
    const { screen, campaign } = await playing('away');
    await screen.vanish();
    await eventually(async () => expect((await flow.http.read('/screens/away')).status).toBe('offline'));
    await edit(campaign, { name: 'Second' });
    await eventually(async () => expect(await flow.http.read(`/campaigns/${campaign.id}`)).toMatchObject({ liveVersion: 2 }));
    const back = await flow.screen('away', { installed: [{ campaignId: campaign.id, version: 1 }] });
    await expectWhole(await offered(back, campaign, 2), 'Second');
    await eventually(async () => expect(await acknowledgedBy(campaign)).toEqual([1, 0]));
  });

  test('that acknowledges the old version late does not count for the new one', async () => {
    const silent = await flow.screen('late', { answers: false });
    await eventually(async () => expect((await flow.http.read('/screens/late')).status).toBe('online'));
    const campaign = await flow.create({ audience: { ids: ['late'] } });
    await offered(silent, campaign, 1);
    await edit(campaign, { name: 'Second' });
    await offered(silent, campaign, 2);
    await silent.say('ERROR', campaign.id, { version: 1, payload: { reason: 'old trouble' } });
    await silent.say('INSTALL_ACK', campaign.id, { version: 1 });
    await eventually(async () => expect(await acknowledgedBy(campaign)).toEqual([0, 1]));
    expect(await countsOf(campaign)).toMatchObject({ acknowledged: 0, failedInstall: 0 });
    await silent.say('INSTALL_ACK', campaign.id, { version: 2 });
    await eventually(async () => expect(await countsOf(campaign)).toMatchObject({ acknowledged: 1 }));
    await silent.say('INSTALL_ACK', campaign.id, { version: 1 });
    await silent.say('INSTALL_ACK', campaign.id, { version: 999 });
    await eventually(async () =>
      expect(await flow.sql('select from delivery_events where campaign_id = $1 and version = 999', [campaign.id])).toHaveLength(1),
    );
    expect(await acknowledgedBy(campaign)).toEqual([1, 0]);
    // A version that there is not yet was not acknowledged in advance.
    await edit({ ...campaign, version: 2 }, { name: 'Third' });
    await offered(silent, campaign, 3);
    expect(await countsOf(campaign)).toMatchObject({ acknowledged: 0 });
  });

  test('that lists an older version than it acknowledged is offered the present one again', async () => {
    const { screen, campaign } = await playing('restored');
    await edit(campaign, { name: 'Second' });
    await offered(screen, campaign, 2);
    await eventually(async () => expect(await acknowledgedBy(campaign)).toEqual([1, 0]));
    await screen.close();
    const back = await flow.screen('restored', { answers: false, installed: [{ campaignId: campaign.id, version: 1 }] });
    await offered(back, campaign, 2);
    expect(await acknowledgedBy(campaign)).toEqual([0, 1]);
    await back.say('INSTALL_ACK', campaign.id, { version: 2 });
    await eventually(async () => expect(await acknowledgedBy(campaign)).toEqual([1, 0]));
  });
});

describe('a rollback', () => {
  test('is the next version with what an earlier one said; nothing is fetched again', async () => {
    const url = `${origin.base}/once`;
    const screen = await flow.screen('rolled');
    await eventually(async () => expect((await flow.http.read('/screens/rolled')).status).toBe('online'));
    const campaign = await flow.create({
      name: 'First',
      audience: { ids: ['rolled'] },
      assets: [{ assetType: 'image', url, durationMs: 700 }],
    });
    await eventually(() => expect(held.has('/once')).toBe(true));
    held.get('/once')?.end(pngNamed('once'));
    await offered(screen, campaign, 1);
    await edit(campaign, { name: 'Second', assets: [{ assetType: 'image', url: `${flow.server.url}/assets/${'0'.repeat(64)}` }] });
    await offered(screen, campaign, 2);
    const path = `/campaigns/${campaign.id}/rollback`;
    expectProblem(await flow.http.post(path, { version: 1 }, { 'if-match': '"1"' }), 412, 'PRECONDITION_FAILED');
    expectProblem(await flow.http.post(path, { version: 9 }), 404, 'NOT_FOUND');
    expectProblem(await flow.http.post(path, { version: 'x' }), 400, 'VALIDATION_FAILED');
    const rolled = await flow.http.post(path, { version: 1 });
    expect(rolled.json()).toMatchObject({ version: 3, name: 'First', assets: [{ url, durationMs: 700 }] });
    const manifest = await offered(screen, campaign, 3);
    expect(manifest.assets).toMatchObject([{ checksum: sha256(pngNamed('once')), id: rolled.json().assets[0].id }]);
    await expectWhole(manifest, 'First');
    expect(origin.asked.get('/once')).toBe(1);
    expect((await flow.http.post(path, { version: 1 })).json(), 'once more changes nothing').toMatchObject({ version: 3 });
    await eventually(async () => expect(await acknowledgedBy(campaign)).toEqual([1, 0, 0]));
    expect(await versionsOf(campaign)).toMatchObject([
      { version: 3, restores: 1, by: null, name: 'First', liveAt: expect.any(Number) },
      { version: 2, restores: null, name: 'Second' },
      { version: 1, restores: null, name: 'First', startAt: campaign.startAt, createdAt: campaign.createdAt },
    ]);
  });

  test('to a version that has ended is refused', async () => {
    const { campaign } = await playing('ended');
    await edit(campaign, { name: 'Second' });
    await flow.sql('update campaign_versions set expire_at = 2, start_at = 1 where campaign_id = $1 and version = 1', [campaign.id]);
    expect(expectProblem(await flow.http.post(`/campaigns/${campaign.id}/rollback`, { version: 1 }), 400)).toMatch(/expireAt/);
  });
});

test('after a cancel each screen that is not clean is listed with the end of the copy that it has', async () => {
  const hour = 3_600_000;
  const now = Date.now();
  const gone = await flow.screen('cut.off');
  const deaf = await flow.screen('deaf');
  const good = await flow.screen('good');
  await eventually(async () => expect((await flow.http.read('/screens/good')).status).toBe('online'));
  const campaign = await flow.create({ startAt: now, expireAt: now + hour, audience: { ids: ['cut.off', 'deaf', 'good', 'never'] } });
  for (const screen of [gone, deaf, good]) await offered(screen, campaign, 1);
  await eventually(async () => expect(await countsOf(campaign)).toMatchObject({ acknowledged: 3 }));
  await gone.vanish();
  await deaf.vanish();
  await eventually(async () => expect((await flow.http.read('/screens?status=offline&q=cut.off')).total).toBe(1));
  const [{ since } = { since: 0 }] = await flow.sql<{ since: number }>(
    `select epoch_ms(status_since)::float8 as since from devices where device_id = 'cut.off'`,
  );
  await edit(campaign, { expireAt: now + 2 * hour });
  await offered(good, campaign, 2);
  const silent = await flow.screen('deaf', { answers: false });
  await offered(silent, campaign, 2);
  await flow.http.post(`/campaigns/${campaign.id}/cancel`);
  const path = `/campaigns/${campaign.id}/clearance`;
  await eventually(async () =>
    expect(await flow.http.read(path)).toEqual({ clean: 1, dirty: 1, unreachable: 1, latestEnd: now + 2 * hour }),
  );
  const dirty = { deviceId: 'deaf', state: 'dirty', offlineSince: null, version: 1, endsAt: now + 2 * hour };
  const unreachable = { deviceId: 'cut.off', state: 'unreachable', offlineSince: since, version: 1, endsAt: now + hour };
  const first = await flow.http.read(`${path}/screens?limit=1`);
  expect(first).toMatchObject({ data: [unreachable], total: 2 });
  expect(await flow.http.read(`${path}/screens?limit=1&cursor=${first.nextCursor}`)).toMatchObject({ data: [dirty], nextCursor: null });
  await silent.say('REVOKE_ACK', campaign.id);
  // The copy that is left is an old one, and it ends when the old one does.
  await eventually(async () => expect(await flow.http.read(path)).toEqual({ clean: 2, dirty: 0, unreachable: 1, latestEnd: now + hour }));
});

test('a screen that was away when the end was brought forward is told to take its longer copy off', async () => {
  const { screen, campaign } = await playing('longer', { expireAt: Date.now() + 3_600_000 });
  const { campaign: kept, screen: stays } = await playing('stays', { expireAt: Date.now() + 3_600_000 });
  await screen.vanish();
  await eventually(async () => expect((await flow.http.read('/screens/longer')).status).toBe('offline'));
  const expireAt = Date.now() + 8000;
  for (const each of [campaign, kept]) await edit(each, { expireAt });
  await offered(stays, kept, 2);
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).status).toBe('completed'));
  const back = await flow.screen('longer');
  await within(
    30_000,
    'the revoke',
    back.controls.first((message) => message.type === 'revoke' && message.campaignId === campaign.id),
  );
  await eventually(async () => expect(await countsOf(campaign)).toMatchObject({ revoked: 1 }));
  // Who acknowledged the new end needs no word.
  expect(stays.revokesOf(kept.id)).toBe(0);
});
