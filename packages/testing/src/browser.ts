import { type Browser, chromium } from 'playwright-core';
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
