import { describe, expect, it } from 'vitest';
import { chromium, eachScreen } from './each-screen.js';
import { picture } from './rig.js';
import type { ScreenRig } from './screen-rig.js';

const HOUR_MS = 3_600_000;
const MB = 1024 * 1024;

let rig: ScreenRig;
eachScreen(
  (fresh) => {
    rig = fresh;
  },
  ['--host-resolver-rules=MAP screen.test 127.0.0.1'],
);

describe.skipIf(chromium === undefined)('the clock of a screen', () => {
  /** Sets the machine's clock under the running page; its timers and its steady clock go on. */
  const set = (byMs: number): Promise<void> =>
    rig.page.evaluate((by) => {
      const own = Date.now.bind(Date);
      Date.now = () => own() + by;
    }, byMs);

  it('may be set forward and back while it runs: nothing starts or ends for it', async () => {
    await rig.online();
    const running = rig.campaign({ expireAt: Date.now() + HOUR_MS / 2 });
    rig.offer(running);
    await rig.broker.event(rig.device, 'DISPLAY_START', running.campaignId);
    const later = rig.campaign({ startAt: Date.now() + HOUR_MS / 2, priority: 5 });
    rig.offer(later);
    await rig.broker.event(rig.device, 'INSTALL_ACK', later.campaignId);
    await rig.page.keyboard.press('i');
    for (const [by, sentence] of [
      [HOUR_MS, '3600.0 s ahead of the server, corrected'],
      [-2 * HOUR_MS, '3600.0 s behind the server, corrected'],
    ] as const) {
      await set(by);
      await expect.poll(() => rig.page.locator('#overlay').innerText()).toContain(sentence);
      const next = rig.campaign({ priority: 1, expireAt: Date.now() + 6_000 });
      rig.offer(next);
      const started = await rig.broker.event(rig.device, 'DISPLAY_START', next.campaignId);
      expect(Math.abs(started.timestamp - Date.now())).toBeLessThan(60_000);
      await rig.broker.event(rig.device, 'DISPLAY_COMPLETE', next.campaignId);
    }
    expect(rig.broker.kinds(rig.device, later.campaignId)).toEqual(['INSTALL_ACK']);
    expect(new Set(await rig.stored('campaigns'))).toEqual(new Set([running.campaignId, later.campaignId]));
  });

  it('may be set back without a server to ask', async () => {
    await rig.online();
    const running = rig.campaign({ startAt: Date.now() - 1_000 });
    rig.offer(running);
    await rig.broker.event(rig.device, 'DISPLAY_START', running.campaignId);
    const next = rig.campaign({ startAt: Date.now() + 4_000, priority: 1 });
    rig.offer(next);
    await rig.broker.event(rig.device, 'INSTALL_ACK', next.campaignId);
    await rig.server.close();
    await set(-HOUR_MS);
    const started = await rig.broker.event(rig.device, 'DISPLAY_START', next.campaignId);
    expect(started.timestamp - next.startAt).toBeLessThan(10_000);
    await rig.broker.event(rig.device, 'DISPLAY_COMPLETE', running.campaignId);
  });

  it('starts a campaign in 30 days then, and not now', async () => {
    await rig.online();
    const DAYS_30 = 30 * 24 * HOUR_MS;
    const far = rig.campaign({ startAt: Date.now() + DAYS_30, expireAt: Date.now() + 2 * DAYS_30, priority: 5 });
    rig.offer(far);
    await rig.broker.event(rig.device, 'INSTALL_ACK', far.campaignId);
    const soon = rig.campaign({ startAt: Date.now() + 1_000, expireAt: Date.now() + 3_000 });
    rig.offer(soon);
    await rig.broker.event(rig.device, 'DISPLAY_COMPLETE', soon.campaignId);
    expect([await rig.frames(), rig.broker.kinds(rig.device, far.campaignId)]).toEqual([0, ['INSTALL_ACK']]);
    rig.server.answers.set('/time', (response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ now: Date.now() + DAYS_30 }));
    });
    await rig.page.reload();
    await rig.broker.event(rig.device, 'DISPLAY_START', far.campaignId);
  });
});

describe.skipIf(chromium === undefined).each([
  ['', undefined],
  [' on plain HTTP by name', 'screen.test'],
])('a screen whose storage is full%s', (_where, name) => {
  it('says so and leaves nothing half, and what plays goes on', async () => {
    const origin = name === undefined ? rig.server.url : `http://${name}:${rig.server.port}`;
    const cdp = await rig.page.context().newCDPSession(rig.page);
    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 6 * MB });
    await rig.open(undefined, origin);
    await rig.broker.online(rig.device);
    const image = rig.asset('/assets/small.svg', picture('teal'));
    const playing = rig.campaign({ assets: [image] });
    rig.offer(playing);
    await rig.broker.event(rig.device, 'DISPLAY_START', playing.campaignId);

    const part = rig.asset('/assets/part.bin', 'p'.repeat(MB));
    const large = rig.asset('/assets/large.bin', 'x'.repeat(9 * MB));
    for (const sizeBytes of [0, 9 * MB]) {
      const unfit = rig.campaign({ priority: 1, assets: [part, { ...large, sizeBytes }] });
      rig.offer(unfit);
      const error = await rig.broker.event(rig.device, 'ERROR', unfit.campaignId);
      expect(error.payload?.['reason']).toContain('the storage of this screen is full: 9.0 MB more needed');
      expect(error.payload?.['seq']).toBeGreaterThan(0);
      await expect.poll(() => rig.stored('media')).toEqual([`sha256:${image.checksum}`]);
      expect(await rig.stored('campaigns')).toEqual([playing.campaignId]);
    }
    expect(await rig.shownPicture()).toEqual({ from: 'blob', width: 40 });
    await rig.page.keyboard.press('i');
    await expect.poll(() => rig.page.locator('#overlay').innerText()).toContain('The storage is full: a campaign could not be installed.');
    await shot('full');

    await rig.broker.close();
    rig.broker.statuses.length = 0;
    await rig.broker.open();
    const said = await rig.broker.online(rig.device);
    expect(said.lacks).toContain('free_storage');
    // Without a secure context no browser tells.
    expect(typeof said.storage?.usedBytes).toBe(name === undefined ? 'number' : 'undefined');

    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 60 * MB });
    const fits = rig.campaign({ priority: 1, assets: [part, large] });
    rig.offer(fits);
    await rig.broker.event(rig.device, 'DISPLAY_START', fits.campaignId);
  });
});

describe.skipIf(chromium === undefined)('a screen with a bound in its address', () => {
  it('keeps within it, fetches nothing that it could not keep, and has room again when something has gone', async () => {
    await rig.open(`deviceId=${rig.device}&brokerUrl=${encodeURIComponent(rig.broker.url)}&maxStorageMb=3`);
    await rig.broker.online(rig.device);
    const first = rig.campaign({ assets: [rig.asset('/assets/first.bin', 'f'.repeat(2 * MB))] });
    rig.offer(first);
    await rig.broker.event(rig.device, 'DISPLAY_START', first.campaignId);
    const asset = { ...rig.asset('/assets/second.bin', 's'.repeat(2 * MB)), sizeBytes: 2 * MB };
    const second = rig.campaign({ assets: [asset] });
    rig.offer(second);
    const error = await rig.broker.event(rig.device, 'ERROR', second.campaignId);
    expect(error.payload?.['reason']).toMatch(/^the storage of this screen is full: 2.0 MB more needed, [01].\d MB free of 3.0 MB$/);
    expect(rig.server.asked).not.toContain('/assets/second.bin');
    rig.revoke(first.campaignId);
    await rig.broker.event(rig.device, 'REVOKE_ACK', first.campaignId);
    // Chromium gives the room back a little later.
    await expect
      .poll(
        () => {
          rig.offer(second);
          return rig.broker.kinds(rig.device, second.campaignId).includes('INSTALL_ACK');
        },
        { timeout: 10_000, interval: 250 },
      )
      .toBe(true);
  });
});

describe.skipIf(chromium === undefined)('a screen on plain HTTP by name', () => {
  it('says on the screen and in its status what it lacks, and waits with a reload until its server is there', async () => {
    await rig.open(undefined, `http://screen.test:${rig.server.port}`);
    const said = await rig.broker.until(
      () => rig.broker.statuses.findLast(({ status }) => (status.lacks?.length ?? 0) > 2)?.status,
      'what it lacks',
    );
    expect(said.lacks).toEqual(['secure_context', 'service_worker', 'persistent_storage']);
    await expect.poll(() => rig.page.locator('#idle').innerText()).toContain('Opened over plain HTTP by name');
    await shot('insecure');
    await rig.page.evaluate(() => document.body.setAttribute('data-before', ''));
    await rig.server.close();
    rig.broker.publish(`devices/${rig.device}/control`, { type: 'reload' });
    const campaign = rig.campaign();
    rig.offer({ ...campaign, templateUrl: 'javascript:0' });
    await rig.broker.event(rig.device, 'ERROR', campaign.campaignId);
    await expect.poll(() => rig.page.locator('body[data-before]').count()).toBe(1);
    await rig.server.open();
    await expect.poll(() => rig.page.locator('body[data-before]').count()).toBe(0);
  });
});

async function shot(name: string): Promise<void> {
  if (process.env['SHOTS'] !== undefined) await rig.page.screenshot({ path: `${process.env['SHOTS']}/${name}-${Date.now()}.png` });
}
