import type { Page } from '@marquee/testing';
import { describe, expect, it } from 'vitest';
import { chromium, eachPage, HOSTILE, type Opened, PAGE_TEST_MS } from './each-page.js';
import type { FakeApi } from './fake-api.js';
import { campaignRow, NO_COUNTS, screenRow, versionRow } from './fixtures.js';

/** Seconds that the form does not show. */
const START = Date.UTC(2031, 2, 4, 9, 30, 17, 123);

describe.skipIf(chromium === undefined)('versions in the console', { timeout: PAGE_TEST_MS }, () => {
  let api: FakeApi;
  let page: Page;
  let open: Opened['open'];
  let shot: Opened['shot'];
  eachPage((opened) => {
    ({ api, page, open, shot } = opened);
  });

  const running = () =>
    campaignRow({
      name: 'Spring',
      version: 3,
      startAt: START,
      expireAt: START + 86_400_000,
      metadata: { fit: 'cover', text: 'Hello', price: { now: 3 } },
      audience: { groups: ['hall'], tags: { any: ['north'] } },
      window: { days: [1, 2], from: '08:00', to: '20:00', timeZone: 'Europe/Paris' },
      counts: { ...NO_COUNTS, SUCCESS: 5, acknowledged: 5 },
    });
  const bodies = (path: string) => api.sent('PUT', path).map(({ body }) => JSON.parse(body) as Record<string, unknown>);

  it('edits what was loaded and leaves everything else as it was', async () => {
    const campaign = running();
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}`);
    await page.getByRole('link', { name: 'Edit' }).click();
    const name = page.getByLabel('Name');
    await expect.poll(() => name.inputValue()).toBe('Spring');
    await expect.poll(() => page.getByLabel('Text over the slides').inputValue()).toBe('Hello');
    await page.getByText('stays as it is').waitFor();
    await shot('edit');
    await name.fill('  ');
    await page.getByRole('button', { name: 'Save as version 4' }).click();
    await page.getByText('Must not be blank.').waitFor();
    expect(bodies(`/campaigns/${campaign.id}`)).toEqual([]);
    await name.fill('Summer');
    await page.getByRole('button', { name: 'Save as version 4' }).click();
    await page.getByRole('heading', { level: 1, name: 'Summer' }).waitFor();
    await page.getByText('Saved as version 4').waitFor();
    const { name: _, startAt, expireAt, metadata, priority, window, assets } = campaign;
    expect(bodies(`/campaigns/${campaign.id}`)).toEqual([
      {
        name: 'Summer',
        startAt,
        expireAt,
        metadata,
        priority,
        window,
        assets: assets.map(({ assetType, url, durationMs }) => ({ assetType, url, durationMs })),
      },
    ]);
    await page.getByText('Version 4 is being built; screens keep version 3 until then.').waitFor();
  });

  it('says that somebody else was faster, keeps what was typed until it is told to load the campaign as it is now', async () => {
    const campaign = running();
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}/edit`);
    await page.getByLabel('Name').fill('Mine');
    Object.assign(campaign, { version: 4, liveVersion: 4, name: 'Theirs' });
    await page.getByRole('button', { name: 'Save as version 4' }).click();
    await page.getByText('This campaign was changed by someone meanwhile').waitFor();
    await expect.poll(() => page.getByLabel('Name').inputValue()).toBe('Mine');
    await shot('overtaken');
    await page.getByRole('button', { name: 'Load it as it is now' }).click();
    await page.getByRole('button', { name: 'Save as version 5' }).waitFor();
    await expect.poll(() => page.getByLabel('Name').inputValue()).toBe('Theirs');
    await page.getByLabel('Name').fill('Mine');
    await page.getByRole('button', { name: 'Save as version 5' }).click();
    await page.getByRole('heading', { level: 1, name: 'Mine' }).waitFor();
    expect(campaign.version).toBe(4);
    expect(api.campaigns[0]).toMatchObject({ version: 5, name: 'Mine' });
  });

  it('may change the audience until the campaign runs', async () => {
    api.screens.push(screenRow({ groupId: 'hall' }));
    const campaign = campaignRow({ status: 'ready', dispatch: 'manual', audience: { groups: ['hall'] } });
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}/edit`);
    await page.getByText('All', { exact: true }).click();
    await page.getByRole('button', { name: 'Save as version 2' }).click();
    await page.getByText('Saved as version 2').waitFor();
    expect(bodies(`/campaigns/${campaign.id}`)).toMatchObject([{ audience: { all: true } }]);
  });

  it('shows which screens have which version, and rolls back to one', async () => {
    const campaign = running();
    api.campaigns.push(campaign);
    api.versions.set(campaign.id, [
      versionRow(campaign, { acknowledged: 3 }),
      versionRow(campaign, { version: 2, name: HOSTILE, acknowledged: 1234, restores: 1 }),
      versionRow(campaign, { version: 1, name: 'First' }),
    ]);
    await open(`/console/campaigns/${campaign.id}`);
    const table = page.getByRole('table', { name: 'Versions' });
    await table.getByText(HOSTILE).waitFor();
    await expect.poll(() => table.locator('[data-figure="screens-2"]').textContent()).toBe('1,234');
    await table.getByText('as version 1').waitFor();
    expect(await table.locator('[data-version="3"]').getByRole('button').count()).toBe(0);
    await shot('versions');
    await table.locator('[data-version="2"]').getByRole('button', { name: 'Roll back' }).click();
    await shot('rollback');
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByText('Version 4 says what version 2 said.').waitFor();
    await page.getByRole('heading', { level: 1, name: HOSTILE }).waitFor();
    expect(api.sent('POST', `/campaigns/${campaign.id}/rollback`).map(({ body }) => body)).toEqual(['{"version":2}']);
    expect(await page.evaluate(() => 'hit' in window)).toBe(false);
  });

  it('fits a phone, with the way back and the last moment of a copy in sight', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    const beyond = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    const campaign = campaignRow({ ...running(), name: `${HOSTILE} ${'x'.repeat(60)}` });
    api.campaigns.push(campaign);
    api.versions.set(campaign.id, [versionRow(campaign), versionRow(campaign, { version: 2 })]);
    await open(`/console/campaigns/${campaign.id}`);
    await page.getByRole('button', { name: 'Roll back' }).waitFor();
    expect(await beyond()).toBe(0);

    Object.assign(campaign, { status: 'cancelled' });
    api.clearance = { clean: 3, dirty: 0, unreachable: 1, latestEnd: START };
    api.unclear = [{ deviceId: 'cut-off', state: 'unreachable', offlineSince: Date.now() - 7_200_000, version: 2, endsAt: START }];
    await page.reload();
    await page.getByRole('table', { name: 'Screens that are not clear' }).getByText('cut-off').waitFor();
    expect(await beyond()).toBe(0);
  });

  it('does not roll back what somebody changed while the question was open', async () => {
    const campaign = running();
    api.campaigns.push(campaign);
    api.versions.set(campaign.id, [versionRow(campaign), versionRow(campaign, { version: 2, name: 'Second' })]);
    await open(`/console/campaigns/${campaign.id}`);
    await page.getByRole('button', { name: 'Roll back' }).click();
    Object.assign(campaign, { version: 4, liveVersion: 4 });
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await page.getByText('The campaign was changed by someone meanwhile').waitFor();
    expect(await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).count()).toBe(0);
  });

  it('has no colour of success for what a cancelled campaign had reached', async () => {
    const campaign = campaignRow({ ...running(), counts: { ...NO_COUNTS, SUCCESS: 8, acknowledged: 5, CANCELLED: 2 } });
    api.campaigns.push(campaign);
    const bar = page.getByRole('img', { name: 'Of 10 targeted. Installed: 5' });
    const saturation = () =>
      bar.locator('> *').evaluateAll((sections) =>
        sections.map((section) => {
          const parts = (getComputedStyle(section).backgroundColor.match(/\d+/g) ?? []).slice(0, 3).map(Number);
          return Math.max(...parts) - Math.min(...parts);
        }),
      );
    await open(`/console/campaigns/${campaign.id}`);
    await bar.waitFor();
    expect((await saturation()).slice(0, 2).every((each) => each > 60)).toBe(true);
    Object.assign(campaign, { status: 'cancelled' });
    api.clearance = { clean: 5, dirty: 0, unreachable: 3, latestEnd: START };
    await page.reload();
    await bar.waitFor();
    await shot('cancelled');
    expect((await saturation()).filter((each) => each > 30)).toEqual([]);
    expect(await saturation()).toHaveLength(3);
  });

  it('lists the screens that are not clear after a cancel, and when each copy ends', async () => {
    const campaign = campaignRow({ ...running(), status: 'cancelled', liveVersion: 3 });
    api.campaigns.push(campaign);
    api.clearance = { clean: 3, dirty: 1, unreachable: 11, latestEnd: START };
    const unreachable = { state: 'unreachable' as const, offlineSince: Date.now() - 7_200_000, version: 2, endsAt: START };
    api.unclear = [
      { deviceId: 'a-lobby', state: 'dirty', offlineSince: null, version: 3, endsAt: START + 86_400_000 },
      ...Array.from({ length: 10 }, (_, index) => ({ ...unreachable, deviceId: `cut-off-${index}` })),
      { ...unreachable, deviceId: 'forgotten', offlineSince: null, version: null },
    ];
    await open(`/console/campaigns/${campaign.id}`);
    const table = page.getByRole('table', { name: 'Screens that are not clear' });
    await expect.poll(() => table.getByRole('row', { name: /a-lobby/ }).textContent()).toMatch(/online, has not answered yet3/);
    const row = table.getByRole('row', { name: /cut-off-0/ });
    await expect.poll(() => row.textContent()).toMatch(/offline since 2 hours ago2/);
    expect(await row.locator('time').last().getAttribute('datetime')).toBe(new Date(START).toISOString());
    await page.getByText('12 screens are not clear').waitFor();
    await shot('clearance');
    await page.getByRole('region', { name: 'Clearance' }).getByRole('button', { name: 'Next' }).click();
    await table.getByText('not registered').waitFor();
    expect(await page.getByRole('link', { name: 'Edit' }).count()).toBe(0);
  });
});
