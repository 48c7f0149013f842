import { randomUUID } from 'node:crypto';
import type { Page } from '@marquee/testing';
import { describe, expect, it } from 'vitest';
import { chromium, eachPage, type Opened, PAGE_TEST_MS } from './each-page.js';
import type { FakeApi } from './fake-api.js';
import { ledgerOf, letterRow, processRow, statusRow } from './fake-clicks.js';
import { campaignRow } from './fixtures.js';

const HOSTILE = '<img src=x onerror="window.hit=1"> {{x}}';
const MINUTE = 60_000;

describe.skipIf(chromium === undefined)('clicks in the console', { timeout: PAGE_TEST_MS }, () => {
  let api: FakeApi;
  let page: Page;
  let open: Opened['open'];
  let shot: Opened['shot'];
  eachPage(
    (opened) => {
      ({ api, page, open, shot } = opened);
    },
    { timezoneId: 'Europe/Berlin' },
  );
  const layer = (name: string) => page.locator(`[data-layer="${name}"]`);
  const letters = () => page.getByRole('table', { name: 'Dead letters' }).locator('tbody tr');
  const asked = () => new URLSearchParams(api.sent('GET', '/clicks/stats').findLast(({ query }) => !query.includes('by='))?.query);

  it('shows how many clicked, on what, and what becomes of clicks on their way, as it goes on', async () => {
    const id = busy(api);
    await open('/');
    await page.getByRole('navigation').getByRole('link', { name: 'Clicks' }).click();
    await page.getByRole('img', { name: 'Clicks by minute; the most in one: 260' }).locator('canvas').waitFor();
    await expect.poll(() => layer('Accepted').innerText()).toBe('48,210');
    await expect.poll(() => layer('Stored').innerText()).toBe('1,204');
    await page.locator('[data-layer="Counted"]', { hasText: '46,871' }).waitFor();
    await page.getByText('Circuit half open').waitFor();
    await page.getByText('between 0 and 17', { exact: false }).waitFor();
    const rows = page.getByRole('table', { name: 'Clicks by campaign' }).locator('tbody tr');
    await expect.poll(() => rows.nth(0).innerText()).toMatch(/^Spring sale\s+1,200\s+1,100\s+1,050$/);
    await expect.poll(() => rows.nth(2).innerText()).toContain('Not said');
    await shot('clicks');
    await page.getByRole('button', { name: 'Switch to the dark scheme' }).click();
    await shot('clicks-dark');
    // The browser keeps the choice for the tests that follow.
    await page.getByRole('button', { name: 'Switch to the light scheme' }).click();
    // It moves by itself.
    api.clicks.status = { ...api.clicks.status, counters: { ...api.clicks.status.counters, accepted: 50_000 } };
    await page.locator('[data-layer="Accepted"]', { hasText: '50,000' }).waitFor();
    await page.getByRole('button', { name: 'Replay now' }).click();
    await page.getByText('204 clicks wait in the fallback.').waitFor();
    expect(api.clicks.replays).toBe(1);
    await rows.nth(0).getByRole('link', { name: 'Spring sale' }).click();
    await page.getByRole('link', { name: 'All about its clicks' }).click();
    await page.getByRole('heading', { level: 1, name: 'Clicks' }).waitFor();
    expect(new URL(page.url()).searchParams.get('campaign')).toBe(id);
    expect(asked().get('campaignId')).toBe(id);
  });

  it('asks for the time, the pieces, the zone and the campaign that were chosen, and keeps them in the address', async () => {
    const id = busy(api);
    await open('/console/clicks');
    await page.getByText('30 days').click();
    await page.getByRole('combobox', { name: 'Time zone' }).click();
    await page.getByRole('option', { name: 'UTC', exact: true }).click();
    await page.getByRole('combobox', { name: 'Campaign' }).click();
    await page.getByRole('option', { name: 'Spring sale' }).click();
    await expect.poll(() => Object.fromEntries(asked())).toMatchObject({ bucket: 'day', timeZone: 'UTC', campaignId: id });
    expect(Number(asked().get('to')) - Number(asked().get('from'))).toBe(30 * 86_400_000);
    await page.getByText('By hour').click();
    await expect.poll(() => asked().get('bucket')).toBe('hour');
    const file = await page.getByRole('link', { name: 'CSV' }).getAttribute('href');
    expect(file).toMatch(/^\/clicks\.csv\?/);
    expect(Object.fromEntries(new URLSearchParams(file?.split('?')[1]))).toEqual(Object.fromEntries(asked()));
    await page.getByText('QR code on a screen').waitFor({ state: 'detached' });
    await page.getByRole('radiogroup', { name: 'Most clicks by' }).getByText('Sources').click();
    await page.getByText('QR code on a screen').waitFor();
    const address = page.url();
    await page.goto(address);
    await expect.poll(() => asked().get('bucket')).toBe('hour');
    await expect.poll(() => page.getByRole('combobox', { name: 'Campaign' }).inputValue()).toBe('Spring sale');
  });

  it('shows a dead letter as it came, sends one back, and forgets the others only when it was confirmed', async () => {
    const body = JSON.stringify({ adId: HOSTILE, clickedAt: 'never' });
    api.clicks.letters = [
      letterRow({ id: 12, reason: `adId: ${HOSTILE}`, body, redriven: 2 }),
      ...[11, 10, 9].map((id) => letterRow({ id, reason: 'no queue takes it' })),
    ];
    await open('/console/clicks');
    await letters().nth(3).waitFor();
    await expect.poll(() => letters().nth(0).innerText()).toContain('sent back 2 times');
    await page.getByRole('button', { name: 'More of dead letter 12' }).click();
    await page.getByRole('menuitem', { name: 'Inspect' }).click();
    await page.getByLabel('The message as it came').waitFor();
    await expect.poll(() => page.getByLabel('The message as it came').innerText()).toBe(JSON.stringify(JSON.parse(body), null, 2));
    await shot('clicks-letter');
    await page.getByRole('dialog').getByRole('button', { name: 'Send back' }).click();
    await page.getByRole('dialog', { name: 'Send this dead letter back?' }).getByRole('button', { name: 'Send back' }).click();
    await page.getByText('1 sent back').waitFor();
    await expect.poll(() => letters().count()).toBe(3);
    expect(api.sent('POST', '/clicks/dead-letters/redrive').map(({ body: sent }) => sent)).toEqual(['{"ids":[12]}']);
    await page.getByRole('button', { name: 'Forget all' }).click();
    await page.getByRole('button', { name: 'Leave it' }).click();
    expect(api.sent('POST', '/clicks/dead-letters/purge')).toEqual([]);
    await page.getByRole('button', { name: 'Forget all' }).click();
    await page.getByRole('button', { name: 'Forget for good' }).click();
    await page.getByText('Every click could be counted.').waitFor();
    expect(api.sent('POST', '/clicks/dead-letters/purge').map(({ body: sent }) => sent)).toEqual(['{"all":true}']);
    expect(await page.evaluate(() => 'hit' in window)).toBe(false);
  });

  it('says when nobody accepts clicks, and when nobody clicked', async () => {
    await open('/console/clicks');
    await page.getByText('No process with the role clicks is running').waitFor();
    await page.getByText('Nobody clicked in this time.').first().waitFor();
    await page.getByText('No click was accepted in this time.').waitFor();
  });

  it('are on the page of a campaign whatever its channel, of a rehearsal once there are some', async () => {
    const [webhook, rehearsal] = [campaignRow({ channel: 'webhook' }), campaignRow({ channel: 'null' })];
    api.campaigns.push(webhook, rehearsal);
    const section = page.getByRole('region', { name: 'Clicks' });
    await open(`/console/campaigns/${webhook.id}`);
    await section.getByText('Nobody clicked in this time.').waitFor();
    const before = api.sent('GET', '/clicks/stats').length;
    await open(`/console/campaigns/${rehearsal.id}`);
    await expect.poll(() => api.sent('GET', '/clicks/stats').length).toBeGreaterThan(before);
    await page.getByRole('region', { name: 'Deliveries' }).waitFor();
    expect(await section.count()).toBe(0);
    api.clicks.series = [{ at: Math.floor(Date.now() / 3_600_000) * 3_600_000, raw: 3, unique: 2, human: 1 }];
    await page.reload();
    await section.getByRole('img', { name: /Clicks by hour/ }).waitFor();
  });

  it('fits a phone', async () => {
    busy(api);
    await page.setViewportSize({ width: 400, height: 800 });
    await open('/console/clicks');
    await page
      .getByRole('img', { name: /Clicks by minute/ })
      .locator('canvas')
      .waitFor();
    await letters().first().waitFor();
    await layer('Counted').waitFor();
    await page.getByRole('table', { name: 'Ledger' }).waitFor();
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await shot('clicks-phone');
    await page.getByRole('button', { name: 'Switch to the dark scheme' }).click();
    await shot('clicks-phone-dark');
  });
});

/** A quarter of an hour with an outage in it; answers the id of the campaign that is clicked most. */
function busy(api: FakeApi): string {
  const campaign = campaignRow({ name: 'Spring sale' });
  api.campaigns = [campaign, campaignRow({ name: 'Autumn' })];
  const minute = Math.floor(Date.now() / MINUTE) * MINUTE;
  const wave = [180, 210, 190, 240, 260, 120, 90, 150, 220, 230, 205, 198, 140];
  api.clicks.series = wave.map((raw, at) => ({
    at: minute - (wave.length - 1 - at) * MINUTE,
    raw,
    unique: Math.round(raw * 0.86),
    human: Math.round(raw * 0.8),
  }));
  api.clicks.rows = {
    campaign: [
      { key: campaign.id, name: 'Spring sale', raw: 1200, unique: 1100, human: 1050 },
      { key: api.campaigns[1]?.id ?? '', name: 'Autumn', raw: 720, unique: 640, human: 602 },
      { key: '', name: null, raw: 313, unique: 180, human: 130 },
    ],
    source: [{ key: 'qr', name: null, raw: 900, unique: 870, human: 866 }],
  };
  const now = Date.now();
  const counters = { accepted: 48_210, rejected: 37, overloaded: 12, duplicates: 415, published: 48_001, confirmed: 46_894, retried: 903 };
  api.clicks.status = statusRow(
    [
      processRow({ circuit: { state: 'HALF_OPEN', failures: 5, since: now - 4_000, retryAt: null } }),
      processRow({ process: 2, name: 'hall:812', memory: { clicks: 3, bound: 2000 } }),
    ],
    {
      queueDepth: 23,
      fallbackDepth: 204,
      counters: { ...api.clicks.status.counters, ...counters, stored: 1_204, replayed: 1_000, dead: 4, marked: 46_894 },
    },
  );
  api.clicks.letters = [
    letterRow({ id: 4, reason: 'adType: Invalid input: expected string, received number', deadAt: now - 20_000, redriven: 1 }),
    ...[3, 2, 1].map((id) => letterRow({ id, messageId: randomUUID(), reason: 'no queue takes it', deadAt: now - 600_000 })),
  ];
  const minutes = wave.map((raw, at) => ({
    at: minute - (wave.length - 1 - at) * MINUTE,
    accepted: raw + 8,
    stored: at === 7 ? raw - 20 : raw,
    duplicates: at === 7 ? 7 : 8,
    dead: at === 7 ? 4 : 0,
    rejected: {},
    missing: at === 7 ? 17 : 0,
  }));
  const ledger = ledgerOf(minutes);
  api.clicks.ledger = {
    ...ledger,
    total: { ...ledger.total, accepted: 47_307, stored: 46_871, duplicates: 415, dead: 4, missing: 17 },
    lost: { atLeast: 0, atMost: 17 },
    silent: [3],
    balanced: false,
  };
  return campaign.id;
}
