import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { STAGE_CHANNEL, type StageRequest } from '@marquee/contracts';
import { type Browser, chromiumOrSkip, launchChromium, type Page } from '@marquee/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FILM } from '../../test/support/film.js';
import { renderTemplate, type Slide, type TemplateInput } from './render.js';

const chromium = chromiumOrSkip();
/** What was told may take a few frames to be seen: the frame is drawn by a process of its own. */
const SOON = { timeout: 30_000 };
const RED = [255, 0, 0] as const;
const GREEN = [0, 255, 0] as const;

/** A picture of one colour, 2 x 2 pixels. */
function pictureOf([red, green, blue]: readonly [number, number, number]): Buffer {
  const bytes = Buffer.alloc(70);
  bytes.write('BM');
  bytes.writeUInt32LE(70, 2);
  for (const [value, at] of [
    [54, 10],
    [40, 14],
    [2, 18],
    [2, 22],
    [16, 34],
  ] as const)
    bytes.writeUInt32LE(value, at);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  for (const at of [54, 57, 62, 65]) Buffer.from([blue, green, red]).copy(bytes, at);
  return bytes;
}

/** Stands in for the player: frames the page without an origin, answers what it asks for from `answers`, keeps what it hears. */
const PLAYER = `<!doctype html><body style="margin:0"><script>
  window.heard = [];
  window.start = (html, answers) => {
    const frame = document.createElement('iframe');
    frame.setAttribute('sandbox', 'allow-scripts');
    frame.style.cssText = 'position:fixed;inset:0;width:100%;height:100%;border:0';
    addEventListener('message', async ({ source, data }) => {
      heard.push(source === frame.contentWindow ? data : { stranger: data });
      if (source !== frame.contentWindow || data.type !== 'asset' || !(data.assetId in answers)) return;
      const answer = answers[data.assetId];
      const blob = answer && (await (await fetch(answer)).blob());
      source.postMessage({ channel: data.channel, type: 'asset', assetId: data.assetId, blob }, '*');
    });
    frame.srcdoc = html;
    document.body.append(frame);
  };
</script>`;

type Heard = StageRequest | { stranger: unknown };

/** Runs in a built page: the address of what lies on top. */
const SHOWN = `[...document.querySelectorAll('.on')].sort((a, b) => b.style.zIndex - a.style.zIndex)[0]?.src`;

/** Runs in a page: the colour in the middle of a PNG. */
const MIDDLE = (png: string) => `(async () => {
  const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,${png}')).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  return [...context.getImageData(bitmap.width / 2, bitmap.height / 2, 1, 1).data.slice(0, 3)];
})()`;

describe.skipIf(chromium === undefined)('the built page in a browser', () => {
  let browser: Browser;
  let page: Page;
  let server: Server;
  let origin: string;
  let served: Map<string, { type: string; body: string | Buffer }>;
  let asked: string[];

  beforeAll(async () => {
    browser = await launchChromium();
    server = createServer((request, response) => {
      const path = request.url ?? '';
      asked.push(path);
      const found = served.get(path);
      response.writeHead(found === undefined ? 404 : 200, { 'content-type': found?.type ?? 'text/plain' }).end(found?.body);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  beforeEach(async () => {
    asked = [];
    served = new Map<string, { type: string; body: string | Buffer }>([
      ['/player', { type: 'text/html', body: PLAYER }],
      ['/red', { type: 'image/bmp', body: pictureOf(RED) }],
      ['/green', { type: 'image/bmp', body: pictureOf(GREEN) }],
      ['/broken', { type: 'image/bmp', body: 'no picture' }],
    ]);
    page = await browser.newPage({ viewport: { width: 400, height: 300 } });
  });
  afterEach(() => page.close());

  const slide = (path: string, more: Partial<Slide> = {}): Slide => ({
    assetId: path.slice(1),
    assetType: 'image',
    url: origin + path,
    durationMs: 300,
    ...more,
  });
  const rendered = (slides: Slide[], more: Partial<TemplateInput> = {}): string =>
    renderTemplate({ campaignId: 'c', version: 1, name: 'Spring', metadata: { fit: 'fill' }, slides, ...more }).html;

  const openAlone = async (html: string): Promise<void> => {
    served.set('/page', { type: 'text/html; charset=utf-8', body: html });
    await page.goto(`${origin}/page`);
  };
  const openInPlayer = async (html: string, answers: Record<string, string | null>): Promise<void> => {
    await page.goto(`${origin}/player`);
    await page.evaluate(`start(${JSON.stringify(html)}, ${JSON.stringify(answers)})`);
  };
  const heard = (): Promise<Heard[]> => page.evaluate<Heard[]>('heard');
  /** Waits until the page has told `count` turns and gives them as asset ids. */
  const turns = async (count: number): Promise<string[]> => {
    await page.waitForFunction(`heard.filter((message) => message.type === 'slide').length >= ${count}`);
    return (await heard()).flatMap((message) => ('type' in message && message.type === 'slide' ? [message.assetId] : []));
  };
  const inStage = async <T>(expression: string): Promise<T> => {
    const frame = page.frames()[1];
    if (frame === undefined) throw new Error('the player has no frame');
    return await frame.evaluate<T>(expression);
  };
  /** The colour in the middle of the screen, as a person would see it. */
  const colour = async (): Promise<number[]> => {
    const png = (await page.screenshot({ type: 'png' })).toString('base64');
    const reader = await browser.newPage();
    try {
      return await reader.evaluate<number[]>(MIDDLE(png));
    } finally {
      await reader.close();
    }
  };

  test('alone it shows its slides from their URLs, in a loop', async () => {
    await openAlone(rendered([slide('/red'), slide('/green')]));
    for (const path of ['/red', '/green', '/red']) {
      await expect.poll(() => page.evaluate(SHOWN)).toBe(origin + path);
    }
  });

  test('what is shown fills the screen', async () => {
    await openAlone(rendered([slide('/red')]));
    await page.waitForSelector('img.on');
    await expect.poll(colour, SOON).toEqual([...RED]);
  });

  test('in a frame without an origin it asks its player for each asset and fetches nothing itself', async () => {
    await openInPlayer(rendered([slide('/a'), slide('/b')]), { a: '/red', b: '/green' });
    expect((await turns(3)).slice(0, 3)).toEqual(['a', 'b', 'a']);
    const kinds = (await heard()).map((message) => ('type' in message ? message.type : 'stranger'));
    expect(kinds.indexOf('ready')).toBe(kinds.indexOf('slide') - 1);
    expect(kinds.filter((kind) => kind === 'ready')).toHaveLength(1);
    expect(asked).not.toContain('/a');
    expect(asked).not.toContain('/b');
  });

  test('an asset the player does not have comes from the fallback, then from its URL', async () => {
    const slides = [slide('/red'), slide('/gone', { fallbackUrl: `${origin}/green` })];
    await openInPlayer(rendered(slides), { red: null, gone: null });
    expect((await turns(2)).slice(0, 2)).toEqual(['red', 'gone']);
    expect(asked).toContain('/red');
    expect(asked).toContain('/green');
    expect(asked).not.toContain('/gone');
  });

  test('a frame whose parent never answers shows its slides all the same', async () => {
    await openInPlayer(rendered([slide('/red')]), {});
    expect(await turns(1)).toEqual(['red']);
    await expect.poll(colour, SOON).toEqual([...RED]);
  });

  test('a broken slide is passed over and the screen is never blank', async () => {
    await openInPlayer(rendered([slide('/broken'), slide('/red'), slide('/missing')]), { broken: '/broken', red: '/red', missing: null });
    expect((await turns(3)).slice(0, 3)).toEqual(['red', 'red', 'red']);
    await expect.poll(colour, SOON).toEqual([...RED]);
  });

  test('a single slide is drawn once, however many turns it has', async () => {
    await openInPlayer(rendered([slide('/red', { durationMs: 100 })]), { red: '/red' });
    await turns(1);
    await inStage(`document.querySelector('.on').dataset.first = 'yes'`);
    await turns(4);
    expect(await inStage(`[...document.querySelectorAll('.show')].map((el) => el.dataset.first)`)).toEqual(['yes']);
  });

  test('frames and pictures do not pile up', async () => {
    await openInPlayer(rendered([slide('/red', { durationMs: 100 }), slide('/green', { durationMs: 100 })]), {
      red: '/red',
      green: '/green',
    });
    await turns(20);
    expect(await inStage(`document.querySelectorAll('.show').length`)).toBeLessThanOrEqual(4);
  });

  describe('an HTML asset', () => {
    // Their own URLs lead nowhere: what is shown is the Blob's text.
    const htmlSlide = (id: string, durationMs: number) => slide(`/${id}`, { assetType: 'html', durationMs });
    const serveHtml = (script: string) =>
      served.set('/html', { type: 'text/html', body: `<!doctype html><body style="background:#00f"><script>${script}</script>` });

    test('fills the screen', async () => {
      serveHtml('');
      await openInPlayer(rendered([htmlSlide('page', 60_000)]), { page: '/html' });
      await turns(1);
      await expect.poll(colour, SOON).toEqual([0, 0, 255]);
    });

    test('runs its script anew at each turn, in an origin of its own', async () => {
      serveHtml(`
        let reach = 'none';
        for (const up of [() => parent, () => parent.parent, () => top]) try { reach = up().document.title } catch {}
        try { reach = localStorage.length } catch {}
        top.postMessage({ origin: self.origin, reach }, '*');`);
      await openInPlayer(rendered([htmlSlide('page', 300), slide('/red')]), { page: '/html', red: '/red' });
      expect((await turns(3)).slice(0, 3)).toEqual(['page', 'red', 'page']);
      const strangers = (await heard()).flatMap((message) => ('stranger' in message ? [message.stranger] : []));
      expect(strangers.slice(0, 2)).toEqual([
        { origin: 'null', reach: 'none' },
        { origin: 'null', reach: 'none' },
      ]);
    });

    test('follows another HTML asset', async () => {
      serveHtml(`top.postMessage(document.body.style.background, '*')`);
      await openInPlayer(rendered([htmlSlide('one', 200), htmlSlide('two', 200)]), { one: '/html', two: '/html' });
      expect((await turns(5)).slice(0, 5)).toEqual(['one', 'two', 'one', 'two', 'one']);
      expect((await heard()).filter((message) => 'stranger' in message).length).toBeGreaterThanOrEqual(5);
    });

    test('cannot hand in the picture of another slide', async () => {
      const picture = JSON.stringify([...pictureOf(GREEN)]);
      serveHtml(`for (const up of [parent, parent.parent]) up.postMessage({
        channel: ${JSON.stringify(STAGE_CHANNEL)}, type: 'asset', assetId: 'red',
        blob: new Blob([new Uint8Array(${picture})], { type: 'image/bmp' }) }, '*')`);
      const html = rendered([htmlSlide('one', 100), htmlSlide('two', 100), slide('/red', { durationMs: 60_000 })]);
      await openInPlayer(html, { one: '/html', two: '/html', red: '/red' });
      await turns(3);
      await expect.poll(colour, SOON).toEqual([...RED]);
    });
  });

  test('an HTML asset the player does not have is shown from its URL', async () => {
    served.set('/html', { type: 'text/html', body: '<!doctype html><body style="background:#0ff">' });
    await openInPlayer(rendered([slide('/html', { assetType: 'html' })]), { html: null });
    await turns(1);
    await expect.poll(colour, SOON).toEqual([0, 255, 255]);
  });

  test('a video without a duration plays to its end', async () => {
    await page.goto(`${origin}/player`);
    const film = await page.evaluate<string>(FILM(600));
    served.set('/film', { type: 'video/webm', body: Buffer.from(film, 'base64') });
    await openInPlayer(rendered([slide('/film', { assetType: 'video', durationMs: null }), slide('/red')]), { film: '/film', red: '/red' });
    await turns(1);
    const began = performance.now();
    expect((await turns(2)).slice(0, 2)).toEqual(['film', 'red']);
    expect(performance.now() - began).toBeGreaterThan(200);
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  test('whatever a planner writes is text: no script runs, nothing is sent', async () => {
    const evil = `"'></title></style></script><script>top.postMessage('pwned','*')</script><img src=x onerror="top.postMessage('pwned','*')">`;
    const slides = [
      slide('/red'),
      slide('/x', { assetId: evil, url: `${origin}/x?${evil}`, fallbackUrl: `javascript:top.postMessage('pwned','*')//${evil}` }),
    ];
    const metadata = {
      text: [evil, '{{metadata.more}}', `\u2028${evil}`],
      more: evil,
      background: 'red;}</style>',
      fit: evil,
      transition: evil,
    };
    const html = rendered(slides, { name: evil, campaignId: evil, metadata });
    await openInPlayer(html, { red: '/red' });
    await turns(2);
    expect((await heard()).filter((message) => 'stranger' in message || (message as unknown) === 'pwned')).toEqual([]);
    expect(await inStage(`[...document.querySelectorAll('.text p')].map((p) => p.textContent)`)).toEqual([evil, evil, `\u2028${evil}`]);
    expect(await inStage(`[document.title, document.scripts.length, document.querySelectorAll('[onerror]').length]`)).toEqual([evil, 1, 0]);
  });

  test('even markup that got into the page runs no script', async () => {
    const injected = `<script>parent.postMessage('pwned','*')</script><img src="data:," onerror="parent.postMessage('pwned','*')">`;
    const html = rendered([slide('/red')]).replace('<section', `${injected}<section`);
    expect(html).toContain(injected);
    await openInPlayer(html, { red: '/red' });
    await turns(2);
    expect(await heard()).not.toContain('pwned');
    const control = html.replace(/<meta http-equiv[^>]*>/, '');
    await openInPlayer(control, { red: '/red' });
    await page.waitForFunction(`heard.includes('pwned')`);
  });

  test('answers of a strange channel, type or content change nothing', async () => {
    await openInPlayer(rendered([slide('/red', { durationMs: 100 }), slide('/green', { durationMs: 100 })]), { red: null, green: null });
    await turns(1);
    const answer = { channel: STAGE_CHANNEL, type: 'asset', assetId: 'red' };
    for (const data of [null, 1, 'loaded', { channel: STAGE_CHANNEL }, answer, { ...answer, blob: 'text' }, { ...answer, blob: {} }]) {
      await page.evaluate(`document.querySelector('iframe').contentWindow.postMessage(${JSON.stringify(data)}, '*')`);
    }
    const before = (await turns(1)).length;
    expect((await turns(before + 4)).slice(before)).toContain('red');
  });
});
