import { join } from 'node:path';
import type { CampaignCodes, CreatedCampaign, DeliveryDetail } from '@marquee/contracts';
import { type Browser, chromiumOrSkip, launchChromium, type Page } from '@marquee/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pngNamed, upload } from '../support/assets.js';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { readQr } from '../support/read-qr.js';

const chromium = chromiumOrSkip();
const TARGET = 'https://shop.example/spring?from=screen';
const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1';
const LANDSCAPE = { width: 1920, height: 1080 };
const PORTRAIT = { width: 1080, height: 1920 };

describe.skipIf(chromium === undefined)('the QR code on a screen', () => {
  let browser: Browser;
  let page: Page;
  let flow: Flow;
  let campaign: CreatedCampaign;

  beforeAll(async () => {
    flow = await Flow.start();
    browser = await launchChromium();
    page = await browser.newPage({ viewport: LANDSCAPE });
    await page.goto(`${flow.server.url}/player/?deviceId=lobby`);
    await eventually(async () => expect((await flow.http.get('/screens/lobby')).json()).toMatchObject({ status: 'online' }));
    const { url } = await upload(flow.http, pngNamed('qr'));
    campaign = await flow.create({ clickUrl: TARGET, assets: [{ assetType: 'image', url }], metadata: { text: 'Scan me' } });
  });
  afterAll(async () => {
    await browser?.close();
    await flow?.stop();
  });

  /** What a phone reads off what a page shows. */
  async function scanned(on: Page): Promise<string | undefined> {
    const png = await on.screenshot();
    return await readQr(browser, png);
  }
  async function linksOf(query = ''): Promise<string[]> {
    const { codes } = (await flow.http.get(`/campaigns/${campaign.id}/codes${query}`)).json() as CampaignCodes;
    return codes.map(({ link }) => link);
  }
  async function ownLink(): Promise<string> {
    const [link, ...others] = await linksOf();
    expect(others).toEqual([]);
    return link ?? '';
  }
  const shot = async (on: Page, name: string) => {
    const folder = process.env['SHOTS'];
    if (folder !== undefined) await on.screenshot({ path: join(folder, `${name}.png`) });
  };

  test('is read off a landscape and a portrait screen, leads to the target, and is counted as a click of that screen', async () => {
    const link = await eventually(async () => {
      const read = await scanned(page);
      expect(read ?? '').toContain(`${flow.server.url}/c/`);
      // Until the screen has drawn its own, it is that of the slide alone.
      expect(read).not.toBe(await ownLink());
      return read ?? '';
    });
    await shot(page, 'qr-landscape');
    expect(await linksOf('?deviceId=lobby')).toEqual([link]);
    await page.setViewportSize(PORTRAIT);
    await eventually(async () => expect(await scanned(page)).toBe(link));
    await shot(page, 'qr-portrait');
    await page.setViewportSize(LANDSCAPE);

    const path = link.slice(flow.server.url.length);
    const followed = await flow.http.get(`${path}?url=https://evil.example`, { 'user-agent': PHONE });
    expect([followed.status, followed.headers['location']]).toEqual([302, TARGET]);
    const [asset] = campaign.assets;
    await eventually(async () => {
      const clicks = await flow.sql('select uid, source, campaign_id, creative_id, ad_id, ad_type, device_id from clicks');
      expect(clicks).toEqual([
        { uid: '', source: 'qr', campaign_id: campaign.id, creative_id: asset?.id, ad_id: asset?.id, ad_type: 'image', device_id: 'lobby' },
      ]);
    });
    const stats = await flow.http.get(`/clicks/stats?campaignId=${campaign.id}&deviceId=lobby`);
    const [delivery] = (await flow.http.get(`/campaigns/${campaign.id}/deliveries`)).json().data;
    const { timeline } = (await flow.http.get(`/deliveries/${delivery.id}`)).json() as DeliveryDetail;
    const scan = timeline.find(({ what }) => what === 'clicked');
    expect(scan).toEqual({ at: expect.any(Number), what: 'clicked', assetId: asset?.id });
    expect(timeline.map(({ what }) => what)).toEqual(expect.arrayContaining(['acknowledged', 'played']));
    expect(stats.json()).toMatchObject({ total: { raw: 1, unique: 1, human: 1 } });
  });

  test('alone, without a player, it names the slide and no screen', async () => {
    const alone = await browser.newPage({ viewport: LANDSCAPE });
    await alone.goto(`${flow.server.url}/templates/${campaign.id}/index.html`);
    await eventually(async () => expect(await scanned(alone)).toBe(await ownLink()));
    await alone.close();
  });

  test('is in the picture that the console asks a screen for', async () => {
    const before = await scanned(page);
    expect((await flow.http.post('/screens/lobby/screenshot')).status).toBe(202);
    await eventually(async () => {
      const answer = await fetch(`${flow.server.url}/screens/lobby/screenshot`);
      expect(answer.status).toBe(200);
      expect(await readQr(browser, Buffer.from(await answer.arrayBuffer()))).toBe(before);
    });
  });

  test('is the same after a reload without a server', async () => {
    const before = await scanned(page);
    expect(before ?? '').toContain('/c/');
    await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)');
    await flow.server.stop();
    await page.reload();
    await eventually(async () => expect(await scanned(page)).toBe(before));
    await flow.revive();
  });
});
