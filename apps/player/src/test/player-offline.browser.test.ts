import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chromium, eachScreen } from './each-screen.js';
import { picture } from './rig.js';
import type { ScreenRig } from './screen-rig.js';

const RED = 'rgb(255, 0, 0)';
const BLUE = 'rgb(0, 0, 255)';

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe.skipIf(chromium === undefined)('the player page without a network', () => {
  let rig: ScreenRig;
  eachScreen(async (fresh) => {
    rig = fresh;
    rig.server.answers.set('/client-config', { type: 'application/json', body: JSON.stringify({ brokerUrl: rig.broker.url }) });
    await rig.open(`deviceId=${rig.device}`);
    await rig.broker.online(rig.device);
    await rig.pageKept();
  });

  it('comes up after a reload, plays what it has, starts what starts next, and tells it all once it is back', async () => {
    const now = rig.campaign({ colour: RED, assets: [rig.asset('/assets/a.svg', picture('red'))] });
    rig.offer(now);
    await rig.broker.event(rig.device, 'DISPLAY_START', now.campaignId);
    const next = rig.campaign({
      colour: BLUE,
      priority: 1,
      startAt: Date.now() + 6_000,
      assets: [rig.asset('/assets/b.svg', picture('blue'))],
    });
    rig.offer(next);
    await rig.broker.event(rig.device, 'INSTALL_ACK', next.campaignId);
    await rig.cut();
    await rig.page.reload();
    await expect.poll(() => rig.frames()).toBe(1);
    expect(await rig.shownColour()).toBe(RED);
    expect(await rig.shownPicture()).toEqual({ from: 'blob', width: 40 });
    await expect.poll(() => rig.shownColour()).toBe(BLUE);
    expect(await rig.shownPicture()).toEqual({ from: 'blob', width: 40 });

    await rig.broker.open();
    const started = await rig.broker.event(rig.device, 'DISPLAY_START', next.campaignId);
    expect(started.timestamp - next.startAt).toBeLessThan(5_000);
    expect(rig.broker.kinds(rig.device, now.campaignId)).toEqual([
      'INSTALL_ACK',
      'DISPLAY_START',
      'DISPLAY_COMPLETE',
      'DISPLAY_START',
      'DISPLAY_COMPLETE',
    ]);
    expect(rig.broker.said(rig.device).map(({ payload }) => payload?.['seq'])).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('sends again what the server asks for, and says which events it keeps', async () => {
    const one = rig.campaign();
    rig.offer(one);
    const first = await rig.broker.event(rig.device, 'INSTALL_ACK', one.campaignId);
    await rig.broker.event(rig.device, 'DISPLAY_START', one.campaignId);
    await expect.poll(() => rig.stored('kept')).toEqual([1, 2]);
    rig.broker.events.length = 0;
    rig.broker.publish(`devices/${rig.device}/control`, { type: 'replay', fromSeq: 1 });
    expect(await rig.broker.event(rig.device, 'INSTALL_ACK', one.campaignId)).toEqual(first);
    await rig.broker.event(rig.device, 'DISPLAY_START', one.campaignId);
    await rig.page.reload();
    const said = await rig.broker.until(
      () => rig.broker.statuses.findLast(({ status }) => (status.events?.last ?? 0) >= 2)?.status,
      'the numbers',
    );
    expect(said.events).toMatchObject({ series: first.payload?.['series'], first: 1 });
  });

  it('goes on with an install that a reload cut short, and fetches nothing twice', async () => {
    const done = rig.asset('/assets/done.svg', picture('teal'));
    const slow = rig.asset('/assets/slow.svg', picture('grey'));
    rig.server.answers.set('/assets/slow.svg', (response) => void response.writeHead(200).write('<svg'));
    const manifest = rig.campaign({ assets: [done, slow] });
    rig.offer(manifest);
    await expect.poll(() => rig.stored('media')).toEqual([`sha256:${done.checksum}`]);
    await expect.poll(() => rig.server.asked).toContain('/assets/slow.svg');
    const before = rig.broker.statuses.length;
    await rig.page.reload();
    await rig.broker.until(() => rig.broker.statuses.slice(before).some(({ status }) => status.status === 'online'), 'online again');
    expect([await rig.frames(), await rig.stored('campaigns')]).toEqual([0, []]);
    rig.asset('/assets/slow.svg', picture('grey'));
    rig.offer(manifest);
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId);
    expect(rig.server.asked.filter((path) => path === '/assets/done.svg')).toHaveLength(1);
  });

  it('takes a newer player when nothing plays, and one of which a file is missing not at all', async () => {
    const manifest = rig.campaign();
    rig.offer(manifest);
    await rig.broker.event(rig.device, 'DISPLAY_START', manifest.campaignId);
    const newer = await mkdtemp(join(tmpdir(), 'marquee-player-'));
    await cp(rig.server.dist, newer, { recursive: true });
    const html = await readFile(join(newer, 'index.html'), 'utf8');
    const worker = await readFile(join(newer, 'sw.js'), 'utf8');
    const title = html.replace('Marquee player', 'Marquee player 2');
    await writeFile(join(newer, 'sw.js'), worker.replace(sha256(html), sha256(title)).replace(/(VERSION=')\w+/, '$1next'));
    rig.server.dist = newer;
    const update = (): Promise<string[]> =>
      rig.page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready;
        await registration.update().catch(() => undefined);
        const { installing } = registration;
        await new Promise<void>((resolve) => {
          const look = (): void => {
            if (installing === null || installing.state === 'activated' || installing.state === 'redundant') resolve();
          };
          installing?.addEventListener('statechange', look);
          look();
        });
        return [installing?.state ?? 'none', String((await caches.keys()).length)];
      });
    // The worker names a page that this server does not have yet.
    expect(await update()).toEqual(['redundant', '1']);
    await writeFile(join(newer, 'index.html'), title);
    expect(await update()).toEqual(['activated', '2']);
    expect([await rig.page.title(), await rig.frames()]).toEqual(['Marquee player', 1]);
    rig.revoke(manifest.campaignId);
    await expect.poll(() => rig.page.title()).toBe('Marquee player 2');
    expect(rig.broker.kinds(rig.device, manifest.campaignId)).toHaveLength(4);
    await rm(newer, { recursive: true, force: true });
  });
});
