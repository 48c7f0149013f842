import { type Browser, chromiumOrSkip, launchChromium, type Page } from '@marquee/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pngNamed, upload } from '../support/assets.js';
import { eventually } from '../support/eventually.js';
import { FILM } from '../support/film.js';
import { Flow } from '../support/flow.js';

const chromium = chromiumOrSkip();

/** Runs in a built page: what there is of pictures and films, and whether each can be seen. Text, as this program knows no DOM. */
const SEEN = `[...document.querySelectorAll('img, video')].map((media) => ({
  kind: media.tagName,
  stored: media.currentSrc.startsWith('blob:'),
  seen: media.tagName === 'IMG' ? media.naturalWidth > 0 : media.currentTime > 0 && media.videoWidth > 0,
}))`;

describe.skipIf(chromium === undefined)('a screen in a browser, with the real server', () => {
  let browser: Browser;
  let page: Page;
  let flow: Flow;

  beforeAll(async () => {
    flow = await Flow.start();
    browser = await launchChromium();
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser?.close();
    await flow?.stop();
  });

  /** Waits until a picture and a film have been seen, both out of the screen's own store. */
  async function seesBoth(): Promise<void> {
    const seen = new Set<string>();
    await eventually(async () => {
      const frame = await (await page.$('#display iframe'))?.contentFrame();
      const media = (await frame?.evaluate<{ kind: string; stored: boolean; seen: boolean }[]>(SEEN)) ?? [];
      for (const one of media) if (one.stored && one.seen) seen.add(one.kind);
      expect([...seen].sort()).toEqual(['IMG', 'VIDEO']);
    });
  }

  test('shows pictures and films after a reload, when the server is gone', async () => {
    await page.goto(`${flow.server.url}/player/?deviceId=lobby`);
    const film = Buffer.from(await page.evaluate<string>(FILM(1_200)), 'base64');
    await eventually(async () => expect((await flow.http.get('/screens/lobby')).json()).toMatchObject({ status: 'online' }));
    const [picture, video] = [await upload(flow.http, pngNamed('offline')), await upload(flow.http, film)];
    const { id } = await flow.create({
      assets: [
        { assetType: 'image', url: picture.url, durationMs: 1_000 },
        { assetType: 'video', url: video.url, durationMs: 1_000 },
      ],
    });
    await eventually(async () => {
      const events = await flow.sql('select event_type from delivery_events where campaign_id = $1 order by event_type', [id]);
      expect(events.map(({ event_type }) => event_type)).toEqual(['display_start', 'install_ack']);
    });
    await seesBoth();
    // Text: this program knows no DOM.
    await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)');
    await flow.server.stop();
    await page.reload();
    await seesBoth();
    expect(await page.locator('#idle').isVisible()).toBe(false);
    await flow.revive();
  });
});
