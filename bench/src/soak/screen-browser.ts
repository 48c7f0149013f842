import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '@marquee/testing';
import { type Browser, chromium, type Page } from 'playwright-core';
import { until } from '../processes.js';

const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--autoplay-policy=no-user-gesture-required',
  '--remote-debugging-port=0',
  '--window-size=1280,720',
];

const SHOWN = `/data-campaign="([^"]+)"/.exec(document.querySelector('#display iframe')?.srcdoc ?? '')?.[1] ?? null`;

/** A screen's Chromium with a profile that outlives it, as a kiosk has: it can be killed and started again. */
export class ScreenBrowser {
  private constructor(
    private readonly child: ChildProcess,
    private readonly browser: Browser,
    readonly page: Page,
  ) {}

  /** Opens `url` in the profile. */
  static async open(profile: string, url: string): Promise<ScreenBrowser> {
    const program = findProgram(process.env['CHROMIUM'], 'chromium', 'chromium-browser', 'google-chrome');
    if (program === undefined) throw new Error('a Chromium is needed: install one, or name it by CHROMIUM=/path/to/it');
    const portFile = join(profile, 'DevToolsActivePort');
    await rm(portFile, { force: true });
    const child = spawn(program, [...ARGUMENTS, `--user-data-dir=${profile}`, 'about:blank'], { stdio: 'ignore' });
    const port = async (): Promise<string | undefined> => (await readFile(portFile, 'utf8').catch(() => '')).split('\n')[0] || undefined;
    await until(
      'the browser',
      30_000,
      async () => (await port()) !== undefined,
      () => (child.exitCode === null ? undefined : `it ended with ${child.exitCode}`),
    );
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${await port()}`);
    const [context] = browser.contexts();
    const page = context?.pages()[0] ?? (await context?.newPage());
    if (page === undefined) throw new Error('the browser has no page');
    // Not waited for: while the network is dark a page that is not kept would never be there.
    void page.goto(url, { waitUntil: 'commit' }).catch(() => undefined);
    return new ScreenBrowser(child, browser, page);
  }

  /** The campaign whose template stands in the display; null when nothing plays, undefined when the page cannot be asked. */
  async shown(): Promise<string | null | undefined> {
    return await this.page.evaluate<string | null>(SHOWN).catch(() => undefined);
  }

  /** As a power cut ends it. */
  async kill(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
    await this.browser.close().catch(() => undefined);
  }
}
