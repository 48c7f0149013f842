import { type Browser, chromiumOrSkip, launchChromium } from '@marquee/testing';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { ScreenRig } from './screen-rig.js';

/** The machine's Chromium, or undefined: then skip what calls `eachScreen`. */
export const chromium = chromiumOrSkip();

/**
 * Gives each test of the block or the file that calls it a screen of its own, closed after the test; the browser is
 * started once for all of them. `ready` is waited for.
 */
export function eachScreen(ready: (rig: ScreenRig) => void | Promise<void>, args: string[] = []): void {
  let browser: Browser | undefined;
  let rig: ScreenRig | undefined;

  beforeAll(async () => {
    if (chromium === undefined) return;
    browser = await launchChromium(args);
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    if (browser === undefined) return;
    rig = await ScreenRig.open(browser);
    await ready(rig);
  });
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
  });
}
