import type { Clearance, CreatedCampaign, Manifest, ScreenEvent } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PNG, sha256, upload } from '../support/assets.js';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { expectProblem } from '../support/http-client.js';
import type { TestScreen } from '../support/test-screen.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start({ OFFER_FIRST_MS: '60000' });
});
afterAll(() => flow.stop());

/** A screen that is registered, so that a campaign made now targets it at once. */
async function registered(deviceId: string, options = {}): Promise<TestScreen> {
  const screen = await flow.screen(deviceId, options);
  await eventually(async () => expect((await flow.http.get(`/screens/${deviceId}`)).json().status).toBe('online'));
  return screen;
}

function countsOf(id: string): Promise<Record<string, number>> {
  return flow.http.read(`/campaigns/${id}`).then((campaign) => campaign.counts as Record<string, number>);
}

test('a campaign goes from its creation over a screen’s answers to a screen that is clean of it', async () => {
  const screen = await registered('lobby.1:a', { answers: false });
  const kept = await upload(flow.http, PNG);
  const startAt = Date.now();
  const created = await flow.create({
    name: 'Spring',
    startAt,
    assets: [
      { assetType: 'image', url: kept.url, durationMs: 3000 },
      { assetType: 'video', url: 'https://nowhere.invalid/a%20b.mp4' },
    ],
    metadata: { fit: 'cover', nested: { a: [1, null] } },
  });
  expect(created).toMatchObject({
    name: 'Spring',
    version: 1,
    status: 'draft',
    startAt,
    metadata: { fit: 'cover', nested: { a: [1, null] } },
    epoch: 0,
    paused: false,
    assets: [{ assetType: 'image', url: kept.url, checksum: '', durationMs: 3000, sizeBytes: 0 }, { durationMs: null }],
  });

  const manifest = await within(30_000, 'the manifest', screen.manifests.first());
  expectManifest(manifest, created, kept.sha256);
  await expectTemplate(manifest, kept.url);
  await eventually(async () =>
    expect(await flow.http.read(`/campaigns/${created.id}`)).toMatchObject({ status: 'active', counts: { SUCCESS: 1, acknowledged: 0 } }),
  );

  const ack = await screen.say('INSTALL_ACK', created.id, { payload: { seq: 1, note: 'ok' } });
  await expectStored(ack, 'install_ack');
  await eventually(async () => expect(await countsOf(created.id)).toMatchObject({ SUCCESS: 1, acknowledged: 1, onAir: 0 }));

  await expectStored(await screen.say('DISPLAY_START', created.id), 'display_start');
  await eventually(async () => {
    const { nowPlaying } = await flow.http.read('/screens/lobby.1:a');
    expect(nowPlaying).toMatchObject({ campaignId: created.id, name: 'Spring' });
  });
  expect(await countsOf(created.id)).toMatchObject({ onAir: 1 });

  await cancelAndClear(screen, created);
  // One manifest in all of this: what was acknowledged is not said again.
  expect(screen.offersOf(created.id)).toBe(1);
});

function expectManifest(manifest: Manifest, created: CreatedCampaign, digest: string): void {
  const base = flow.server.url;
  const [image, video] = created.assets;
  expect(manifest).toEqual({
    manifestId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    campaignId: created.id,
    version: 1,
    startAt: created.startAt,
    expireAt: created.expireAt,
    templateUrl: expect.stringMatching(new RegExp(`^${base}/templates/${created.id}/index\\.html\\?v=1-[0-9a-f]{16}$`)),
    templateChecksum: expect.stringMatching(/^[0-9a-f]{64}$/),
    assets: [
      { id: image?.id, assetType: 'image', url: `${base}/assets/${digest}`, checksum: digest, sizeBytes: PNG.length },
      { id: video?.id, assetType: 'video', url: 'https://nowhere.invalid/a%20b.mp4', checksum: '', sizeBytes: 0 },
    ],
    slides: [
      { assetId: image?.id, durationMs: 3000 },
      { assetId: video?.id, durationMs: 10_000 },
    ],
    priority: 0,
  });
}

async function expectTemplate(manifest: Manifest, assetUrl: string): Promise<void> {
  const page = await fetch(manifest.templateUrl, { headers: { origin: 'null' } });
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('access-control-allow-origin')).toBe('*');
  const html = Buffer.from(await page.arrayBuffer());
  expect(html.toString()).toContain(assetUrl);
  expect(html.toString()).toContain('https://nowhere.invalid/a%20b.mp4');

  expect(sha256(html)).toBe(manifest.templateChecksum);
}

/** In `delivery_events` within a second of its PUBACK, as outside reports read it. */
async function expectStored(event: ScreenEvent, type: string): Promise<void> {
  const stored = await eventually(async () => {
    const [row] = await flow.sql('select * from delivery_events where event_id = $1', [event.eventId]);
    expect(row).toBeDefined();
    return row;
  });
  expect(stored).toMatchObject({
    device_id: event.deviceId,
    campaign_id: event.campaignId,
    version: 1,
    event_type: type,
    payload: event.payload ?? {},
  });
}

async function cancelAndClear(screen: TestScreen, created: CreatedCampaign): Promise<void> {
  const cancelled = await flow.http.post(`/campaigns/${created.id}/cancel`);
  expect(cancelled.status, cancelled.text).toBe(200);
  expect(cancelled.json()).toMatchObject({ id: created.id, status: 'cancelled' });
  await within(30_000, 'the revoke', screen.controls.first());
  expect(JSON.parse(screen.controlTexts[0] ?? '')).toEqual({ type: 'revoke', campaignId: created.id });
  const clearance = async (): Promise<Clearance> => (await flow.http.read(`/campaigns/${created.id}/clearance`)) as Clearance;
  expect(await clearance()).toEqual({ clean: 0, dirty: 1, unreachable: 0, latestEnd: created.expireAt });

  await expectStored(await screen.say('REVOKE_ACK', created.id), 'revoke_ack');
  await eventually(async () => expect(await clearance()).toEqual({ clean: 1, dirty: 0, unreachable: 0, latestEnd: null }));
  await eventually(async () => expect(await countsOf(created.id)).toMatchObject({ revoked: 1, onAir: 0, SUCCESS: 1 }));
  expect((await flow.http.read('/screens/lobby.1:a')).nowPlaying).toBeNull();
  const again = await flow.http.post(`/campaigns/${created.id}/cancel`);
  expect(again.json()).toMatchObject({ status: 'cancelled', version: 1, epoch: created.epoch });
}

test('the same manifest is offered after a restart: its id is a function of campaign and version', async () => {
  const screen = await registered('silent', { answers: false });
  const created = await flow.create();
  const first = await within(
    30_000,
    'the manifest',
    screen.manifests.first((each) => each.campaignId === created.id),
  );
  await screen.say('INSTALL_ACK', created.id);
  const other = await flow.create();
  const otherFirst = await within(
    30_000,
    'the other manifest',
    screen.manifests.first((each) => each.campaignId === other.id),
  );
  expect(otherFirst.manifestId).not.toBe(first.manifestId);
  await screen.close();

  const kept = await upload(flow.http, PNG);
  const ports = flow.server.ports;
  await flow.restart();
  expect((await flow.http.get(`/assets/${kept.sha256}`)).status).toBe(200);
  const back = await flow.screen('silent', { answers: false });
  const again = await within(
    30_000,
    'the manifest again',
    back.manifests.first((each) => each.campaignId === other.id),
  );
  expect(again.manifestId).toBe(otherFirst.manifestId);
  expect(flow.server.ports).not.toEqual(ports);
  // What it acknowledged before the restart is not sent again. The next campaign comes after what was due.
  const last = await flow.create();
  await within(
    30_000,
    'the last manifest',
    back.manifests.first((each) => each.campaignId === last.id),
  );
  expect(back.offersOf(created.id)).toBe(0);
});

test('a campaign that waits to be dispatched goes out once when it is told to', async () => {
  const screen = await registered('waiting');
  const created = await flow.create({ dispatch: 'manual' });
  await eventually(async () => expect((await flow.http.read(`/campaigns/${created.id}`)).status).toBe('ready'));
  expect(screen.offersOf(created.id)).toBe(0);
  const started = await flow.http.post(`/campaigns/${created.id}/dispatch`);
  expect(started.status).toBe(200);
  expect(started.json()).toMatchObject({ started: true, epoch: 0 });
  await within(
    30_000,
    'the manifest',
    screen.manifests.first((each) => each.campaignId === created.id),
  );
  expectProblem(await flow.http.post(`/campaigns/${created.id}/dispatch`), 409, 'ALREADY_RUNNING');
  const { data } = await flow.http.read(`/campaigns/${created.id}/executions`);
  expect(data).toMatchObject([{ id: started.json().executionId, state: 'RUNNING' }]);
  await flow.http.post(`/campaigns/${created.id}/cancel`);
  expectProblem(await flow.http.post(`/campaigns/${created.id}/dispatch`), 409, 'CONFLICT');
  await eventually(async () => expect((await flow.http.read(`/executions/${started.json().executionId}`)).state).toBe('CANCELLED'));
});

test('cancelled before it was built, it reaches nobody', async () => {
  const screen = await registered('spared');
  const created = await flow.create();
  await flow.http.post(`/campaigns/${created.id}/cancel`);
  const next = await flow.create();
  await within(
    30_000,
    'the next manifest',
    screen.manifests.first((each) => each.campaignId === next.id),
  );
  await eventually(async () => {
    const open = await flow.sql('select from outbox where aggregate_id = $1 and not processed', [created.id]);
    expect(open).toHaveLength(0);
  });
  expect((await flow.http.read(`/campaigns/${created.id}`)).status).toBe('cancelled');
});

test('at its end it is completed, its screens are offered it no more and nothing is revoked', async () => {
  const screen = await registered('evening', { answers: false });
  const now = Date.now();
  const created = await flow.create({ startAt: now, expireAt: now + 8000 });
  await within(
    30_000,
    'the manifest',
    screen.manifests.first((each) => each.campaignId === created.id),
  );
  await eventually(async () => expect((await flow.http.read(`/campaigns/${created.id}`)).status).toBe('completed'));
  const { data } = await flow.http.read(`/campaigns/${created.id}/executions`);
  expect(data[0]).toMatchObject({ state: 'COMPLETED' });
  await screen.online([]);
  const next = await flow.create();
  await within(
    30_000,
    'the next manifest',
    screen.manifests.first((each) => each.campaignId === next.id),
  );
  expect(screen.offersOf(created.id)).toBe(1);
  expect(screen.revokesOf(created.id)).toBe(0);
});
