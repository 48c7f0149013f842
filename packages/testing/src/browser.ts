import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findProgram } from './programs.js';
import { requireOrSkip } from './require.js';

/**
 * The machine's Chromium (`CHROMIUM` names another), or undefined: then skip. With `REQUIRE_ALL=1` it throws.
 *
 *     const chromium = chromiumOrSkip();
 *     describe.skipIf(chromium === undefined)('the page', () => {
 *       let browser: Browser;
 *       beforeAll(async () => { browser = await launchChromium(); });
 *       afterAll(() => browser.close());
 */
export function chromiumOrSkip(): string | undefined {
  return requireOrSkip(findChromium(), 'a Chromium (CHROMIUM=/path/to/it)');
}

function findChromium(): string | undefined {
  const chosen = process.env['CHROMIUM'];
  if (chosen !== undefined && chosen !== '') return findProgram(chosen);
  return findProgram('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', '/usr/lib/chromium/chromium');
}

/** A browser that talks to nobody but the test. Close it in `afterAll`. */
export async function launchChromium(args: string[] = []): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('no Chromium: ask chromiumOrSkip() first');
  return await chromium.launch({ executablePath, headless: true, args: [...QUIET, ...args] });
}

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser whose profile outlives it, and that can be killed: what a power cut leaves is in the folder. */
export class ProfileBrowser {
  private constructor(
    private readonly browser: Browser,
    private readonly end: () => Promise<void>,
  ) {}

  /** Starts on the profile in `folder`, which is the caller's to remove. */
  static async start(folder: string): Promise<ProfileBrowser> {
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error('no Chromium: ask chromiumOrSkip() first');
    const args = [...QUIET, '--headless=new', '--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank'];
    // A group of its own: the browser is many processes, and all of them lose power at once.
    const child = spawn(executablePath, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    const gone = once(child, 'exit');
    const end = async (): Promise<void> => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await gone;
    };
    for await (const line of createInterface({ input: child.stderr })) {
      const address = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (address === undefined) continue;
      child.stderr.destroy();
      return new ProfileBrowser(await chromium.connectOverCDP(address), end);
    }
    await end();
    throw new Error('Chromium ended before it listened');
  }

  async page(): Promise<Page> {
    const [context] = this.browser.contexts();
    if (context === undefined) throw new Error('the browser has no profile');
    return await context.newPage();
  }

  /** SIGKILL to all of its processes, as when the power goes; also when it has ended. */
  async kill(): Promise<void> {
    await this.end();
    await this.browser.close().catch(() => undefined);
  }
}
