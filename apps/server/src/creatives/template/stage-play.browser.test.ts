import { STAGE_CHANNEL, STAGE_FRAME_NAME } from '@marquee/contracts';
import { type Browser, chromiumOrSkip, launchChromium, type Page } from '@marquee/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FILM } from '../../test/support/film.js';
import { renderTemplate, type Slide, type TemplateInput } from './render.js';

const chromium = chromiumOrSkip();
const SOON = { timeout: 30_000 };
const SQUARE = (colour: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="${colour}"/></svg>`;

/** Stands in for the player: frames the page under a name, hands it Blobs made from text, keeps what it hears. */
const PLAYER = `
  window.heard = [];
  window.say = (message) => frame.contentWindow.postMessage({ channel: '${STAGE_CHANNEL}', ...message }, '*');
  window.start = (html, name, answers) => {
    window.frame = document.createElement('iframe');
    frame.name = name;
    frame.setAttribute('sandbox', 'allow-scripts');
    frame.style.cssText = 'position:fixed;inset:0;width:100%;height:100%;border:0';
    addEventListener('message', ({ data }) => {
      heard.push(data);
      if (data.type !== 'asset') return;
      if (window.eager) say({ type: 'play' });
      const [type, text] = answers[data.assetId];
      const body = type.startsWith('video') ? Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)) : text;
      say({ type: 'asset', assetId: data.assetId, blob: new Blob([body], { type }) });
    });
    frame.srcdoc = html;
    document.body.append(frame);
  };
  window.pixel = async (x, y) => {
    const bitmap = await createImageBitmap(heard.findLast(({ type }) => type === 'picture').blob);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    return [bitmap.width, bitmap.height, ...context.getImageData(x * bitmap.width, y * bitmap.height, 1, 1).data.slice(0, 3)];
  };
`;

const GREEN_FILM = FILM(600, "'rgb(0 ' + (200 + (performance.now() % 50)) + ' 0)'");

describe.skipIf(chromium === undefined)('the built page and a player that tells it when to play', () => {
  let browser: Browser;
  let page: Page;
  let film: string;

  beforeAll(async () => {
    browser = await launchChromium();
    const studio = await browser.newPage();
    film = await studio.evaluate<string>(GREEN_FILM);
    await studio.close();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 400, height: 200 } });
    await page.setContent(`<!doctype html><body style="margin:0"><script>${PLAYER}</script>`);
  });
  afterEach(() => page.close());

  const slide = (assetId: string, more: Partial<Slide> = {}): Slide => ({
    assetId,
    assetType: 'image',
    url: 'http://127.0.0.1:9/none',
    durationMs: 60_000,
    ...more,
  });
  const start = (
    slides: Slide[],
    answers: Record<string, [type: string, text: string]>,
    over: Partial<TemplateInput> = {},
    name = STAGE_FRAME_NAME,
  ) => {
    const { html } = renderTemplate({ campaignId: 'c', version: 1, name: 'Spring', metadata: {}, slides, ...over });
    return page.evaluate(`start(${JSON.stringify(html)}, ${JSON.stringify(name)}, ${JSON.stringify(answers)})`);
  };
  const kinds = () => page.evaluate<string[]>(`heard.map(({ type }) => type).filter((type) => type !== 'asset')`);
  const heardOf = (type: string, count = 1) => page.waitForFunction(`heard.filter((one) => one.type === '${type}').length >= ${count}`);
  const inStage = <T>(expression: string): Promise<T> => {
    const frame = page.frames()[1];
    if (frame === undefined) throw new Error('there is no frame');
    return frame.evaluate<T>(expression);
  };
  const red: [string, string] = ['image/svg+xml', SQUARE('#f00')];
  const blue: [string, string] = ['image/svg+xml', SQUARE('#00f')];

  test('waits at its first slide, painted, with the second at hand, and begins when it is told', async () => {
    await start(
      [slide('a', { durationMs: 100 }), slide('b', { durationMs: 100 })],
      { a: red, b: blue },
      { metadata: { transition: 'fade' } },
    );
    await heardOf('ready');
    await expect.poll(() => inStage(`document.querySelectorAll('img').length`), SOON).toBe(2);
    expect(await inStage(`document.querySelectorAll('.on').length`)).toBe(1);
    // The first comes without a transition: nothing moves in it.
    expect(await inStage(`document.getAnimations().length`)).toBe(0);
    // Three turns' time, by the frame's own clock.
    await inStage(`new Promise((done) => setTimeout(done, 300))`);
    expect(await kinds()).toEqual(['ready']);
    await page.evaluate(`say({ type: 'play' }), say({ type: 'play' })`);
    await heardOf('slide', 3);
    expect((await kinds()).slice(0, 4)).toEqual(['ready', 'slide', 'slide', 'slide']);
    await expect.poll(() => inStage(`document.getAnimations().length`), SOON).toBeGreaterThan(0);
  });

  test('begins as soon as it can when it was told before it was ready', async () => {
    await page.evaluate(`window.eager = true`);
    await start([slide('a')], { a: red });
    await heardOf('slide');
    expect(await kinds()).toEqual(['ready', 'slide']);
  });

  test('begins by itself in a frame of a player that knows nothing of it', async () => {
    await start([slide('a')], { a: red }, {}, '');
    await heardOf('slide');
    expect(await kinds()).toEqual(['ready', 'slide']);
  });

  test('holds a video at its first picture until it is told', async () => {
    await start([slide('film', { assetType: 'video' })], { film: ['video/webm', film] });
    await heardOf('ready');
    expect(await inStage(`[document.querySelector('video').currentTime, document.querySelector('video').paused]`)).toEqual([0, true]);
    await page.evaluate(`say({ type: 'play' })`);
    await expect.poll(() => inStage<number>(`document.querySelector('video').currentTime`), SOON).toBeGreaterThan(0);
  });

  describe('asked for a picture', () => {
    const pixel = async (x: number, y: number) => {
      await heardOf('picture');
      return await page.evaluate<number[]>(`pixel(${x}, ${y})`);
    };
    const near = (colour: number[]) => colour.map((value) => Math.round(value / 16));

    test('draws the image that it shows, as it lies on the screen', async () => {
      await start([slide('a')], { a: red }, { metadata: { fit: 'contain', background: '#00ff00', text: 'Hello' } });
      await heardOf('ready');
      await page.evaluate(`say({ type: 'picture' })`);
      expect((await pixel(0.5, 0.3)).slice(0, 2)).toEqual([400, 200]);
      expect(near((await pixel(0.5, 0.3)).slice(2))).toEqual(near([254, 0, 0]));
      // Beside a square picture on a wide screen lies the background.
      expect(near((await pixel(0.1, 0.3)).slice(2))).toEqual(near([0, 255, 0]));
    });

    test('draws the moment of a video', async () => {
      await start([slide('film', { assetType: 'video' })], { film: ['video/webm', film] }, { metadata: { fit: 'fill' } });
      await heardOf('ready');
      await page.evaluate(`say({ type: 'picture' })`);
      const [, , r = 0, g = 0, b = 0] = await pixel(0.5, 0.5);
      expect(g).toBeGreaterThan(Math.max(r, b) + 60);
    });

    test('names a web page on a plain card', async () => {
      const html: [string, string] = ['text/html', '<body style="background:#0f0">'];
      await start([slide('page', { assetType: 'html' })], { page: html });
      await heardOf('ready');
      await page.evaluate(`say({ type: 'picture' })`);
      expect(near((await pixel(0.02, 0.02)).slice(2))).toEqual(near([27, 27, 32]));
    });
  });
});
