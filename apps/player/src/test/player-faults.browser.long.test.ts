import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chromium, eachScreen } from './each-screen.js';
import { picture, sha256 } from './rig.js';
import type { ScreenRig } from './screen-rig.js';

describe.skipIf(chromium === undefined)('the player page in trouble', () => {
  let rig: ScreenRig;
  eachScreen(
    (fresh) => {
      rig = fresh;
    },
    ['--host-resolver-rules=MAP screens.test 127.0.0.1'],
  );

  it('says in one sentence which setting is wrong', async () => {
    await rig.open('deviceId=a/b');
    await expect.poll(() => rig.page.locator('#idle').innerText()).toContain('deviceId in the address of this page must be');
    await rig.open(`deviceId=${rig.device}&brokerUrl=javascript:alert(1)`);
    await expect.poll(() => rig.page.locator('#idle').innerText()).toContain('brokerUrl in the address of this page must be');
  });

  it('stops an install that is revoked while it runs', async () => {
    await rig.online();
    const slow = rig.asset('/assets/slow.svg', picture('grey'));
    rig.server.answers.set('/assets/slow.svg', (response) => {
      response.writeHead(200, { 'content-type': 'image/svg+xml' });
      response.write('<svg');
    });
    const manifest = rig.campaign({ assets: [slow] });
    rig.offer(manifest);
    await expect.poll(() => rig.server.asked).toContain('/assets/slow.svg');
    rig.revoke(manifest.campaignId);
    await rig.broker.event(rig.device, 'REVOKE_ACK', manifest.campaignId);
    const next = rig.campaign();
    rig.offer(next);
    await rig.broker.event(rig.device, 'DISPLAY_START', next.campaignId);
    expect(rig.broker.kinds(rig.device, manifest.campaignId)).toEqual(['REVOKE_ACK']);
  });

  it('is not harmed by what is no manifest or control message', async () => {
    await rig.online();
    const running = rig.campaign();
    rig.offer(running);
    await rig.broker.event(rig.device, 'DISPLAY_START', running.campaignId);
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
    for (const payload of broken) rig.offer(payload);
    for (const payload of [
      'null',
      '{',
      { type: 'revoke' },
      { type: 'revoke', campaignId: 7 },
      { type: 'dance' },
      { type: 'replay', fromSeq: 1 },
    ]) {
      rig.broker.publish(`devices/${rig.device}/control`, payload);
    }
    const refused = rig.campaign();
    rig.offer({ ...refused, templateUrl: 'javascript:alert(1)' });
    const error = await rig.broker.event(rig.device, 'ERROR', refused.campaignId);
    expect(error.payload?.['reason']).toContain('templateUrl');
    const foreign = { ...rig.campaign({ priority: 1 }), campaignId: 'summer sale, no uuid' };
    rig.offer(foreign);
    await rig.broker.event(rig.device, 'DISPLAY_START', foreign.campaignId);
    expect(rig.broker.kinds(rig.device, running.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE']);
    expect(rig.broker.said(rig.device)).toHaveLength(6);
  });

  it('plays a campaign without ids, slides and checksums, as older servers send it', async () => {
    await rig.online();
    rig.server.answers.set('/old.html', { body: '<!doctype html><body style="background:teal"><h1>Old</h1></body>' });
    const url = rig.asset('/old.png', picture('navy')).url;
    const campaignId = randomUUID();
    const startAt = Date.now() - 5;
    rig.offer({
      manifestId: 'm',
      campaignId,
      version: 1,
      startAt,
      expireAt: startAt + 60_000,
      templateUrl: `${rig.server.url}/old.html`,
      assets: [{ url, checksum: '', sizeBytes: 0 }],
    });
    await rig.broker.event(rig.device, 'DISPLAY_START', campaignId);
    await expect.poll(() => rig.page.frameLocator('#display iframe').locator('h1').innerText()).toBe('Old');
    expect(await rig.stored('media')).toEqual([`url:${url}`]);
  });

  it('comes back to its broker by itself and then says what happened meanwhile', async () => {
    await rig.online();
    const manifest = rig.campaign({ expireAt: Date.now() + 12_000 });
    rig.offer(manifest);
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId);
    await rig.broker.close();
    await expect.poll(() => rig.frames()).toBe(0);
    await expect.poll(() => rig.page.locator('#idle').innerText()).toContain('trying again');
    await expect.poll(() => rig.stored('outbox')).toHaveLength(1);
    await rig.broker.open();
    await rig.broker.event(rig.device, 'DISPLAY_COMPLETE', manifest.campaignId);
    const next = rig.campaign();
    rig.offer(next);
    await rig.broker.event(rig.device, 'DISPLAY_START', next.campaignId);
    expect(rig.broker.kinds(rig.device, manifest.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE']);
  });

  it('says again, under the same eventId, what nobody acknowledged before the connection broke', async () => {
    await rig.online();
    rig.broker.mute = true;
    const manifest = rig.campaign();
    rig.offer(manifest);
    const first = await rig.broker.event(rig.device, 'INSTALL_ACK', manifest.campaignId);
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId);
    await expect.poll(() => rig.stored('outbox')).toHaveLength(2);
    await rig.broker.close();
    rig.broker.mute = false;
    rig.broker.events.length = 0;
    await rig.broker.open();
    const again = await rig.broker.event(rig.device, 'INSTALL_ACK', manifest.campaignId);
    expect(again).toEqual(first);
    await expect.poll(() => rig.stored('outbox')).toEqual([]);
    expect(rig.broker.kinds(rig.device, manifest.campaignId)).toEqual(['INSTALL_ACK', 'DISPLAY_START']);
  });

  it('shows a campaign that is slow to be ready, though the next one is already being prepared', async () => {
    await rig.online();
    const next = rig.campaign({ startAt: Date.now() + 5_000, priority: 1 });
    rig.offer(next);
    await rig.broker.event(rig.device, 'INSTALL_ACK', next.campaignId);
    const slow = rig.campaign();
    const html = `<body><script>parent.postMessage({ channel: 'marquee-stage-1', type: 'asset', assetId: 'x' }, '*')</script></body>`;
    await new Promise((resolve) => setTimeout(resolve, next.startAt - 3_900 - Date.now()));
    rig.offer({ ...slow, ...rig.template(slow.campaignId, 1, html) });
    const shown = await rig.broker.event(rig.device, 'DISPLAY_START', slow.campaignId);
    const after = await rig.broker.event(rig.device, 'DISPLAY_START', next.campaignId);
    expect(shown.timestamp).toBeLessThan(next.startAt);
    expect(after.timestamp - next.startAt).toBeLessThan(10_000);
  });

  it('is one screen in one tab only: the second waits until the first is closed', async () => {
    await rig.online();
    const second = await rig.page.context().newPage();
    await second.goto(rig.page.url());
    await expect.poll(() => second.locator('#idle').innerText()).toContain('open in another tab');
    const before = rig.broker.statuses.length;
    await rig.page.close();
    await rig.broker.until(() => rig.broker.statuses.slice(before).some(({ status }) => status.status === 'online'), 'online again');
    rig.page = second;
    const manifest = rig.campaign();
    rig.offer(manifest);
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId);
  });

  it('verifies and plays on plain HTTP by name, where the browser gives neither digests nor ids', async () => {
    await rig.open(undefined, `http://screens.test:${rig.server.port}`);
    await rig.broker.online(rig.device);
    expect(await rig.page.evaluate(() => [isSecureContext, crypto.subtle === undefined, 'randomUUID' in crypto])).toEqual([
      false,
      true,
      false,
    ]);
    const image = rig.asset('/assets/tan.svg', picture('tan'));
    const bad = rig.campaign({ assets: [{ ...image, checksum: sha256('other') }] });
    rig.offer(bad);
    await rig.broker.event(rig.device, 'ERROR', bad.campaignId);
    const good = rig.campaign({ assets: [image] });
    rig.offer(good);
    await rig.broker.event(rig.device, 'DISPLAY_START', good.campaignId);
    await rig.page.reload();
    await rig.broker.event(rig.device, 'DISPLAY_START', good.campaignId, 2);
    expect(await rig.page.frameLocator('#display iframe').locator('img').getAttribute('data-from')).toBe('blob');
  });

  it('shows its state on a key press, its name on identify, and loads anew on reload', async () => {
    await rig.online();
    const manifest = rig.campaign();
    rig.offer(manifest);
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId);
    expect(await rig.page.locator('#overlay').isVisible()).toBe(false);
    await rig.page.keyboard.press('i');
    await expect.poll(() => rig.page.locator('#overlay').innerText()).toContain(manifest.campaignId);
    await expect.poll(() => rig.page.locator('#overlay').innerText()).toContain('on the screen');
    await rig.page.keyboard.press('i');
    expect(await rig.page.locator('#overlay').isVisible()).toBe(false);
    rig.broker.publish(`devices/${rig.device}/control`, { type: 'identify' });
    await expect.poll(() => rig.page.locator('#identify').isVisible()).toBe(true);
    await expect.poll(() => rig.page.locator('#identify').innerText()).toBe(rig.device);
    const loaded = rig.page.waitForEvent('load');
    rig.broker.publish(`devices/${rig.device}/control`, { type: 'reload' });
    await loaded;
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId, 2);
  });
});
