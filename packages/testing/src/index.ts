// What tests of every room share: finding what the machine has, and a browser. Never imported by code that ships.
export { chromiumOrSkip, launchChromium, ProfileBrowser } from './browser.js';
export { findProgram } from './programs.js';
export { requireOrSkip } from './require.js';
export type { Browser, BrowserContext, Page } from 'playwright-core';
