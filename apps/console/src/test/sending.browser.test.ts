import type { Page } from '@marquee/testing';
import type { FeedOutcome } from '@marquee/contracts';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chromium, eachPage, HOSTILE, type Opened, PAGE_TEST_MS } from './each-page.js';
import type { FakeApi } from './fake-api.js';
import { campaignRow, deliveryRow, NO_COUNTS } from './fixtures.js';

describe.skipIf(chromium === undefined)('campaigns that are sent to recipients, in the console', { timeout: PAGE_TEST_MS }, () => {
  let api: FakeApi;
  let page: Page;
  let open: Opened['open'];
  eachPage((opened) => {
    ({ api, page, open } = opened);
  });

  const rehearsal = (part: Parameters<typeof campaignRow>[0] = {}) =>
    campaignRow({
      name: 'A million',
      channel: 'null',
      status: 'active',
      dispatch: 'manual',
      startAt: null,
      expireAt: null,
      audience: { count: 1000 },
      content: { latencyMs: 200, failureRate: 0 },
      assets: [],
      epoch: 0,
      ...part,
      counts: { ...NO_COUNTS, ...part.counts },
    });
  const show = async (campaign: ReturnType<typeof campaignRow>) => {
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}`);
    await page.locator('header [data-live="live"]').first().waitFor();
  };
  const button = (name: string | RegExp) => page.getByRole('button', { name });
  const figure = (name: string) => page.locator(`[data-figure="${name}"]`);
  const lines = () => page.getByRole('list', { name: 'Live feed' }).getByRole('listitem');
  const delivery = (campaignId: string, outcome: FeedOutcome, epoch: number) => ({
    campaignId,
    deliveryId: randomUUID(),
    outcome,
    epoch,
    ts: Date.now(),
  });

  it('pauses and says what is mid-air, resumes and says what was rewound, and shows what bounced off the fence', async () => {
    const campaign = rehearsal({ counts: { ...NO_COUNTS, SUCCESS: 400, SENDING: 12, IN_PROGRESS: 88, PENDING: 500 } });
    await show(campaign);
    await expect.poll(() => figure('Sent').textContent()).toBe('400');
    await expect.poll(() => figure('In flight').textContent()).toBe('100');
    await page.getByRole('img', { name: /^Of 1000 recipients\. Sent: 400, Sending: 12, Claimed: 88, Waiting: 500$/ }).waitFor();

    await button('Pause').click();
    await page.getByText('12 mid-air. No send starts until it is resumed.').waitFor();
    await page.getByText('Paused; 12 mid-air.').waitFor();
    expect(await button('Pause').count()).toBe(0);
    expect(api.sent('POST', `/campaigns/${campaign.id}/pause`).map(({ query }) => query)).toEqual(['']);
    api.emit('campaign', { campaignId: campaign.id, status: 'active', paused: true, epoch: 0, ts: Date.now() });
    api.emit('message', delivery(campaign.id, 'REJECTED_STALE', 0));
    api.emit('summary', { campaignId: campaign.id, counts: { REJECTED_STALE: 500 }, epoch: 0, ts: Date.now() });
    await page.getByText('501 stale messages bounced off the fence; nothing was sent.').waitFor();
    const bounced = lines().filter({ hasText: 'Stale, bounced' });
    await expect.poll(() => bounced.allTextContents()).toEqual([expect.stringMatching(/501 deliveriesepoch 0$/)]);

    await button('Resume').click();
    await page.getByText('Resumed in epoch 1').first().waitFor();
    await page.getByText('Rewound: 88 that were claimed and not begun.').waitFor();
    await expect.poll(() => figure('Epoch').textContent()).toBe('1');
    await expect.poll(() => figure('Waiting').textContent()).toBe('588');
    api.emit('campaign', { campaignId: campaign.id, status: 'active', paused: false, epoch: 1, ts: Date.now() });
    const sent = delivery(campaign.id, 'SUCCESS', 1);
    api.emit('message', sent);
    await lines().filter({ hasText: sent.deliveryId }).filter({ hasText: 'epoch 1' }).waitFor();
    expect((await lines().allTextContents()).map((text) => text.replace(/^[\d:.]+/, ''))).toEqual([
      `Sent${sent.deliveryId}epoch 1`,
      'Resumed in epoch 1epoch 1',
      'Stale, bounced501 deliveriesepoch 0',
      'Pausedepoch 0',
    ]);
    await page.getByText('Stale', { exact: true }).click();
    await expect.poll(() => lines().count()).toBe(1);
  });

  it('names who stands in the way of a pause, and forces it when asked to', async () => {
    const campaign = rehearsal({ counts: { ...NO_COUNTS, SENDING: 3, PENDING: 997 } });
    await show(campaign);
    const path = `/campaigns/${campaign.id}/pause`;
    api.refuseOnce(`POST ${path}`, {
      code: 'PAUSE_UNCONFIRMED',
      message: 'nothing new begins, but session 77 may still be starting a send; ask again',
      holders: [{ pid: 77, application: HOSTILE, sinceMs: 5230 }],
    });
    await button('Pause').click();
    const dialog = page.getByRole('dialog');
    await dialog
      .getByRole('listitem')
      .filter({ hasText: `${HOSTILE} (session 77), for 5.2 s` })
      .waitFor();
    await dialog.getByRole('button', { name: 'Force' }).click();
    await page.getByText('One session was ended by force.').waitFor();
    await dialog.waitFor({ state: 'detached' });
    expect(api.sent('POST', path).map(({ query }) => query)).toEqual(['', '?force=true']);
    expect(await page.evaluate(() => 'hit' in window)).toBe(false);
  });

  it('retries what failed at once, and what is unknown only after the question', async () => {
    const campaign = rehearsal({ status: 'completed', counts: { ...NO_COUNTS, SUCCESS: 990, FAILED: 7, UNKNOWN: 3 } });
    await show(campaign);
    const scopes = () => api.sent('POST', `/campaigns/${campaign.id}/retry`).map(({ body }) => body);
    await button('Retry 7 failed').click();
    await page.getByText('7 deliveries.').waitFor();
    expect(scopes()).toEqual(['{"scope":"failed"}']);
    await expect.poll(() => figure('Failed').textContent()).toBe('0');

    await button('Retry 3 unknown').click();
    await page.getByText('they may get it twice').waitFor();
    await button('Leave them').click();
    expect(scopes()).toHaveLength(1);
    await button('Retry 3 unknown').click();
    await button('Send again').click();
    await page.getByText('3 deliveries.').waitFor();
    expect(scopes()).toEqual(['{"scope":"failed"}', '{"scope":"unknown"}']);
  });

  it('shows what a webhook posts and how its deliveries ended, hostile words as text', async () => {
    const content = { url: 'https://example.test/hook', headers: { 'X-Shop': HOSTILE.replace(/[{}]/g, '') }, data: { offer: HOSTILE } };
    const campaign = rehearsal({ channel: 'webhook', audience: { tags: { any: [HOSTILE] } }, content, rate: { perSecond: 500 } });
    api.deliveries.push(
      deliveryRow(campaign.id, { recipient: HOSTILE, status: 'FAILED', attempt: 3, lastError: `answered 410 ${HOSTILE}`, epoch: 2 }),
    );
    await show(campaign);
    await page.getByText('https://example.test/hook').waitFor();
    await page.getByText('At most 500 a second').waitFor();
    await page.getByText(`"offer": "${HOSTILE.replaceAll('"', '\\"')}"`).waitFor();
    const row = page.getByRole('table', { name: 'Deliveries' }).getByRole('row').last();
    await expect.poll(() => row.getByRole('cell').allTextContents()).toMatchObject({ 2: '3', 3: '2', 5: `answered 410 ${HOSTILE}` });
    expect(await page.getByRole('link', { name: 'Edit' }).count()).toBe(0);
    expect(await page.evaluate(() => 'hit' in window)).toBe(false);
    await page.setViewportSize({ width: 390, height: 844 });
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBe(0);
  });

  it('creates a webhook campaign and a rehearsal, and leads what is refused to its field', async () => {
    await open('/console/campaigns/new');
    await page.getByText('Webhook', { exact: true }).click();
    await page.getByLabel('Name').fill('Orders');
    await page.getByLabel('Headers').fill('X-Shop');
    await button('Create campaign').click();
    await page.getByText('Enter the address that is posted to.').waitFor();
    await page.getByText('“X-Shop” is not of the form Name: value.').waitFor();
    await page.getByLabel('Address (URL)').fill('http://10.0.0.1/hook');
    await page.getByLabel('Headers').fill('X-Shop: north');
    await page.getByLabel('Secret', { exact: true }).fill('hush');
    await page.getByLabel('Data').fill('{"offer": 1}');
    api.refuseOnce('POST /campaigns', { code: 'VALIDATION_FAILED', message: ['content.url: must not be a private address'] });
    await button('Create campaign').click();
    await page.getByText('Must not be a private address.').waitFor();
    await page.getByLabel('Address (URL)').fill('https://example.test/hook');
    await button('Create campaign').click();
    await page.getByRole('heading', { level: 1, name: 'Orders' }).waitFor();
    const bodies = () => api.sent('POST', '/campaigns').map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(bodies().at(-1)).toMatchObject({
      channel: 'webhook',
      audience: { all: true },
      content: { url: 'https://example.test/hook', secret: 'hush', headers: { 'X-Shop': 'north' }, data: { offer: 1 } },
      dispatch: 'manual',
    });

    await open('/console/campaigns/new');
    await page.getByText('Rehearsal', { exact: true }).click();
    await page.getByLabel('Name').fill('A million');
    await page.getByLabel('Recipients').fill('1000000');
    await button('Create campaign').click();
    await page.getByRole('heading', { level: 1, name: 'A million' }).waitFor();
    await button('Dispatch').waitFor();
    expect(bodies().at(-1)).toMatchObject({ channel: 'null', audience: { count: 1_000_000 }, content: { latencyMs: 50, failureRate: 0 } });
  });

  it('pauses and resumes a campaign on screens too', async () => {
    await show(campaignRow({ counts: { ...NO_COUNTS, SUCCESS: 5, PENDING: 5 } }));
    await button('Pause').click();
    await page.getByText('Nothing is mid-air.').waitFor();
    await page.getByText('Paused', { exact: true }).first().waitFor();
    await button('Resume').click();
    await page.getByText('Resumed in epoch 2').waitFor();
    await button('Pause').waitFor();
  });

  it('tells the timeline of a delivery, and shows what came from outside as text', async () => {
    const campaign = campaignRow({ channel: 'webhook' });
    const failed = deliveryRow(campaign.id, { recipient: 'ada', status: 'FAILED', lastError: HOSTILE });
    api.deliveries.push(failed);
    const at = Date.now();
    const play = { assetId: '01a204ac-39d8-7d6e-bf2a-89b94f5a6b7c', startedAt: new Date(2027, 0, 5, 9, 30).getTime(), durationMs: 8000 };
    api.timelines.set(failed.id, {
      ...failed,
      timeline: [
        { at, what: 'targeted' },
        { at, what: 'claimed', epoch: 1, worker: 'lobby:7' },
        { at, what: 'rescued', epoch: 1, worker: 'lobby:7', outcome: 'PENDING' },
        { at, what: 'settled', attempt: 2, epoch: 1, worker: 'cellar:9', outcome: 'FAILED', reason: HOSTILE },
        { at, what: 'clicked', assetId: '01a204ac-39d8-7d6e-bf2a-89b90b1c2d3e', label: 'duplicate', play },
        { at, what: 'clicked', assetId: HOSTILE },
      ],
      plays: null,
    });
    await show(campaign);
    await button('Timeline of ada').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Rescued → PENDING').waitFor();
    await dialog.getByText('epoch 1 · it was lobby:7').waitFor();
    await dialog.getByText('attempt 2 · epoch 1 · by cellar:9').waitFor();
    await dialog.getByText(HOSTILE).waitFor();
    await dialog.getByText('asset 0b1c2d3e · again').waitFor();
    await dialog.getByText(/^the screen showed 4f5a6b7c from 0?9:30:00 AM to 0?9:30:08 AM$/).waitFor();
    await dialog.getByText(`asset ${HOSTILE.slice(-8)}`).waitFor();
    expect(await page.evaluate(() => (window as { hit?: number }).hit)).toBeUndefined();
  });
});
