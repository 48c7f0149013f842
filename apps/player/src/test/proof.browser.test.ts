import type { ServerResponse } from 'node:http';
import type { Play } from '@marquee/contracts/player';
import { beforeEach, describe, expect, it } from 'vitest';
import { chromium, eachScreen } from './each-screen.js';
import { PageServer } from './rig.js';
import type { ScreenRig } from './screen-rig.js';

interface Upload {
  method: string | undefined;
  type: string | undefined;
  body: Buffer;
}

describe.skipIf(chromium === undefined)('what the player page proves', () => {
  let rig: ScreenRig;
  eachScreen((fresh) => {
    rig = fresh;
  });

  const told = (): Play[] =>
    rig.broker
      .said(rig.device)
      .filter(({ eventType }) => eventType === 'PLAY_LOG')
      .flatMap(({ payload }) => (payload?.['plays'] ?? []) as Play[]);

  it('tells what it showed, slide by slide, once a minute and also what it showed offline', async () => {
    await rig.page.clock.install();
    await rig.online();
    // Prepared ahead, as what comes on schedule is.
    const show = rig.slideShow(['red', 'blue'], { startAt: Date.now() + 3_000 }, 1_000);
    rig.offer(show);
    await rig.broker.event(rig.device, 'DISPLAY_START', show.campaignId);
    await expect.poll(async () => (await rig.plays()).length).toBeGreaterThanOrEqual(3);
    expect(told()).toEqual([]);
    await rig.forward(95_000);
    const event = await rig.broker.event(rig.device, 'PLAY_LOG', show.campaignId);
    expect(event).toMatchObject({ version: 1, deviceId: rig.device });
    const [red, blue, redAgain] = told();
    expect([red, blue, redAgain].map((play) => play?.assetId)).toEqual([show.assets[0]?.id, show.assets[1]?.id, show.assets[0]?.id]);
    // A slide is shown until the next one is, which on a busy machine comes later than told.
    for (const [play, after] of [
      [red, blue],
      [blue, redAgain],
    ] as const) {
      const shownMs = (after?.startedAt ?? 0) - (play?.startedAt ?? 0);
      expect(shownMs).toBeGreaterThanOrEqual(900);
      expect(Math.abs((play?.durationMs ?? 0) - shownMs)).toBeLessThan(300);
    }

    await rig.broker.close();
    await expect.poll(async () => (await rig.plays()).length).toBeGreaterThanOrEqual(2);
    await rig.page.reload();
    await rig.broker.open();
    const again = await rig.broker.event(rig.device, 'DISPLAY_START', show.campaignId, 2);
    const begunSince = (plays: Play[]): boolean => plays.some(({ startedAt }) => startedAt >= again.timestamp);
    await expect.poll(async () => begunSince(await rig.plays())).toBe(true);
    await rig.forward(95_000);
    await rig.broker.until(() => begunSince(told()), 'the plays of the time after the reload');
    // One after another and none twice: before the cut, in it, and after the reload.
    const starts = told().map(({ startedAt }) => startedAt);
    expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
    expect(starts.filter((at) => at > Number(redAgain?.startedAt) && at < again.timestamp).length).toBeGreaterThanOrEqual(2);
  });

  it('knows after its browser died how long it had shown what it showed', async () => {
    await rig.page.clock.install();
    await rig.online();
    const show = rig.slideShow(['red']);
    rig.offer(show);
    await rig.broker.event(rig.device, 'DISPLAY_START', show.campaignId);
    await rig.forward(7_000);
    await expect.poll(() => rig.stored('marks')).toContain('playing');
    const context = rig.page.context();
    const cast = await context.newCDPSession(rig.page);
    const died = rig.page.waitForEvent('crash');
    cast.send('Page.crash').catch(() => undefined);
    await died;
    rig.page = await context.newPage();
    await rig.open();
    await rig.broker.event(rig.device, 'DISPLAY_START', show.campaignId, 2);
    const plays = await rig.plays();
    expect(plays).toMatchObject([{ campaignId: show.campaignId, version: 1, assetId: show.assets[0]?.id }]);
    expect(plays[0]?.durationMs).toBeGreaterThanOrEqual(5_000);
    expect(plays[0]?.durationMs).toBeLessThan(20_000);
  });

  describe('asked for a picture', () => {
    const uploads: Upload[] = [];
    const take = (response: ServerResponse): void => {
      const chunks: Buffer[] = [];
      response.req.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.req.on('end', () => {
        uploads.push({ method: response.req.method, type: response.req.headers['content-type'], body: Buffer.concat(chunks) });
        response.writeHead(204).end();
      });
    };
    const pictureOf = async (): Promise<Upload> => {
      const before = uploads.length;
      rig.control({ type: 'screenshot', uploadUrl: `/screens/${rig.device}/screenshot?token=t` });
      await expect.poll(() => uploads.length).toBe(before + 1);
      const upload = uploads.at(-1);
      if (upload === undefined) throw new Error('there is no picture');
      return upload;
    };

    beforeEach(async () => {
      uploads.length = 0;
      rig.server.answers.set(`/screens/${rig.device}/screenshot`, take);
      await rig.online();
    });

    it('sends the idle picture, then that of the template that is shown', async () => {
      const idle = await pictureOf();
      expect([idle.method, idle.type, idle.body.subarray(0, 3).toString('hex')]).toEqual(['PUT', 'image/jpeg', 'ffd8ff']);
      expect(idle.body.length).toBeGreaterThan(4_000);
      const show = rig.slideShow(['red']);
      rig.offer(show);
      await rig.broker.event(rig.device, 'DISPLAY_START', show.campaignId);
      const shown = await pictureOf();
      expect([shown.type, shown.body.subarray(1, 4).toString()]).toEqual(['image/png', 'PNG']);
    });

    it('sends a card where the template gives none', async () => {
      const old = rig.campaign();
      rig.offer(old);
      await rig.broker.event(rig.device, 'DISPLAY_START', old.campaignId);
      expect((await pictureOf()).type).toBe('image/jpeg');
    });

    it('sends it to no other server than its own', async () => {
      const other = new PageServer(rig.server.dist);
      await other.open();
      rig.control({ type: 'screenshot', uploadUrl: 7 });
      rig.control({ type: 'screenshot' });
      rig.control({ type: 'screenshot', uploadUrl: `${other.url}/screens/${rig.device}/screenshot` });
      await expect.poll(() => uploads.length).toBe(1);
      expect(other.asked).toEqual([]);
      await other.close();
    });
  });
});
