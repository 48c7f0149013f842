import { rm } from 'node:fs/promises';
import { type Browser, chromiumOrSkip, launchChromium } from '@marquee/testing';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { buildPlayer, ScreenRig } from './screen-rig.js';

/** The machine's Chromium, or undefined: then skip what calls `eachScreen`. */
export const chromium = chromiumOrSkip();

/** The player is built in it, which takes much longer while other tests have the processors. */
const SET_UP_MS = 90_000;

/**
 * Gives each test of the block or the file that calls it a screen of its own, closed after the test; the player is built and the browser
 * started once for all of them. `ready` is waited for.
 */
export function eachScreen(ready: (rig: ScreenRig) => void | Promise<void>, args: string[] = []): void {
  let browser: Browser | undefined;
  let dist: string | undefined;
  let rig: ScreenRig | undefined;

  beforeAll(async () => {
    if (chromium === undefined) return;
    dist = await buildPlayer();
    browser = await launchChromium(args);
  }, SET_UP_MS);
  afterAll(async () => {
    await browser?.close();
    if (dist !== undefined) await rm(dist, { recursive: true, force: true });
  });
  beforeEach(async () => {
    if (browser === undefined || dist === undefined) return;
    rig = await ScreenRig.open(browser, dist);
    await ready(rig);
  });
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
  });
}
