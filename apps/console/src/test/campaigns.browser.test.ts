import type { Page } from '@marquee/testing';
import { describe, expect, it } from 'vitest';

import { chromium, eachPage, HOSTILE, type Opened, PAGE_TEST_MS } from './each-page.js';
import type { FakeApi } from './fake-api.js';
import { campaignRow, deliveryRow, NO_COUNTS, screenRow, whyAnswer } from './fixtures.js';

const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

describe.skipIf(chromium === undefined)('campaigns in the console', { timeout: PAGE_TEST_MS }, () => {
  let api: FakeApi;
  let page: Page;
  let open: Opened['open'];
  eachPage((opened) => {
    ({ api, page, open } = opened);
  });

  const figure = (name: string) => page.locator(`[data-figure="${name}"]`);
  const live = () => page.locator('header [data-live="live"]').first().waitFor();

  it('leads from an empty list to create, maps the refusal of the server to its field, and ends on the campaign', async () => {
    api.screens.push(screenRow({ deviceId: 'a' }), screenRow({ deviceId: 'b' }));
    await open('/');
    await page.getByText('No campaigns yet').waitFor();
    await page.getByRole('link', { name: 'New campaign' }).last().click();
    await page.getByText('2 screens').waitFor();

    await page.getByRole('button', { name: 'Create campaign' }).click();
    await page.getByText('Must not be blank.').waitFor();
    await page.getByText('Choose a file.').waitFor();
    expect(api.sent('POST', '/campaigns')).toHaveLength(0);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-invalid'))).toBe('true');

    await page.getByLabel('Name').fill('Autumn');
    await page.setInputFiles('input[type=file]', { name: 'one.png', mimeType: 'image/png', buffer: PIXEL });
    await page.getByText('Uploaded').waitFor();
    await page.getByRole('button', { name: 'Add a slide' }).click();
    await page.getByRole('group', { name: 'Slide 2' }).getByText('Address (URL)').click();
    await page.getByRole('textbox', { name: 'Address' }).fill('https://cdn.example.test/clip.mp4');
    await page.getByRole('button', { name: 'Move slide 2 up' }).click();

    api.refuseOnce('POST /campaigns', { code: 'VALIDATION_FAILED', message: ['assets.0.url: must be reachable', 'colour: is not known'] });
    await page.getByRole('button', { name: 'Create campaign' }).click();
    const first = page.getByRole('group', { name: 'Slide 1' });
    await first.getByText('Must be reachable.').waitFor();
    await expect.poll(() => first.getByRole('textbox', { name: 'Address' }).inputValue()).toBe('https://cdn.example.test/clip.mp4');
    await page.getByRole('alert').getByText('colour: is not known').waitFor();

    await page.getByRole('button', { name: 'Create campaign' }).click();
    await page.getByRole('heading', { level: 1, name: 'Autumn' }).waitFor();
    await page.getByText('The start is sooner than the last screen can be reached.').waitFor();
    const bodies = api.sent('POST', '/campaigns').map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(bodies).toHaveLength(2);
    expect(bodies[0]?.['idempotencyKey']).toBe(bodies[1]?.['idempotencyKey']);
    expect(bodies[1]).toMatchObject({
      name: 'Autumn',
      audience: { all: true },
      dispatch: 'auto',
      assets: [{ assetType: 'video', url: 'https://cdn.example.test/clip.mp4' }, { assetType: 'image' }],
    });
    expect(Number(bodies[1]?.['expireAt']) - Number(bodies[1]?.['startAt'])).toBe(86_400_000);
    await page.getByRole('navigation').getByRole('link', { name: 'Campaigns' }).click();
    await page.getByRole('cell', { name: 'Autumn' }).waitFor();
  });

  it('makes one campaign of a double click, and of another try after the answer was lost', async () => {
    await open('/console/campaigns/new');
    await page.getByLabel('Name').fill('Once');
    await page.getByText('Address (URL)').click();
    await page.getByRole('textbox', { name: 'Address' }).fill('https://cdn.example.test/a.png');
    await page.route('**/campaigns', async (route) => {
      // The server does it, and the answer never arrives.
      await route.fetch();
      await route.abort();
    });
    const create = page.getByRole('button', { name: 'Create campaign' });
    await create.dblclick();
    await page.getByText('The server cannot be reached.').waitFor();
    await page.unroute('**/campaigns');
    await create.evaluate((button: HTMLButtonElement) => {
      button.click();
      button.click();
    });
    await page.getByRole('heading', { level: 1, name: 'Once' }).waitFor();
    expect(api.campaigns).toHaveLength(1);
    expect(api.sent('POST', '/campaigns')).toHaveLength(2);
  });

  it('makes its key itself where the origin is not secure', async () => {
    await page.addInitScript(() => Object.defineProperty(crypto, 'randomUUID', { value: undefined }));
    await open('/console/campaigns/new');
    await page.getByLabel('Name').fill('Plain');
    await page.getByText('Address (URL)').click();
    await page.getByRole('textbox', { name: 'Address' }).fill('https://cdn.example.test/a.png');
    await page.getByRole('button', { name: 'Create campaign' }).click();
    await page.getByRole('heading', { level: 1, name: 'Plain' }).waitFor();
  });

  it('keeps the preview away from the console: its script sees an origin of its own', async () => {
    api.template =
      '<!doctype html><title>t</title><script>try { parent.document.title = "stolen" } catch { document.title = "kept out" }</script>';
    const campaign = campaignRow();
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}`);
    const frame = await page.locator('iframe').elementHandle();
    const content = await frame?.contentFrame();
    await expect.poll(() => content?.title()).toBe('kept out');
    expect(await page.title()).toBe('Spring sale · Marquee');
  });

  it('moves the numbers as the feed tells of deliveries, and asks at most once a second however many come', async () => {
    const campaign = campaignRow({ counts: { ...NO_COUNTS, PENDING: 10 } });
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}`);
    await live();
    await expect.poll(() => figure('Targeted').textContent()).toBe('10');
    expect(api.openStreams).toEqual([campaign.id]);

    api.campaigns = [{ ...campaign, counts: { ...NO_COUNTS, SUCCESS: 10, acknowledged: 7, onAir: 3 } }];
    const event = { campaignId: campaign.id, deliveryId: campaign.id, outcome: 'SUCCESS' as const, epoch: 1, ts: Date.now() };
    api.emit('message', event);
    await expect.poll(() => figure('Installed').textContent()).toBe('7');
    await expect.poll(() => figure('Handed over').textContent()).toBe('10');
    await expect.poll(() => figure('On air').textContent()).toBe('3');

    const path = `/campaigns/${campaign.id}`;
    const before = api.sent('GET', path).length;
    const since = Date.now();
    for (let frame = 0; frame < 90; frame += 1) {
      for (let index = 0; index < 5; index += 1) api.emit('message', event);
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
    api.campaigns = [{ ...campaign, counts: { ...NO_COUNTS, SUCCESS: 10, acknowledged: 10, onAir: 10 } }];
    api.emit('summary', { campaignId: campaign.id, epoch: 1, ts: Date.now(), counts: { ACKNOWLEDGED: 3, ON_AIR: 7 } });
    await expect.poll(() => figure('On air').textContent()).toBe('10');
    expect(api.sent('GET', path).length - before).toBeLessThanOrEqual(2 + (Date.now() - since) / 1_000);

    api.campaigns = [{ ...campaign, status: 'completed' }];
    api.emit('campaign', { campaignId: campaign.id, status: 'completed', ts: Date.now() });
    await page.getByText('Completed').waitFor();
  });

  it('cancels after asking, explains a cancel that was not confirmed, and shows the clearance', async () => {
    const campaign = campaignRow({ counts: { ...NO_COUNTS, SUCCESS: 5, acknowledged: 5 } });
    api.campaigns.push(campaign);
    api.clearance = { clean: 2, dirty: 2, unreachable: 1, latestEnd: campaign.expireAt };
    await open(`/console/campaigns/${campaign.id}`);
    await page.getByRole('button', { name: 'Cancel campaign' }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(api.sent('POST', `/campaigns/${campaign.id}/cancel`)).toHaveLength(0);

    await page.getByRole('button', { name: 'Cancel campaign' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('A cancelled campaign cannot be brought back.').waitFor();
    // The flag is set, though a worker has not answered: the campaign is cancelled by the time the reply is read.
    api.campaigns = [{ ...campaign, status: 'cancelled' }];
    api.refuseOnce(`POST /campaigns/${campaign.id}/cancel`, { code: 'CANCEL_UNCONFIRMED', message: 'worker host-1:4711 did not answer' });
    await dialog.getByRole('button', { name: 'Cancel campaign' }).click();
    await dialog.getByText('worker host-1:4711 did not answer').waitFor();
    await dialog.getByRole('button', { name: 'Confirm again' }).click();
    await page.getByText('Its screens are told to take it off.').waitFor();
    await dialog.waitFor({ state: 'hidden' });

    await expect.poll(() => page.locator('[data-figure="dirty"]').textContent()).toBe('2');
    api.clearance = { clean: 5, dirty: 0, unreachable: 0, latestEnd: null };
    await page.getByText('All 5 screens are clear.').waitFor();
    expect(await page.getByRole('button', { name: 'Cancel campaign' }).count()).toBe(0);
  });

  it('dispatches by hand what waits for it', async () => {
    const campaign = campaignRow({ status: 'ready', dispatch: 'manual' });
    api.campaigns.push(campaign);
    api.screens.push(screenRow());
    await open(`/console/campaigns/${campaign.id}`);
    await page.getByRole('button', { name: 'Dispatch' }).click();
    await page.getByText('Publishing').first().waitFor();
    await expect.poll(() => figure('Targeted').textContent()).toBe('1');
  });

  it('says why a campaign is not playing on a screen, from its row and for a screen that has none, and follows it', async () => {
    const campaign = campaignRow({ status: 'active' });
    api.campaigns.push(campaign);
    api.deliveries.push(deliveryRow(campaign.id, { recipient: 'lobby-1' }));
    api.whys.set(
      'lobby-1',
      whyAnswer(
        {},
        { also: [`The screen could not install it: ${HOSTILE}`], rival: { campaignId: campaign.id, name: 'Big sale', priority: 5 } },
      ),
    );
    await open(`/console/campaigns/${campaign.id}`);
    await page.getByRole('button', { name: 'Why? lobby-1' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('has not installed the campaign.').waitFor();
    expect(await dialog.getByText('07:00:00Z').count()).toBe(0);
    await dialog.getByText(HOSTILE).waitFor();
    expect(await page.evaluate(() => (window as { hit?: number }).hit)).toBeUndefined();
    expect(await dialog.getByRole('link', { name: 'Big sale' }).getAttribute('href')).toBe(`/console/campaigns/${campaign.id}`);
    api.whys.set('lobby-1', whyAnswer({ playing: true, reason: 'playing', sentence: 'The screen has been showing it.' }));
    await dialog.getByText('The screen has been showing it.').waitFor();
    await dialog.getByText('Playing', { exact: true }).waitFor();
    await page.keyboard.press('Escape');

    api.whys.set(
      'elsewhere',
      whyAnswer({ deviceId: 'elsewhere', reason: 'not_targeted', sentence: 'The campaign does not mean this screen.' }),
    );
    await page.getByRole('button', { name: 'Why isn’t it playing?' }).click();
    await page.getByRole('textbox', { name: 'Screen' }).fill('no such');
    await page.getByText('Letters, digits').waitFor();
    await page.getByRole('textbox', { name: 'Screen' }).fill('elsewhere');
    await page.keyboard.press('Enter');
    await page.getByText('The campaign does not mean this screen.').waitFor();
  });
});
