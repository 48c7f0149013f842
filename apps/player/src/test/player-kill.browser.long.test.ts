import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumOrSkip, ProfileBrowser } from '@marquee/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { picture } from './rig.js';
import { ScreenRig } from './screen-rig.js';

const chromium = chromiumOrSkip();

describe.skipIf(chromium === undefined)('a screen that loses its power', () => {
  let profile: string;
  let browser: ProfileBrowser;
  let rig: ScreenRig;

  beforeEach(async () => {
    profile = await mkdtemp(join(tmpdir(), 'marquee-profile-'));
    browser = await ProfileBrowser.start(profile);
    rig = await ScreenRig.around(await browser.page());
  });
  afterEach(async () => {
    await browser.kill();
    await rig.cut();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });

  async function restart(): Promise<void> {
    await browser.kill();
    await rig.broker.until(() => rig.broker.statuses.at(-1)?.status.status === 'offline', 'the will');
    browser = await ProfileBrowser.start(profile);
    rig.page = await browser.page();
    await rig.open();
    await rig.broker.until(() => rig.broker.statuses.at(-1)?.status.status === 'online', 'online again');
  }

  it('in the middle of an install plays what it had and completes the other when it is offered again', async () => {
    await rig.online();
    const had = rig.campaign({ assets: [rig.asset('/assets/had.svg', picture('green'))] });
    rig.offer(had);
    await rig.broker.event(rig.device, 'DISPLAY_START', had.campaignId);
    const done = rig.asset('/assets/done.svg', picture('teal'));
    const slow = rig.asset('/assets/slow.svg', picture('grey'));
    rig.server.answers.set('/assets/slow.svg', (response) => void response.writeHead(200).write('<svg'));
    const half = rig.campaign({ priority: 1, assets: [done, slow] });
    rig.offer(half);
    await expect.poll(() => rig.stored('media')).toContain(`sha256:${done.checksum}`);
    await expect.poll(() => rig.server.asked).toContain('/assets/slow.svg');
    await restart();
    const over = await rig.broker.event(rig.device, 'DISPLAY_COMPLETE', had.campaignId);
    expect(over.payload).toMatchObject({ interrupted: true });
    await rig.broker.event(rig.device, 'DISPLAY_START', had.campaignId, 2);
    expect(await rig.shownPicture()).toEqual({ from: 'blob', width: 40 });
    expect(await rig.stored('campaigns')).toEqual([had.campaignId]);
    expect(rig.broker.kinds(rig.device, half.campaignId)).toEqual([]);

    rig.asset('/assets/slow.svg', picture('grey'));
    rig.offer(half);
    await rig.broker.event(rig.device, 'DISPLAY_START', half.campaignId);
    expect(rig.server.asked.filter((path) => path === '/assets/done.svg')).toHaveLength(1);
  });

  it('in the middle of a showing loses no event, and says none under another id', async () => {
    await rig.online();
    rig.broker.mute = true;
    const manifest = rig.campaign({ assets: [rig.asset('/assets/red.svg', picture('red'))] });
    rig.offer(manifest);
    const start = await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId);
    const before = rig.broker.said(rig.device);
    rig.broker.mute = false;
    rig.broker.events.length = 0;
    await restart();
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId, 2);
    const after = rig.broker.said(rig.device);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.map(({ eventType }) => eventType)).toEqual(['INSTALL_ACK', 'DISPLAY_START', 'DISPLAY_COMPLETE', 'DISPLAY_START']);
    expect(after.map(({ payload }) => [payload?.['series'], payload?.['seq']])).toEqual(
      [1, 2, 3, 4].map((seq) => [start.payload?.['series'], seq]),
    );
    expect(await rig.shownPicture()).toEqual({ from: 'blob', width: 40 });
  });

  it('comes up without its server', async () => {
    await rig.online();
    await rig.pageKept();
    const manifest = rig.campaign({ assets: [rig.asset('/assets/red.svg', picture('red'))] });
    rig.offer(manifest);
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId);
    const { server } = rig;
    await server.close();
    await restart();
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId, 2);
    expect(await rig.shownPicture()).toEqual({ from: 'blob', width: 40 });
  });
});
