import { readFile } from 'node:fs/promises';
import type { Page } from '@marquee/testing';
import { describe, expect, it } from 'vitest';
import { chromium, eachPage, type Opened, PAGE_TEST_MS } from './each-page.js';
import type { FakeApi } from './fake-api.js';
import { campaignRow } from './fixtures.js';

const TARGET = 'https://shop.example.test/spring';

describe.skipIf(chromium === undefined)('QR codes in the console', { timeout: PAGE_TEST_MS }, () => {
  let api: FakeApi;
  let page: Page;
  let open: Opened['open'];
  let shot: Opened['shot'];
  eachPage((opened) => {
    ({ api, page, open, shot } = opened);
  });

  it('are planned with the campaign: a link, and where the code stands', async () => {
    await open('/console/campaigns/new');
    await page.getByLabel('Name').fill('Spring');
    await page.getByText('Address (URL)').click();
    await page.getByRole('textbox', { name: 'Address' }).fill('https://cdn.example.test/a.png');
    expect(await page.getByLabel('Place of the code').count()).toBe(0);
    await page.getByLabel('Link', { exact: true }).fill('javascript:alert(1)');
    await page.getByRole('combobox', { name: 'Place of the code' }).click();
    await page.getByRole('option', { name: 'Top left' }).click();
    await page.getByRole('button', { name: 'Create campaign' }).click();
    await page.getByText('Must be an http or https URL without credentials.').waitFor();
    await page.getByLabel('Link', { exact: true }).fill(` ${TARGET} `);
    await shot('qr-create');
    await page.getByRole('button', { name: 'Create campaign' }).click();
    await page.getByRole('heading', { level: 1, name: 'Spring' }).waitFor();
    const [sent] = api.sent('POST', '/campaigns').map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(sent).toMatchObject({ clickUrl: TARGET, metadata: { qrPosition: 'top-left' } });
    await page.getByRole('region', { name: 'QR codes' }).waitFor();
  });

  it('are shown for each slide, with their link and as files, and say when phones cannot follow them', async () => {
    const { assets } = campaignRow();
    const campaign = campaignRow({
      clickUrl: TARGET,
      assets: [...assets, ...assets.map((asset) => ({ ...asset, id: crypto.randomUUID() }))],
    });
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}`);
    const section = page.getByRole('region', { name: 'QR codes' });
    await section.getByRole('img', { name: 'QR code of slide 2' }).waitFor();
    expect(await section.getByRole('link').allTextContents()).toEqual([
      TARGET,
      ...campaign.assets.map(({ id }) => `${api.origin}/c/${id.slice(0, 11)}`),
    ]);
    await section.getByText('Set API_BASE_URL').waitFor();
    await shot('qr-campaign');
    const file = async (name: string) => {
      const [download] = await Promise.all([page.waitForEvent('download'), section.getByRole('button', { name }).first().click()]);
      return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
    };
    const svg = await file('SVG');
    expect([svg.name, svg.bytes.toString().slice(0, 40)]).toEqual(['slide-1.svg', '<svg xmlns="http://www.w3.org/2000/svg" ']);
    const png = await file('PNG');
    expect([png.name, png.bytes.toString('latin1', 1, 4)]).toEqual(['slide-1.png', 'PNG']);
    expect(png.bytes.readUInt32BE(16)).toBeGreaterThan(700);
  });

  it('are not there where a campaign leads nowhere', async () => {
    const campaign = campaignRow();
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}`);
    await page.getByRole('region', { name: 'Versions' }).waitFor();
    expect(await page.getByRole('region', { name: 'QR codes' }).count()).toBe(0);
    expect(api.sent('GET', `/campaigns/${campaign.id}/codes`)).toEqual([]);
  });
});
