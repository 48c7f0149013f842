import type { Page } from '@marquee/testing';
import { describe, expect, it } from 'vitest';
import { chromium, eachPage, HOSTILE, type Opened, PAGE_TEST_MS } from './each-page.js';
import type { FakeApi } from './fake-api.js';
import { campaignRow, executionRow } from './fixtures.js';

describe.skipIf(chromium === undefined)('executions in the console', { timeout: PAGE_TEST_MS }, () => {
  let api: FakeApi;
  let page: Page;
  let open: Opened['open'];
  let shot: Opened['shot'];
  eachPage((opened) => {
    ({ api, page, open, shot } = opened);
  });

  const rows = () => page.getByRole('table', { name: 'Executions' }).locator('tbody tr');

  it('tells what piles up and every run with its reason, by state, and leads to the campaign', async () => {
    const campaign = campaignRow({
      name: 'Morning news',
      channel: 'webhook',
      assets: [],
      content: { url: 'https://example.test/hook' },
      schedule: { cron: '30 9 * * MON-FRI', timeZone: 'Europe/Berlin', overlap: 'skip', catchUp: 'one' },
      nextRunAt: Date.now() + 3_600_000,
    });
    api.campaigns = [campaign];
    const of = { campaignId: campaign.id, campaignName: campaign.name };
    const counts = { PENDING: 120, IN_PROGRESS: 0, SENDING: 8, SUCCESS: 9872, FAILED: 3, CANCELLED: 0, UNKNOWN: 0 };
    api.executions = [
      executionRow({ ...of, state: 'RUNNING', lagMs: 6, counts }),
      executionRow({ ...of, state: 'SKIPPED', startedAt: null, reason: 'an earlier execution was still live' }),
      executionRow({ ...of, state: 'FAILED', startedAt: null, attempts: 5, reason: `the campaign's audience cannot be read: ${HOSTILE}` }),
      executionRow({ campaignName: 'Once', kind: 'manual', state: 'COMPLETED', lagMs: 4, durationMs: 125_000 }),
    ];
    api.backlog = { ...api.backlog, new: 3, queued: 2, oldestNewMs: 7_500_000, running: 1, pendingDeliveries: 120, latestLagMs: 6 };
    await open('/');
    await page.getByRole('navigation').getByRole('link', { name: 'Executions' }).click();
    await page.getByText('2 in a queue, oldest for 2 h 5 min').waitFor();
    await expect.poll(() => page.locator('[data-figure="Deliveries waiting"]').innerText()).toBe('120');
    await rows().nth(3).waitFor();
    await expect.poll(() => rows().nth(0).innerText()).toContain('9,872 sent, 128 open, 3 failed');
    await expect.poll(() => rows().nth(2).innerText()).toContain(`${HOSTILE} (5 attempts)`);
    await expect.poll(() => rows().nth(3).innerText()).toContain('2 min 5 s');
    await shot('executions');
    await page.getByRole('combobox', { name: 'State' }).click();
    await page.getByRole('option', { name: 'Skipped' }).click();
    await page.getByText('1–1 of 1 executions').waitFor();
    expect(new URL(page.url()).search).toBe('?state=SKIPPED');
    await rows().first().getByRole('link', { name: 'Morning news' }).click();
    await page.getByRole('heading', { name: 'Executions' }).waitFor();
    await page.getByText('30 9 * * MON-FRI').waitFor();
    await rows().nth(2).waitFor();
    await expect.poll(() => rows().count()).toBe(3);
    await shot('executions-of-campaign');
  });

  it('says when nothing has run', async () => {
    await open('/console/executions');
    await page.getByText('Nothing has run yet').waitFor();
    await expect.poll(() => page.locator('[data-figure="Latest start"]').innerText()).toBe('–');
  });

  it('fits a phone', async () => {
    api.executions = [
      executionRow({ state: 'SKIPPED', startedAt: null, reason: "missed: found 7200000 ms after its moment, and catch-up is 'one'" }),
    ];
    await page.setViewportSize({ width: 360, height: 740 });
    await open('/console/executions');
    await rows().first().waitFor();
    await shot('executions-phone');
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  });
});
