import type { Page } from '@marquee/testing';
import { describe, expect, it } from 'vitest';
import { noticeRow, outageRow, ruleRow } from './fake-alerts.js';
import { chromium, eachPage, HOSTILE, type Opened, PAGE_TEST_MS } from './each-page.js';
import type { FakeApi } from './fake-api.js';
import { campaignRow, deliveryRow, screenDeliveryRow, screenRow, storedEventRow } from './fixtures.js';

const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

describe.skipIf(chromium === undefined)('the console in a browser', { timeout: PAGE_TEST_MS }, () => {
  let api: FakeApi;
  let page: Page;
  let open: Opened['open'];
  eachPage((opened) => {
    ({ api, page, open } = opened);
  });

  const live = () => page.locator('header [data-live="live"]').first().waitFor();

  it('shows hostile words as text on every page, and never makes a link of a script', async () => {
    const campaign = campaignRow({ name: HOSTILE, buildError: HOSTILE, audience: { groups: [HOSTILE] } });
    campaign.assets = campaign.assets.map((asset) => ({ ...asset, url: 'javascript:window.hit=1', state: 'failed', reason: HOSTILE }));
    api.campaigns.push(campaign);
    api.deliveries.push(deliveryRow(campaign.id, { recipient: HOSTILE, installError: HOSTILE }));
    api.screens.push(screenRow({ groupId: HOSTILE, tags: [HOSTILE], nowPlaying: { campaignId: campaign.id, name: HOSTILE, since: 0 } }));
    await open('/');
    await page.getByRole('link', { name: HOSTILE }).click();
    await page.getByRole('heading', { level: 1, name: HOSTILE }).waitFor();
    await page.getByText('javascript:window.hit=1').click();
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    await page.getByRole('cell', { name: `Install failed: ${HOSTILE}` }).waitFor();
    expect(await page.title()).toBe(`${HOSTILE} · Marquee`);
    expect(await page.locator('iframe').getAttribute('sandbox')).toBe('allow-scripts');
    await page.getByRole('navigation').getByRole('link', { name: 'Screens' }).click();
    await page.getByRole('link', { name: HOSTILE }).waitFor();
    await page.getByRole('button', { name: 'Import' }).click();
    await page.setInputFiles('input[type=file]', { name: 'list.csv', mimeType: 'text/csv', buffer: Buffer.from('deviceId\na\n') });
    await page.getByRole('dialog').getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByText('deviceId: must match <b>the pattern</b>').waitFor();
    expect(api.sent('POST', '/screens/import').map(({ contentType }) => contentType)).toEqual(['text/csv']);
    expect(
      await page.evaluate(() => [(window as { hit?: number }).hit, document.querySelectorAll('a[href^="javascript"]').length]),
    ).toEqual([undefined, 0]);
  });

  it('tells all that is known of one screen, hostile words as text, and marks its clock', async () => {
    const now = Date.now();
    const lacks = ['secure_context' as const, 'free_storage' as const];
    const storage = { usedBytes: 1_900_000_000, quotaBytes: 2_000_000_000 };
    api.screens.push(
      screenRow({ deviceId: 'lobby-1', clockOffsetMs: 500 }),
      screenRow({ deviceId: 'lobby-2', clockOffsetMs: -90_000, lacks, storage, statusSince: now - 7_200_000, nowPlaying: null }),
    );
    api.screenDeliveries.push(
      screenDeliveryRow({ campaign: HOSTILE, installError: HOSTILE }),
      screenDeliveryRow({ acknowledgedAt: now, acknowledgedVersion: 2, onAir: true }),
    );
    api.screenEvents.push(storedEventRow({ eventType: 'ERROR', reason: HOSTILE }), storedEventRow({ eventType: 'PLAY_LOG', plays: 1200 }));
    await open('/console/screens');
    await page.getByText('clock 90.0 s ahead').waitFor();
    await expect.poll(() => page.getByText(/^clock /).count()).toBe(1);
    await page.getByRole('link', { name: 'lobby-2' }).click();
    await page.getByRole('heading', { level: 1, name: 'lobby-2' }).waitFor();
    for (const text of [/plain HTTP by name/, /no room for what it was offered/, '1.9 GB of 2.0 GB', 'since', 'Plays: 1,200', 'On air'])
      await page.getByText(text).first().waitFor();
    await page.getByText(`Could not install it: ${HOSTILE}`).waitFor();
    // What it shows while nobody hears it is not known.
    for (const screen of api.screens) screen.status = 'offline';
    await page.getByText('On air when last heard').waitFor();
    expect(await page.getByText('On air', { exact: true }).count()).toBe(0);
    expect(await page.evaluate(() => (window as { hit?: number }).hit)).toBeUndefined();
    await open('/console/screens/nobody');
    await page
      .getByText('There is no such page')
      .or(page.getByText(/not found/i))
      .first()
      .waitFor();
  });

  it('asks a screen to identify and for a picture, and shows what was played, also as a file', async () => {
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    api.picture = PIXEL;
    api.screens.push(screenRow({ deviceId: 'lobby-1', events: { missing: 3, lost: 1200, nextAskAt: null } }));
    const campaign = campaignRow();
    api.campaigns.push(campaign);
    const played = { plays: 1200, durationMs: 12_065_000 };
    const row = { deviceId: 'lobby-1', campaignId: campaign.id, campaign: HOSTILE, assetId: null, hour, ...played };
    const series = Array.from({ length: 24 }, (_, index) => ({
      at: hour - index * 3_600_000,
      plays: 40 + ((index * 37) % 60),
      durationMs: 1,
    }));
    api.plays = { total: played, series, rows: { data: [row], total: 11, offset: 0, limit: 10 } };
    await open('/console/screens/lobby-1');
    for (const text of ['3 missing', 'events lost: 1,200', '3 h 21 min in all', HOSTILE]) await page.getByText(text).first().waitFor();
    await page.getByRole('button', { name: 'Identify' }).click();
    await page.getByText('It shows its name for a moment.').waitFor();
    expect(api.sent('POST', '/screens/lobby-1/identify')).toHaveLength(1);
    await page.getByRole('button', { name: 'Take a picture' }).click();
    await page.getByRole('img', { name: 'What lobby-1 showed' }).waitFor();
    const file = await page.getByRole('link', { name: 'CSV' }).getAttribute('href');
    expect(file).toMatch(/^\/plays\.csv\?deviceId=lobby-1&from=\d+&to=\d+$/);
    await open(`/console/campaigns/${campaign.id}`);
    await page.getByRole('heading', { name: 'Proof of play' }).waitFor();
    expect(await page.getByRole('link', { name: 'CSV' }).getAttribute('href')).toContain(`campaignId=${campaign.id}`);
  });

  it('says when the live connection is gone, keeps asking, and comes back', async () => {
    await open('/');
    await live();
    api.refusals.set(
      'GET /campaigns/events',
      Array.from({ length: 100 }, () => ({ code: 'DATABASE_UNAVAILABLE', message: 'not now' })),
    );
    api.cutStreams();
    await page.locator('header [data-live="reconnecting"]').first().waitFor();
    api.campaigns.push(campaignRow({ name: 'Came meanwhile' }));
    await page.getByRole('link', { name: 'Came meanwhile' }).waitFor();
    expect(api.openStreams).toEqual([]);
    api.refusals.clear();
    await page.locator('header [data-live="live"]').first().waitFor();
  });

  it('keeps filter and page in the address, and offers another try when the list cannot be read', async () => {
    const names = Array.from({ length: 45 }, (_, index) => `No ${index}`);
    api.campaigns.push(...names.map((name, index) => campaignRow({ name, createdAt: new Date(index * 1_000).toISOString() })));
    api.campaigns.push(campaignRow({ name: 'Just a draft', status: 'draft', createdAt: new Date(0).toISOString() }));
    await open('/?page=2');
    await page.getByText('21–40 of 46 campaigns').waitFor();
    await page.getByRole('link', { name: 'No 24', exact: true }).waitFor();
    await page.getByRole('combobox', { name: 'Status' }).click();
    await page.getByRole('option', { name: 'Draft' }).click();
    await page.getByRole('link', { name: 'Just a draft' }).waitFor();
    expect(new URL(page.url()).search).toBe('?status=draft');
    api.refusals.set(
      'GET /campaigns',
      Array.from({ length: 100 }, () => ({ code: 'VALIDATION_FAILED', message: 'not now' })),
    );
    const before = api.sent('GET', '/campaigns').length;
    await page.reload();
    await page.getByText('not now').waitFor();
    // Once for the page and once for the stream that it opens; then only the button asks.
    await expect.poll(() => api.sent('GET', '/campaigns').length).toBeGreaterThan(before + 1);
    api.refusals.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('link', { name: 'Just a draft' }).waitFor();
  });

  it('shows what is missed as the feed tells of it, keeps quiet what is snoozed, and makes rules that never show their secret', async () => {
    api.alerts.rules.push(ruleRow({ name: HOSTILE, emails: ['ops@example.test'], warnings: ['emails are not sent: SMTP_URL is not set'] }));
    await open('/console/alerts');
    await page.getByText('No screen is missed').waitFor();
    await page.getByText('emails are not sent: SMTP_URL is not set').filter({ visible: true }).waitFor();
    await live();
    api.alerts.outages.push(outageRow({ deviceId: 'lobby-7', ruleName: HOSTILE }));
    api.alerts.notices.push(noticeRow({ state: 'failed', lastError: HOSTILE, ruleName: HOSTILE }));
    api.emit('alerts', { ts: Date.now() });
    await page.getByRole('link', { name: 'lobby-7' }).waitFor();
    await page.getByLabel('1 open outage', { exact: true }).hover();
    await page.getByRole('tooltip', { name: '1 open outage' }).waitFor();
    await page.getByRole('cell', { name: `Failed ${HOSTILE}` }).waitFor();

    await page.getByRole('button', { name: 'Snooze lobby-7' }).click();
    await page.getByRole('menuitem', { name: 'For 8 hours' }).click();
    await expect.poll(() => api.sent('POST', '/screens/lobby-7/snooze').map(({ body }) => body)).toEqual(['{"forMs":28800000}']);

    await page.getByRole('button', { name: 'New rule' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Shops');
    await dialog.getByLabel('Grace').fill('0.1');
    await dialog.getByRole('button', { name: 'Save rule' }).click();
    await dialog.getByText('From 10 seconds to 30 days.').waitFor();
    await dialog.getByLabel('Grace').fill('2');
    await dialog.getByLabel('Webhook').fill('https://hook.example.test/');
    await dialog.getByRole('textbox', { name: 'Secret' }).fill('hush');
    await dialog.getByRole('button', { name: 'Save rule' }).click();
    await dialog.waitFor({ state: 'hidden' });
    const [sent] = api.sent('POST', '/alert-rules').map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    const webhook = { url: 'https://hook.example.test/', secret: 'hush' };
    expect(sent).toEqual({ name: 'Shops', audience: { all: true }, graceMs: 120_000, webhook, emails: [], enabled: true });
    await page.getByRole('button', { name: 'More of Shops' }).click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await dialog.getByText('One is set, and stays unless you type another.').waitFor();
    await expect.poll(() => dialog.getByRole('textbox', { name: 'Secret' }).inputValue()).toBe('');
  });

  it('answers an unknown page and an unknown campaign in its own words', async () => {
    await open('/console/nowhere');
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    await open('/console/campaigns/0192f0c1-2f5e-7cc0-8000-000000000000');
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  });
});
