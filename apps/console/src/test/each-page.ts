import { type Browser, type BrowserContext, chromiumOrSkip, freePort, launchChromium, type Page } from '@marquee/testing';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { FakeApi } from './fake-api.js';

/** The machine's Chromium, or undefined: then skip what calls `eachPage`. */
export const chromium = chromiumOrSkip();

/** How long a test of a page may take on a machine that has other work, ms. */
export const PAGE_TEST_MS = 90_000;

/** Words that would run, or be filled in, if they were ever taken for more than words. */
export const HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\' onload=hit=1 {{x}}';

/** The console as it was built from the present sources before the tests began. */
const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

/** One page of the console in a browser, with an API of its own. */
export interface Opened {
  api: FakeApi;
  page: Page;
  /** Goes to a path of the console. */
  open: (path: string) => Promise<void>;
  /** Keeps a picture of the whole page in the folder SHOTS, when that is set. */
  shot: (name: string) => Promise<void>;
}

/**
 * Gives each test of the block that calls it a page and an API of its own; a test fails whose page threw. The browser is started once for
 * all of them, and keeps the parsed bundle between them, as it does for a person. With `settings` it is another person's browser.
 */
export function eachPage(ready: (opened: Opened) => void, settings: { timezoneId?: string } = {}): void {
  let browser: Browser | undefined;
  let context: BrowserContext | undefined;
  let opened: Opened | undefined;
  let port = 0;
  let problems: string[] = [];

  beforeAll(async () => {
    if (chromium === undefined) return;
    port = await freePort();
    // The console asks nobody but its own server; an asset of somebody else's cannot be reached here and must do no harm.
    browser = await launchChromium(['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1']);
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
    context.setDefaultTimeout(30_000);
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    if (context === undefined) return;
    const api = new FakeApi(DIST);
    // The same port for all: the bundle is kept by its address.
    await api.start(port);
    const page = await context.newPage();
    problems = [];
    page.on('pageerror', (error) => problems.push(error.message));
    const folder = process.env['SHOTS'];
    opened = {
      api,
      page,
      open: async (path) => void (await page.goto(api.origin + path)),
      shot: async (name) => {
        if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled' });
      },
    };
    ready(opened);
  });
  afterEach(async () => {
    await opened?.page.close();
    await opened?.api.stop();
    opened = undefined;
    if (problems.length > 0) throw new Error(`The page threw: ${problems.join('; ')}`);
  });
}
