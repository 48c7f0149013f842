// What tests of every room share: finding what the machine has, a browser, and servers of the system's packages. Never imported by code that ships.
export { chromiumOrSkip, launchChromium, ProfileBrowser } from './browser.js';
export { freePort } from './free-port.js';
export { findProgram } from './programs.js';
export { RabbitServer, rabbitmqOrSkip } from './rabbitmq.js';
export { RedisServer, redisOrSkip } from './redis.js';
export { requireOrSkip } from './require.js';
export type { Browser, BrowserContext, Page } from 'playwright-core';
