import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromiumOrSkip, launchChromium, type Page } from '@marquee/testing';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageServer, picture, sha256, template, TestBroker } from './rig.js';

const chromium = chromiumOrSkip();
const root = fileURLToPath(new URL('../..', import.meta.url));

describe.skipIf(chromium === undefined)('the player page', () => {
  let dist: string;
  let browser: Browser;
  let server: PageServer;
  let broker: TestBroker;
  let page: Page;
  let device: string;

  beforeAll(async () => {
    dist = await mkdtemp(join(tmpdir(), 'marquee-player-'));
    await build({ root, logLevel: 'error', build: { outDir: dist, emptyOutDir: true } });
    browser = await launchChromium(['--host-resolver-rules=MAP screens.test 127.0.0.1']);
  });
  afterAll(async () => {
    await browser?.close();
    await rm(dist, { recursive: true, force: true });
  });
  beforeEach(async () => {
    server = new PageServer(dist);
    broker = new TestBroker();
    await Promise.all([server.open(), broker.open()]);
    device = `lobby-${randomUUID().slice(0, 8)}`;
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
    page = await context.newPage();
  });
  afterEach(async () => {
    await page.context().close();
    await Promise.all([server.close(), broker.close()]);
  });

  async function open(query = `deviceId=${device}&brokerUrl=${encodeURIComponent(broker.url)}`, origin = server.url): Promise<void> {
    await page.goto(`${origin}/player/?${query}`);
  }
  async function online(): Promise<void> {
    await open();
    await broker.online(device);
  }
  /** A manifest of a campaign that is on air now; its template stands at its own path. */
  function campaign(over: Record<string, unknown> & { colour?: string; assets?: { id?: string; url: string; checksum?: string }[] } = {}) {
    const { colour = '#0a7', assets = [], ...rest } = over;
    const campaignId = typeof rest['campaignId'] === 'string' ? rest['campaignId'] : randomUUID();
    const version = typeof rest['version'] === 'number' ? rest['version'] : 1;
    const path = `/templates/${campaignId}/${version}/index.html`;
    const html = template(
      colour,
      assets.map(({ id, url }) => ({ id: id ?? url, url })),
    );
    server.answers.set(path, { body: html });
    return {
      manifestId: `${campaignId}-${version}`,
      campaignId,
      version,
      startAt: Date.now() - 1_000,
      expireAt: Date.now() + 3_600_000,
      templateUrl: `${server.url}${path}`,
      templateChecksum: sha256(html),
      assets,
      ...rest,
    };
  }
  function asset(path: string, body: string, checksum = sha256(body)) {
    server.answers.set(path, { body, type: 'image/svg+xml' });
    return { id: randomUUID(), url: `${server.url}${path}`, checksum };
  }
  function offer(manifest: unknown): void {
    broker.publish(`devices/${device}/notifications`, manifest);
  }
  function revoke(campaignId: string): void {
    broker.publish(`devices/${device}/control`, { type: 'revoke', campaignId });
  }
  const frames = (): Promise<number> => page.locator('#display iframe').count();
  /** The background of what is shown, or '' when nothing is. */
  async function shownColour(): Promise<string> {
    const frame = await (await page.$('#display iframe'))?.contentFrame();
    return (await frame?.evaluate(() => document.body.style.background)) ?? '';
  }
  /** Keys of one of the page's object stores. */
  function stored(name: string): Promise<string[]> {
    return page.evaluate(
      ([database, store]) =>
        new Promise<string[]>((resolve, reject) => {
          const opening = indexedDB.open(database ?? '');
          opening.onsuccess = () => {
            const keys = opening.result
              .transaction(store ?? '')
              .objectStore(store ?? '')
              .getAllKeys();
            keys.onsuccess = () => {
              opening.result.close();
              resolve(keys.result.map(String));
            };
          };
          opening.onerror = () => reject(new Error('no database'));
        }),
      [`marquee-player:${device}`, name],
    );
  }

  it('is subscribed and online within a second of its load, and leaves a will', async () => {
    const took: number[] = [];
    // The best of three: what else the machine does at that moment is not the page's delay.
    for (let load = 1; load <= 3; load += 1) {
      await open();
      await broker.until(() => broker.statuses.filter(({ status }) => status.status === 'online').length === load, 'online');
      const at = Date.now();
      const loaded = await page.evaluate(() => {
        const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
        return performance.timeOrigin + (navigation?.loadEventEnd ?? 0);
      });
      took.push(at - loaded);
    }
    expect(Math.min(...took)).toBeLessThan(1_000);
    expect(broker.statuses.at(-1)).toMatchObject({ retained: true, status: { deviceId: device, status: 'online', installed: [] } });
    expect(await page.locator('#idle').innerText()).toContain(device);
    expect(await frames()).toBe(0);
    await page.close();
    await broker.until(() => broker.statuses.filter(({ status }) => status.status === 'offline').length === 3, 'the will');
    expect(broker.statuses.at(-1)).toMatchObject({ retained: true, status: { deviceId: device, status: 'offline' } });
  });

  it('names itself and asks its own server for the broker when the address says neither', async () => {
    server.answers.set('/client-config', {
      type: 'application/json',
      body: JSON.stringify({ apiBaseUrl: server.url, brokerUrl: broker.url }),
    });
    await open('');
    const first = await broker.until(() => broker.statuses[0]?.status, 'online');
    expect(first.deviceId).toMatch(/^screen-[a-z0-9]{6}$/);
    expect(await page.locator('#idle h1').innerText()).toBe(first.deviceId);
    await page.reload();
    const again = await broker.until(() => broker.statuses.filter(({ status }) => status.status === 'online')[1], 'online again');
    expect(again.status.deviceId).toBe(first.deviceId);
  });

  it('says in one sentence which setting is wrong', async () => {
    await open('deviceId=a/b');
    await expect.poll(() => page.locator('#idle').innerText()).toContain('deviceId in the address of this page must be');
    await open(`deviceId=${device}&brokerUrl=javascript:alert(1)`);
    await expect.poll(() => page.locator('#idle').innerText()).toContain('brokerUrl in the address of this page must be');
  });

  it('installs, acknowledges, plays and, when it expires, stops and clears up', async () => {
    await online();
    const image = asset('/assets/red.svg', picture('red'));
    const manifest = campaign({ assets: [image], expireAt: Date.now() + 3_000 });
    offer(manifest);
    const ack = await broker.event(device, 'INSTALL_ACK', manifest.campaignId);
    expect(ack).toMatchObject({ deviceId: device, campaignId: manifest.campaignId, version: 1, payload: { seq: 1 } });
    expect(ack.payload).not.toHaveProperty('missing');
    expect(await stored('media')).toEqual([`sha256:${image.checksum}`]);

    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    expect(await frames()).toBe(1);
    expect(await page.locator('#display iframe').getAttribute('sandbox')).toBe('allow-scripts');
    const picture1 = page.frameLocator('#display iframe').locator('img');
    expect(await picture1.getAttribute('data-from')).toBe('blob');
    expect(await picture1.evaluate((node: HTMLImageElement) => node.naturalWidth)).toBe(40);
    expect(await page.locator('#idle').isVisible()).toBe(false);

    const over = await broker.event(device, 'DISPLAY_COMPLETE', manifest.campaignId);
    expect(over.timestamp - manifest.expireAt).toBeGreaterThanOrEqual(0);
    expect(over.timestamp - manifest.expireAt).toBeLessThan(500);
    expect(await frames()).toBe(0);
    expect(await page.locator('#idle').isVisible()).toBe(true);
    expect([await stored('campaigns'), await stored('templates'), await stored('media')]).toEqual([[], [], []]);
    expect(broker.kinds(device, manifest.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE']);
    await expect.poll(() => stored('outbox')).toEqual([]);
  });

  it('keeps what it has over a reload, when neither template nor asset can be had any more', async () => {
    await online();
    const image = asset('/assets/blue.svg', picture('blue'));
    const manifest = campaign({ assets: [image] });
    offer(manifest);
    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    server.answers.clear();
    await page.reload();
    await broker.event(device, 'DISPLAY_START', manifest.campaignId, 2);
    const shown = page.frameLocator('#display iframe').locator('img');
    expect(await shown.getAttribute('data-from')).toBe('blob');
    expect(await shown.evaluate((node: HTMLImageElement) => node.naturalWidth)).toBe(40);
    expect((await broker.online(device)).installed).toEqual([{ campaignId: manifest.campaignId, version: 1 }]);
    // The showing that the reload ended is closed, so that starts and ends pair up.
    expect(broker.kinds(device, manifest.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE', 'DISPLAY_START']);
    expect(broker.said(device)[2]?.payload).toMatchObject({ interrupted: true });
    expect(broker.said(device).map(({ payload }) => payload?.['seq'])).toEqual([1, 2, 3, 4]);
  });

  it('lets a higher priority take over, and comes back to the lower one after it', async () => {
    await online();
    const low = campaign({ colour: 'rgb(0, 0, 255)', priority: 0 });
    offer(low);
    await broker.event(device, 'DISPLAY_START', low.campaignId);
    const high = campaign({ colour: 'rgb(255, 0, 0)', priority: 5, expireAt: Date.now() + 2_500 });
    offer(high);
    await broker.event(device, 'DISPLAY_START', high.campaignId);
    expect(await shownColour()).toBe('rgb(255, 0, 0)');
    expect(await frames()).toBe(1);
    await broker.event(device, 'DISPLAY_COMPLETE', low.campaignId);
    await broker.event(device, 'DISPLAY_START', low.campaignId, 2);
    expect(await shownColour()).toBe('rgb(0, 0, 255)');
    expect(broker.kinds(device, high.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE']);
    await expect.poll(() => page.locator('iframe').count()).toBe(1);
  });

  it('lets equals take turns without a dark moment, and reports each once', async () => {
    await online();
    const slides = [{ assetId: 'x', durationMs: 1_000 }];
    const one = campaign({ colour: 'rgb(255, 0, 0)', slides });
    const two = campaign({ colour: 'rgb(0, 0, 255)', slides });
    offer(one);
    offer(two);
    await Promise.all([broker.event(device, 'DISPLAY_START', one.campaignId), broker.event(device, 'DISPLAY_START', two.campaignId)]);
    const seen = new Set<string>();
    const cast = await page.context().newCDPSession(page);
    cast.on('Page.screencastFrame', ({ data, sessionId }) => {
      seen.add(sha256(data));
      cast.send('Page.screencastFrameAck', { sessionId }).catch(() => undefined);
    });
    await cast.send('Page.startScreencast', { format: 'png', maxWidth: 64, maxHeight: 36 });
    const until = Date.now() + 4_500;
    while (Date.now() < until) {
      const [inside, all] = await page.evaluate(() => [
        document.querySelectorAll('#display iframe').length,
        document.querySelectorAll('iframe').length,
      ]);
      expect(inside).toBe(1);
      expect(all).toBeLessThanOrEqual(2);
    }
    await cast.send('Page.stopScreencast');
    // Red and blue, and nothing else at any moment.
    expect(seen.size).toBe(2);
    expect(broker.kinds(device, one.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START']);
    expect(broker.kinds(device, two.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START']);
  });

  it('refuses what does not match its checksum, plays nothing, and tries again with the next offer', async () => {
    await online();
    const image = asset('/assets/green.svg', picture('green'));
    const manifest = campaign({ assets: [image] });
    server.answers.set('/assets/green.svg', { body: 'a captive portal' });
    offer(manifest);
    const error = await broker.event(device, 'ERROR', manifest.campaignId);
    expect(error.payload?.['reason']).toBe(`asset ${image.url} does not match its checksum`);
    expect(await frames()).toBe(0);
    expect(broker.kinds(device, manifest.campaignId)).toEqual(['ERROR']);
    server.answers.set('/assets/green.svg', { body: picture('green'), type: 'image/svg+xml' });
    offer(manifest);
    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    expect(broker.kinds(device, manifest.campaignId)).toEqual(['ERROR', 'INSTALL_ACK', 'DISPLAY_START']);
  });

  it('tries an asset without a known checksum once, and names it when it cannot be had', async () => {
    await online();
    const known = asset('/assets/known.svg', picture('lime'));
    const gone = { id: randomUUID(), url: `${server.url}/cdn/gone.png`, checksum: '' };
    const manifest = campaign({ assets: [known, gone, { url: `${server.url}/cdn/foreign.png`, checksum: 'md5:1234' }] });
    server.answers.set('/cdn/foreign.png', { body: picture('pink'), type: 'image/svg+xml' });
    offer(manifest);
    const ack = await broker.event(device, 'INSTALL_ACK', manifest.campaignId);
    expect(ack.payload?.['missing']).toEqual([gone.url]);
    const fetched = server.asked.filter((path) => path === '/cdn/gone.png').length;
    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    const shown = page.frameLocator('#display iframe').locator('img');
    expect(new Set(await shown.evaluateAll((all) => all.map((node) => node.dataset['from'])))).toEqual(new Set(['blob', 'url']));
    expect(fetched).toBe(1);
  });

  it('takes a revoked campaign off for good, however late its manifest comes, and a newer version on', async () => {
    await online();
    const image = asset('/assets/white.svg', picture('white'));
    const other = campaign({ assets: [image], priority: -1 });
    const manifest = campaign({ assets: [image, asset('/assets/black.svg', picture('black'))] });
    offer(other);
    await broker.event(device, 'DISPLAY_START', other.campaignId);
    offer(manifest);
    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    revoke(manifest.campaignId);
    const ack = await broker.event(device, 'REVOKE_ACK', manifest.campaignId);
    expect(ack.version).toBe(1);
    expect(await stored('campaigns')).toEqual([other.campaignId]);
    expect(await stored('media')).toEqual([`sha256:${image.checksum}`]);
    await broker.event(device, 'DISPLAY_COMPLETE', manifest.campaignId);
    await broker.event(device, 'DISPLAY_START', other.campaignId, 2);

    offer(manifest);
    await page.reload();
    await broker.event(device, 'DISPLAY_START', other.campaignId, 3);
    offer(manifest);
    offer({ ...manifest, version: 0 });
    const newer = campaign({ campaignId: manifest.campaignId, version: 2 });
    revoke(randomUUID());
    offer(newer);
    await broker.event(device, 'DISPLAY_START', newer.campaignId, 2);
    expect(
      broker
        .said(device)
        .filter(({ eventType }) => eventType === 'INSTALL_ACK')
        .map(({ version }) => version),
    ).toEqual([1, 1, 2]);
  });

  it('acknowledges the revoke of a campaign that it never had, and keeps its late manifest off', async () => {
    await online();
    const manifest = campaign();
    revoke(manifest.campaignId);
    await broker.event(device, 'REVOKE_ACK', manifest.campaignId);
    offer(manifest);
    const next = campaign();
    offer(next);
    await broker.event(device, 'DISPLAY_START', next.campaignId);
    expect(broker.kinds(device, manifest.campaignId)).toEqual(['REVOKE_ACK']);
  });

  it('stops an install that is revoked while it runs', async () => {
    await online();
    const slow = asset('/assets/slow.svg', picture('grey'));
    server.answers.set('/assets/slow.svg', (response) => {
      response.writeHead(200, { 'content-type': 'image/svg+xml' });
      response.write('<svg');
    });
    const manifest = campaign({ assets: [slow] });
    offer(manifest);
    await expect.poll(() => server.asked).toContain('/assets/slow.svg');
    revoke(manifest.campaignId);
    await broker.event(device, 'REVOKE_ACK', manifest.campaignId);
    const next = campaign();
    offer(next);
    await broker.event(device, 'DISPLAY_START', next.campaignId);
    expect(broker.kinds(device, manifest.campaignId)).toEqual(['REVOKE_ACK']);
  });

  it('is not harmed by what is no manifest or control message', async () => {
    await online();
    const running = campaign();
    offer(running);
    await broker.event(device, 'DISPLAY_START', running.campaignId);
    const broken = [
      'null',
      '',
      '{',
      '[]',
      '"x"',
      '{}',
      JSON.stringify({ campaignId: 'x' }),
      '\u0000',
      '['.repeat(50_000),
      { ...running, version: 0 },
      { ...running, version: 2, expireAt: Date.now() - 1 },
      { ...running, campaignId: { toString: 'x' } },
    ];
    for (const payload of broken) offer(payload);
    for (const payload of [
      'null',
      '{',
      { type: 'revoke' },
      { type: 'revoke', campaignId: 7 },
      { type: 'dance' },
      { type: 'replay', fromSeq: 1 },
    ]) {
      broker.publish(`devices/${device}/control`, payload);
    }
    const refused = campaign();
    offer({ ...refused, templateUrl: 'javascript:alert(1)' });
    const error = await broker.event(device, 'ERROR', refused.campaignId);
    expect(error.payload?.['reason']).toContain('templateUrl');
    const foreign = { ...campaign({ priority: 1 }), campaignId: 'summer sale, no uuid' };
    offer(foreign);
    await broker.event(device, 'DISPLAY_START', foreign.campaignId);
    expect(broker.kinds(device, running.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE']);
    expect(broker.said(device)).toHaveLength(6);
  });

  it('plays a campaign without ids, slides and checksums, as older servers send it', async () => {
    await online();
    server.answers.set('/old.html', { body: '<!doctype html><body style="background:teal"><h1>Old</h1></body>' });
    const url = asset('/old.png', picture('navy')).url;
    const campaignId = randomUUID();
    const startAt = Date.now() - 5;
    offer({
      manifestId: 'm',
      campaignId,
      version: 1,
      startAt,
      expireAt: startAt + 60_000,
      templateUrl: `${server.url}/old.html`,
      assets: [{ url, checksum: '', sizeBytes: 0 }],
    });
    await broker.event(device, 'DISPLAY_START', campaignId);
    expect(await page.frameLocator('#display iframe').locator('h1').innerText()).toBe('Old');
    expect(await stored('media')).toEqual([`url:${url}`]);
  });

  it('starts on time, prepared beforehand outside of the display', async () => {
    await online();
    const manifest = campaign({ startAt: Date.now() + 2_500 });
    offer(manifest);
    await broker.event(device, 'INSTALL_ACK', manifest.campaignId);
    await expect.poll(() => page.locator('#wings iframe').count()).toBe(1);
    expect(await frames()).toBe(0);
    expect(await page.locator('#idle').innerText()).toContain('Next campaign at');
    const start = await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    expect(start.timestamp - manifest.startAt).toBeGreaterThanOrEqual(0);
    expect(start.timestamp - manifest.startAt).toBeLessThan(150);
    expect(await page.locator('iframe').count()).toBe(1);
  });

  it('comes back to its broker by itself and then says what happened meanwhile', async () => {
    await online();
    const manifest = campaign({ expireAt: Date.now() + 2_500 });
    offer(manifest);
    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    await broker.close();
    await expect.poll(frames, { timeout: 5_000 }).toBe(0);
    expect(await page.locator('#idle').innerText()).toContain('trying again');
    expect(await stored('outbox')).toHaveLength(1);
    await broker.open();
    await broker.event(device, 'DISPLAY_COMPLETE', manifest.campaignId);
    const next = campaign();
    offer(next);
    await broker.event(device, 'DISPLAY_START', next.campaignId);
    expect(broker.kinds(device, manifest.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE']);
  });

  it('says again, under the same eventId, what nobody acknowledged before the connection broke', async () => {
    await online();
    broker.mute = true;
    const manifest = campaign();
    offer(manifest);
    const first = await broker.event(device, 'INSTALL_ACK', manifest.campaignId);
    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    expect(await stored('outbox')).toHaveLength(2);
    await broker.close();
    broker.mute = false;
    broker.events.length = 0;
    await broker.open();
    const again = await broker.event(device, 'INSTALL_ACK', manifest.campaignId);
    expect(again).toEqual(first);
    await expect.poll(() => stored('outbox')).toEqual([]);
    expect(broker.kinds(device, manifest.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START']);
  });

  it('shows a campaign that is slow to be ready, though the next one is already being prepared', async () => {
    await online();
    const next = campaign({ startAt: Date.now() + 5_000, priority: 1 });
    offer(next);
    await broker.event(device, 'INSTALL_ACK', next.campaignId);
    const slow = campaign();
    const html = `<body><script>parent.postMessage({ channel: 'marquee-stage-1', type: 'asset', assetId: 'x' }, '*')</script></body>`;
    server.answers.set(`/templates/${slow.campaignId}/1/index.html`, { body: html });
    await new Promise((resolve) => setTimeout(resolve, next.startAt - 3_900 - Date.now()));
    offer({ ...slow, templateChecksum: sha256(html) });
    const shown = await broker.event(device, 'DISPLAY_START', slow.campaignId);
    const after = await broker.event(device, 'DISPLAY_START', next.campaignId);
    expect(shown.timestamp).toBeLessThan(next.startAt);
    expect(after.timestamp - next.startAt).toBeLessThan(3_000);
  });

  it('is one screen in one tab only: the second waits until the first is closed', async () => {
    await online();
    const second = await page.context().newPage();
    await second.goto(page.url());
    await expect.poll(() => second.locator('#idle').innerText()).toContain('open in another tab');
    const before = broker.statuses.length;
    await page.close();
    await broker.until(() => broker.statuses.slice(before).some(({ status }) => status.status === 'online'), 'online again');
    page = second;
    const manifest = campaign();
    offer(manifest);
    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
  });

  it('verifies and plays on plain HTTP by name, where the browser gives neither digests nor ids', async () => {
    await open(undefined, `http://screens.test:${server.port}`);
    await broker.online(device);
    expect(await page.evaluate(() => [isSecureContext, crypto.subtle === undefined, 'randomUUID' in crypto])).toEqual([false, true, false]);
    const image = asset('/assets/tan.svg', picture('tan'));
    const bad = campaign({ assets: [{ ...image, checksum: sha256('other') }] });
    offer(bad);
    await broker.event(device, 'ERROR', bad.campaignId);
    const good = campaign({ assets: [image] });
    offer(good);
    await broker.event(device, 'DISPLAY_START', good.campaignId);
    await page.reload();
    await broker.event(device, 'DISPLAY_START', good.campaignId, 2);
    expect(await page.frameLocator('#display iframe').locator('img').getAttribute('data-from')).toBe('blob');
  });

  it('keeps a hostile template away from the page, its storage and other frames’ questions', async () => {
    await online();
    const image = asset('/assets/secret.svg', picture('gold'));
    const quiet = campaign({ assets: [image], priority: -5 });
    offer(quiet);
    await broker.event(device, 'DISPLAY_START', quiet.campaignId);
    const hostile = campaign();
    const html = `<body><script>
      const told = {};
      try { told.parent = parent.document.title; } catch { told.parent = 'denied'; }
      try { told.storage = typeof localStorage.length; } catch { told.storage = 'denied'; }
      try { indexedDB.open('marquee-player:${device}'); told.database = 'open'; } catch { told.database = 'denied'; }
      try { top.location = 'about:blank'; told.top = 'moved'; } catch { told.top = 'denied'; }
      addEventListener('message', ({ data }) => { told[data.assetId] = data.blob === null ? 'nothing' : 'blob'; document.title = JSON.stringify(told); });
      const inner = document.createElement('iframe');
      inner.srcdoc = "<script>top.postMessage({ channel: 'marquee-stage-1', type: 'asset', assetId: 'x' }, '*'); onmessage = () => parent.postMessage({ assetId: 'inner', blob: 1 }, '*')<" + '/script>';
      document.body.append(inner);
      inner.onload = () => parent.postMessage({ channel: 'marquee-stage-1', type: 'asset', assetId: '${image.id}' }, '*');
    </script></body>`;
    server.answers.set(`/templates/${hostile.campaignId}/1/index.html`, { body: html });
    offer({ ...hostile, templateChecksum: sha256(html) });
    await broker.event(device, 'DISPLAY_START', hostile.campaignId);
    const frame = await (await page.$('#display iframe'))?.contentFrame();
    await expect.poll(() => frame?.title()).toContain('nothing');
    expect(JSON.parse((await frame?.title()) ?? '{}')).toEqual({
      parent: 'denied',
      storage: 'denied',
      database: 'denied',
      top: 'denied',
      [image.id]: 'nothing',
    });
    expect(page.url()).toContain('/player/');
  });

  it('shows its state on a key press, its name on identify, and loads anew on reload', async () => {
    await online();
    const manifest = campaign();
    offer(manifest);
    await broker.event(device, 'DISPLAY_START', manifest.campaignId);
    expect(await page.locator('#overlay').isVisible()).toBe(false);
    await page.keyboard.press('i');
    expect(await page.locator('#overlay').innerText()).toContain(manifest.campaignId);
    expect(await page.locator('#overlay').innerText()).toContain('on the screen');
    await page.keyboard.press('i');
    expect(await page.locator('#overlay').isVisible()).toBe(false);
    broker.publish(`devices/${device}/control`, { type: 'identify' });
    await expect.poll(() => page.locator('#identify').isVisible()).toBe(true);
    expect(await page.locator('#identify').innerText()).toBe(device);
    const loaded = page.waitForEvent('load');
    broker.publish(`devices/${device}/control`, { type: 'reload' });
    await loaded;
    await broker.event(device, 'DISPLAY_START', manifest.campaignId, 2);
  });
});
