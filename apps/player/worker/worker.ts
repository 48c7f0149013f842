/**
 * The player's service worker: keeps the page's own files, so that the page comes up when its server is gone. Campaigns, their media, the
 * server's time and its settings are none of its business: the page keeps those itself, or wants them fresh.
 */
declare const self: ServiceWorkerGlobalScope;

/** What this build consists of: path from the scope, and SHA-256 of its bytes as hex. Filled in by the build. */
declare const MARQUEE_FILES: [path: string, sha256: string][];
declare const MARQUEE_VERSION: string;

const PREFIX = 'marquee-player-';
const CACHE = `${PREFIX}${MARQUEE_VERSION}`;
/** The files of this version and of the one before: a page of that one may still be open. */
const VERSIONS_KEPT = 2;
const PAGE = self.registration.scope;

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** All files or none: while a new build is rolled out, or behind a portal that answers everything, a file may be another one. */
async function keepFiles(): Promise<void> {
  const files = await Promise.all(
    MARQUEE_FILES.map(async ([path, expected]) => {
      const url = new URL(path, PAGE).href;
      const response = await fetch(url, { cache: 'reload' });
      const bytes = await response.arrayBuffer();
      if (!response.ok || (await sha256(bytes)) !== expected) throw new Error(`${url} is not the file of this build`);
      return { url, response: new Response(bytes, { headers: { 'content-type': response.headers.get('content-type') ?? '' } }) };
    }),
  );
  const cache = await caches.open(CACHE);
  await Promise.all(files.map(({ url, response }) => cache.put(url, response)));
}

async function dropOldVersions(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  // They come in the order in which they were made.
  await Promise.all(names.slice(0, Math.max(0, names.length - VERSIONS_KEPT + 1)).map((name) => caches.delete(name)));
}

/** The page of the newest whole version, whatever its query: never a page of one build with the files of another. */
async function page(event: FetchEvent): Promise<Response> {
  const kept = await (await caches.open(CACHE)).match(PAGE);
  if (kept !== undefined) return kept;
  // The browser has cleared it away.
  event.waitUntil(keepFiles().catch(() => undefined));
  return fetch(event.request);
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

// Takes over at once: an open page has all that it needs in memory and is not disturbed; the next load is of the new version.
self.addEventListener('install', (event) => event.waitUntil(keepFiles().then(() => self.skipWaiting())));
self.addEventListener('activate', (event) => event.waitUntil(dropOldVersions().then(() => self.clients.claim())));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const { href, origin, pathname } = new URL(request.url);
  if (`${origin}${pathname}` === PAGE) {
    if (request.mode === 'navigate') event.respondWith(page(event));
  } else if (href.startsWith(new URL('assets/', PAGE).href)) event.respondWith(file(request));
});
