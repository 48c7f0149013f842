import type { CreatedCampaign } from '@marquee/contracts';
import { findProgram, requireOrSkip } from '@marquee/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PNG, upload } from '../support/assets.js';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { Mosquitto } from '../support/mosquitto.js';
import { TestScreen } from '../support/test-screen.js';

const program = requireOrSkip(findProgram('mosquitto'), 'mosquitto');

describe.skipIf(program === undefined)('with an outside broker', () => {
  let broker: Mosquitto;
  let flow: Flow;
  const screens: TestScreen[] = [];

  beforeAll(async () => {
    broker = await Mosquitto.start(program ?? '');
    flow = await Flow.start({ MQTT_URL: broker.url, OFFER_FIRST_MS: '1000' });
  });
  afterAll(async () => {
    for (const screen of screens) await screen.close();
    await flow.stop();
    await broker.remove();
  });

  async function connect(deviceId: string, options = {}): Promise<TestScreen> {
    const screen = await TestScreen.connect(broker.url, deviceId, options);
    screens.push(screen);
    await eventually(async () => expect((await flow.http.get(`/screens/${deviceId}`)).json().status).toBe('online'));
    return screen;
  }

  const acknowledged = (campaign: CreatedCampaign, n: number, withinMs = 10_000): Promise<void> =>
    eventually(async () => expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.acknowledged).toBe(n), withinMs);

  test('a campaign goes out, is acknowledged, shown, revoked and gone', async () => {
    const screen = await connect('out-1');
    const kept = await upload(flow.http, PNG);
    const campaign = await flow.create({ assets: [{ assetType: 'image', url: kept.url }] });
    const manifest = await within(30_000, 'the manifest', screen.manifests.first());
    expect(manifest).toMatchObject({ campaignId: campaign.id, assets: [{ checksum: kept.sha256, sizeBytes: PNG.length }] });
    await acknowledged(campaign, 1);
    await screen.say('DISPLAY_START', campaign.id);
    await eventually(async () => expect((await flow.http.read('/screens/out-1')).nowPlaying).toMatchObject({ campaignId: campaign.id }));
    await flow.http.post(`/campaigns/${campaign.id}/cancel`);
    await within(30_000, 'the revoke', screen.controls.first());
    expect(screen.controlTexts[0]).toBe(JSON.stringify({ type: 'revoke', campaignId: campaign.id }));
    await eventually(async () => expect(await flow.http.read(`/campaigns/${campaign.id}/clearance`)).toMatchObject({ clean: 1, dirty: 0 }));
  });

  test.each<NodeJS.Signals>(['SIGTERM', 'SIGKILL'])('a broker that goes by %s and comes back costs time only', async (signal) => {
    const screen = await connect(`out-${signal}`, { installed: [] });
    const before = await flow.create({ audience: { ids: [screen.deviceId] } });
    await acknowledged(before, 1);
    await broker.halt(signal === 'SIGKILL' ? 'SIGKILL' : 'SIGTERM');
    await eventually(async () => expect((await flow.http.get('/readyz')).status).toBe(503));
    const meanwhile = await flow.create({ audience: { ids: [screen.deviceId] } });
    const said = screen.say('PLAY_LOG', before.id).catch(() => screen.say('PLAY_LOG', before.id));
    expect((await flow.http.get('/healthz')).status).toBe(200);

    await broker.run();
    await within(
      30_000,
      'the manifest',
      screen.manifests.first((manifest) => manifest.campaignId === meanwhile.id),
    );
    await acknowledged(meanwhile, 1);
    await eventually(async () => expect((await flow.http.get('/readyz')).status).toBe(200));
    const event = await within(30_000, 'the PUBACK', said);
    await eventually(async () =>
      expect(await flow.sql('select from delivery_events where event_id = $1', [event.eventId])).toHaveLength(1),
    );
    expect(screen.offersOf(before.id)).toBe(1);
  });

  test('what screens said while the server was away is there when it is back; what they have is not taken for lost', async () => {
    const screen = await connect('out-steady', { installed: [] });
    const campaign = await flow.create({ audience: { ids: ['out-steady'] } });
    await acknowledged(campaign, 1);
    await flow.server.stop();
    const event = await screen.say('PLAY_LOG', campaign.id);
    await flow.revive();
    await eventually(async () =>
      expect(await flow.sql('select from delivery_events where event_id = $1', [event.eventId])).toHaveLength(1),
    );
    // Its retained status still lists nothing, as it did when it connected; it is older than the acknowledgement.
    const next = await flow.create({ audience: { ids: ['out-steady'] } });
    await within(
      30_000,
      'the next manifest',
      screen.manifests.first((manifest) => manifest.campaignId === next.id),
    );
    await acknowledged(next, 1);
    expect((await flow.http.read(`/campaigns/${campaign.id}`)).counts.acknowledged).toBe(1);
    expect(screen.offersOf(campaign.id)).toBe(1);
  });
});
