import { chromiumOrSkip, launchChromium, type Browser, type BrowserContext, type Page } from '@marquee/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { noticeRow, outageRow, ruleRow } from './fake-alerts.js';
import { FakeApi } from './fake-api.js';
import { campaignRow, deliveryRow, NO_COUNTS, screenDeliveryRow, screenRow, storedEventRow, whyAnswer } from './fixtures.js';

const chromium = chromiumOrSkip();
const HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\' onload=hit=1 {{x}}';
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

describe.skipIf(chromium === undefined)('the console in a browser', { timeout: 90_000 }, () => {
  let browser: Browser;
  let dist: string;
  let context: BrowserContext;
  let port = 0;
  let api: FakeApi;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    dist = await mkdtemp(join(tmpdir(), 'marquee-console-'));
    // Built here, so that what is tested is never an older build than the sources.
    await build({ root: fileURLToPath(new URL('../..', import.meta.url)), logLevel: 'error', build: { outDir: dist, emptyOutDir: true } });
    // The console asks nobody but its own server; an asset of somebody else's cannot be reached here and must do no harm.
    browser = await launchChromium(['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1']);
    // One context and one port for all tests: the browser keeps the parsed bundle, as it does for a person.
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(20_000);
  }, 90_000);

  afterAll(async () => {
    await browser?.close();
    await rm(dist, { recursive: true, force: true });
  });

  beforeEach(async () => {
    api = new FakeApi(dist);
    port = await api.start(port);
    page = await context.newPage();
    problems = [];
    page.on('pageerror', (error) => problems.push(error.message));
  });

  afterEach(async () => {
    await page.close();
    await api.stop();
    if (problems.length > 0) throw new Error(`The page threw: ${problems.join('; ')}`);
  });

  const open = async (path: string) => {
    await page.goto(api.origin + path);
  };
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
    expect(await first.getByRole('textbox', { name: 'Address' }).inputValue()).toBe('https://cdn.example.test/clip.mp4');
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
    expect(await page.getByText(/^clock /).count()).toBe(1);
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

  it('keeps the preview away from the console: its script sees an origin of its own', async () => {
    api.template =
      '<!doctype html><title>t</title><script>try { parent.document.title = "stolen" } catch { document.title = "kept out" }</script>';
    const campaign = campaignRow();
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}`);
    const frame = await page.locator('iframe').elementHandle();
    const content = await frame?.contentFrame();
    await expect.poll(() => content?.title(), { timeout: 10_000 }).toBe('kept out');
    expect(await page.title()).toBe('Spring sale · Marquee');
  });

  it('moves the numbers as the feed tells of deliveries, and asks at most once a second however many come', async () => {
    const campaign = campaignRow({ counts: { ...NO_COUNTS, PENDING: 10 } });
    api.campaigns.push(campaign);
    await open(`/console/campaigns/${campaign.id}`);
    await live();
    expect(await figure('Targeted').textContent()).toBe('10');
    expect(api.openStreams).toEqual([campaign.id]);

    api.campaigns = [{ ...campaign, counts: { ...NO_COUNTS, SUCCESS: 10, acknowledged: 7, onAir: 3 } }];
    const event = { campaignId: campaign.id, deliveryId: campaign.id, outcome: 'SUCCESS' as const, epoch: 1, ts: Date.now() };
    api.emit('message', event);
    await expect.poll(() => figure('Installed').textContent(), { timeout: 10_000 }).toBe('7');
    expect(await figure('Handed over').textContent()).toBe('10');
    expect(await figure('On air').textContent()).toBe('3');

    const path = `/campaigns/${campaign.id}`;
    const before = api.sent('GET', path).length;
    const since = Date.now();
    for (let frame = 0; frame < 90; frame += 1) {
      for (let index = 0; index < 5; index += 1) api.emit('message', event);
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
    api.campaigns = [{ ...campaign, counts: { ...NO_COUNTS, SUCCESS: 10, acknowledged: 10, onAir: 10 } }];
    api.emit('summary', { campaignId: campaign.id, epoch: 1, ts: Date.now(), counts: { ACKNOWLEDGED: 3, ON_AIR: 7 } });
    await expect.poll(() => figure('On air').textContent(), { timeout: 20_000 }).toBe('10');
    expect(api.sent('GET', path).length - before).toBeLessThanOrEqual(2 + (Date.now() - since) / 1_000);

    api.campaigns = [{ ...campaign, status: 'completed' }];
    api.emit('campaign', { campaignId: campaign.id, status: 'completed', ts: Date.now() });
    await page.getByText('Completed').waitFor();
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
    await page.locator('header [data-live="live"]').first().waitFor({ timeout: 20_000 });
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

    expect(await page.locator('[data-figure="dirty"]').textContent()).toBe('2');
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
    expect(await figure('Targeted').textContent()).toBe('1');
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
    await page.reload();
    await page.getByText('not now').waitFor();
    api.refusals.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('link', { name: 'Just a draft' }).waitFor();
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
    expect(await dialog.getByRole('textbox', { name: 'Secret' }).inputValue()).toBe('');
  });

  it('answers an unknown page and an unknown campaign in its own words', async () => {
    await open('/console/nowhere');
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    await open('/console/campaigns/0192f0c1-2f5e-7cc0-8000-000000000000');
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  });
});
