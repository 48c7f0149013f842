import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Manifest, StoredAsset } from '@marquee/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HTML, MP4, OriginServer, PNG, pngNamed, sha256, upload } from '../support/assets.js';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { freePort } from '@marquee/testing';
import type { TestScreen } from '../support/test-screen.js';

let flow: Flow;
let origin: OriginServer;
let screen: TestScreen;
/** Requests that the origin answers when the test says so. */
const held = new Map<string, ServerResponse>();

beforeAll(async () => {
  origin = await OriginServer.start((path, response) => {
    if (path.startsWith('/held')) held.set(path, response);
    else if (path.startsWith('/png')) response.writeHead(200, { 'content-type': 'text/plain' }).end(pngNamed(path));
    else if (path.startsWith('/html')) response.end(HTML);
    else if (path.startsWith('/moved')) response.writeHead(302, { location: '/png-moved' }).end();
    else response.writeHead(404).end('gone');
  });
  flow = await Flow.start({ ASSET_FETCH_ALLOW: '127.0.0.1', OFFER_FIRST_MS: '60000' });
  screen = await flow.screen('screen', { answers: false });
  await eventually(async () => expect((await flow.http.get('/screens/screen')).status).toBe(200));
});
afterEach(() => {
  for (const response of held.values()) response.destroy();
  held.clear();
});
afterAll(async () => {
  await flow.stop();
  await origin.stop();
});

function assetsOf(id: string): Promise<{ state: string; reason: string | null; checksum: string; sizeBytes: number; url: string }[]> {
  return flow.http.read(`/campaigns/${id}`).then((campaign) => campaign.assets);
}

async function manifestOf(id: string, on = screen, withinMs = 30_000): Promise<Manifest> {
  return await within(
    withinMs,
    'the manifest',
    on.manifests.first((manifest) => manifest.campaignId === id),
  );
}

describe('an upload', () => {
  test.each<[string, Buffer, string]>([
    ['a picture', PNG, 'image/png'],
    ['a video', MP4, 'video/mp4'],
    ['a page', HTML, 'text/html'],
  ])('of %s is kept by its digest, typed by its bytes, and served for ever', async (_, bytes, type) => {
    const stored = await upload(flow.http, bytes);
    const digest = sha256(bytes);
    expect(stored).toEqual({ url: `${flow.server.url}/assets/${digest}`, sha256: digest, sizeBytes: bytes.length, type });
    expect(await upload(flow.http, bytes)).toEqual(stored);
    const served = await fetch(stored.url);
    expect(Buffer.from(await served.arrayBuffer())).toEqual(bytes);
    expect(Object.fromEntries(served.headers)).toMatchObject({
      'content-type': type,
      'content-length': String(bytes.length),
      'cache-control': 'public, max-age=31536000, immutable',
      etag: `"${digest}"`,
      'accept-ranges': 'bytes',
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
    });
    // A page of a stranger's on the API's origin may not speak as the person who opens it.
    expect(served.headers.get('content-security-policy') ?? '').toContain(type === 'text/html' ? 'sandbox' : '');
    expect((await flow.http.get(`/assets/${digest}`, { 'if-none-match': `"${digest}"` })).status).toBe(304);
    const head = await flow.http.send('HEAD', `/assets/${digest}`);
    expect([head.status, head.headers['content-length'], head.text]).toEqual([200, String(bytes.length), '']);
  });

  test.each<[string, number, string | undefined, (bytes: Buffer) => Buffer]>([
    ['bytes=0-9', 206, 'bytes 0-9/3024', (bytes) => bytes.subarray(0, 10)],
    ['bytes=3000-', 206, 'bytes 3000-3023/3024', (bytes) => bytes.subarray(3000)],
    ['bytes=-24', 206, 'bytes 3000-3023/3024', (bytes) => bytes.subarray(3000)],
    ['bytes=3000-99999', 206, 'bytes 3000-3023/3024', (bytes) => bytes.subarray(3000)],
    ['bytes=3024-', 416, 'bytes */3024', () => Buffer.alloc(0)],
    ['bytes=-0', 416, 'bytes */3024', () => Buffer.alloc(0)],
    ['bytes=9-0', 200, undefined, (bytes) => bytes],
    ['bytes=0-1,5-6', 200, undefined, (bytes) => bytes],
    ['lines=1-2', 200, undefined, (bytes) => bytes],
  ])('is read by range: %s', async (range, status, contentRange, expected) => {
    const { url } = await upload(flow.http, MP4);
    const part = await fetch(url, { headers: { range } });
    expect(part.status).toBe(status);
    expect(part.headers.get('content-range') ?? undefined).toBe(contentRange);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(expected(MP4));
  });

  test('of 96 MB goes to the disk without being held in memory', async () => {
    const size = 96 * 1024 * 1024;
    const peak = async (): Promise<number> => {
      const status = await readFile(`/proc/${flow.server.child.pid}/status`, 'utf8').catch(() => '');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    };
    const before = await peak();
    const stored = await uploadStreamed(size);
    expect(stored).toMatchObject({ sizeBytes: size, type: 'video/mp4' });
    expect((await peak()) - before).toBeLessThan(size / 2);
  });
});

/** Sends a video of that size in pieces, waiting whenever the server does. */
async function uploadStreamed(size: number): Promise<StoredAsset> {
  const { port } = new URL(flow.server.url);
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  return await new Promise((resolve, reject) => {
    const outgoing = request({ port, method: 'POST', path: '/assets', headers, agent: false }, (incoming) => {
      incoming.setEncoding('utf8').on('data', (text: string) => resolve(JSON.parse(text) as StoredAsset));
    });
    outgoing.on('error', reject);
    outgoing.write('--b\r\ncontent-disposition: form-data; name="file"; filename="v"\r\n\r\n');
    const piece = Buffer.alloc(1024 * 1024);
    let left = size;
    const pour = (): void => {
      while (left > 0) {
        const next = left === size ? Buffer.concat([MP4, piece.subarray(MP4.length)]) : piece;
        left -= next.length;
        if (!outgoing.write(next)) return void outgoing.once('drain', pour);
      }
      outgoing.end('\r\n--b--\r\n');
    };
    pour();
  });
}

describe('an asset given by URL', () => {
  test('is asked for once, however many campaigns name it, and served by us', async () => {
    const url = `${origin.base}/png-shared`;
    const bytes = pngNamed('/png-shared');
    const created = await Promise.all(Array.from({ length: 20 }, () => flow.create({ assets: [{ assetType: 'image', url }] })));
    created.push(await flow.create({ assets: [{ assetType: 'image', url }] }));
    for (const { id } of created) {
      const [asset] = (await manifestOf(id)).assets;
      expect(asset).toMatchObject({ url: `${flow.server.url}/assets/${sha256(bytes)}`, checksum: sha256(bytes), sizeBytes: bytes.length });
    }
    expect(await assetsOf(created[0]?.id ?? '')).toMatchObject([{ state: 'stored', reason: null, url, sizeBytes: bytes.length }]);
    expect(origin.asked.get('/png-shared')).toBe(1);
    const served = await flow.http.get(`/assets/${sha256(bytes)}`);
    expect(served.headers['content-type']).toBe('image/png');
  });

  test.each<[string, () => string | Promise<string>, RegExp]>([
    ['is of another kind than said', () => `${origin.base}/html`, /is of type html, not image/],
    ['is not there', () => `${origin.base}/missing`, /answered 404/],
    ['cannot be connected to', async () => `http://127.0.0.1:${await freePort()}/a.png`, /refuses the connection/],
    ['has a name that does not resolve', () => 'http://nowhere.invalid/a.png', /does not resolve/],
  ])('that %s is played from where it is, and the campaign says why', async (_, urlOf, reason) => {
    const url = await urlOf();
    const { id } = await flow.create({ assets: [{ assetType: 'image', url }] });
    expect((await manifestOf(id)).assets).toMatchObject([{ url, checksum: '', sizeBytes: 0 }]);
    await eventually(async () => expect(await assetsOf(id)).toMatchObject([{ state: 'failed', reason: expect.stringMatching(reason) }]));
  });

  test('that is slow holds publishing up for two seconds, and its digest reaches the screens afterwards', async () => {
    const url = `${origin.base}/held-picture`;
    const bytes = pngNamed('held');
    const started = performance.now();
    const { id, assets } = await flow.create({ assets: [{ assetType: 'image', url }] });
    const first = await manifestOf(id);
    expect(performance.now() - started).toBeGreaterThan(1500);
    expect(first.assets).toMatchObject([{ url, checksum: '', sizeBytes: 0 }]);
    await screen.say('INSTALL_ACK', id, { payload: { missing: [assets[0]?.id] } });
    // A second campaign does not wait anew for what was waited for: it overtakes one that waits for something else.
    const other = await flow.create({ assets: [{ assetType: 'image', url: `${origin.base}/held-other` }] });
    const next = await flow.create({ assets: [{ assetType: 'image', url }] });
    await manifestOf(other.id);
    const order = screen.manifests.all.map(({ campaignId }) => campaignId);
    expect(order.slice(0, order.indexOf(other.id))).toContain(next.id);
    await eventually(async () => expect((await flow.http.read(`/campaigns/${id}`)).counts.acknowledged).toBe(1));

    held.get('/held-picture')?.end(bytes);
    const digest = { url: `${flow.server.url}/assets/${sha256(bytes)}`, checksum: sha256(bytes), sizeBytes: bytes.length };
    const late = await within(
      30_000,
      'the digest',
      screen.manifests.first((each) => each.campaignId === id && each.assets[0]?.checksum !== ''),
    );
    expect(late).toEqual({ ...first, assets: [{ ...first.assets[0], ...digest }] });
    await screen.say('INSTALL_ACK', id, { timestamp: Date.now() + 1 });
    await eventually(async () => expect((await flow.http.read(`/campaigns/${id}`)).counts.acknowledged).toBe(1));
    const newcomer = await flow.screen('newcomer');
    expect((await manifestOf(id, newcomer)).assets).toMatchObject([digest]);
    expect(origin.asked.get('/held-picture')).toBe(1);
  });

  test('of our own is looked up, by whatever name this machine is reached; also when it is uploaded later', async () => {
    const bytes = pngNamed('own');
    const { port } = new URL(flow.server.url);
    const url = `http://localhost:${port}/assets/${sha256(bytes)}`;
    const early = await flow.create({ assets: [{ assetType: 'image', url }] });
    expect((await manifestOf(early.id)).assets).toMatchObject([{ checksum: '' }]);
    expect(await assetsOf(early.id)).toMatchObject([{ state: 'failed', reason: expect.stringContaining('upload it first') }]);
    await upload(flow.http, bytes);
    await eventually(async () => {
      const { id } = await flow.create({ assets: [{ assetType: 'image', url }] });
      expect((await manifestOf(id)).assets).toMatchObject([{ checksum: sha256(bytes), url: `${flow.server.url}/assets/${sha256(bytes)}` }]);
    });
  });
});

describe('a private address that no setting permits', () => {
  let strict: Flow;
  beforeAll(async () => {
    strict = await Flow.start();
  });
  afterAll(() => strict.stop());

  test.each([['/png-private'], ['/moved-private']])('is never asked: %s', async (path) => {
    const lonely = await strict.screen(`lonely${path.replace('/', '-')}`);
    const urls = [
      `${origin.base}${path}`,
      `${origin.base.replace('127.0.0.1', 'localhost')}${path}`,
      'http://169.254.169.254/latest/meta-data',
    ];
    const { id } = await strict.create({ assets: urls.map((url) => ({ assetType: 'image', url })) });
    const manifest = await manifestOf(id, lonely);
    expect(manifest.assets).toMatchObject(urls.map((url) => ({ url, checksum: '', sizeBytes: 0 })));
    await eventually(async () => {
      const { assets } = await strict.http.read(`/campaigns/${id}`);
      for (const asset of assets) expect(asset).toMatchObject({ state: 'failed', reason: expect.stringContaining('ASSET_FETCH_ALLOW') });
    });
    expect(origin.asked.get(path)).toBeUndefined();
  });
});

describe('an asset that never answers', () => {
  let patient: Flow;
  beforeAll(async () => {
    // Waits long enough that what is not held up by it can be told from what is.
    patient = await Flow.start({ ASSET_FETCH_ALLOW: '127.0.0.1', ASSET_WAIT_MS: '12000' });
  });
  afterAll(() => patient.stop());

  test('delays nobody: 20 campaigns with it are out when its time is up, others beside them long before', async () => {
    const watching = await patient.screen('watching');
    const urls = Array.from({ length: 5 }, (_, index) => `${origin.base}/held-${index}`);
    const kept = await upload(patient.http, pngNamed('beside'));
    const started = performance.now();
    const stuck = await Promise.all(
      Array.from({ length: 20 }, (_, index) => patient.create({ assets: [{ assetType: 'image', url: urls[index % 5] ?? '' }] })),
    );
    const beside = await Promise.all(Array.from({ length: 20 }, () => patient.create({ assets: [{ assetType: 'image', url: kept.url }] })));
    for (const { id } of stuck) await manifestOf(id, watching, 60_000);
    // Not one wait after another.
    expect(performance.now() - started).toBeLessThan(36_000);
    const order = watching.manifests.all.map(({ campaignId }) => campaignId);
    const lastBeside = Math.max(...beside.map(({ id }) => order.indexOf(id)));
    const firstStuck = Math.min(...stuck.map(({ id }) => order.indexOf(id)));
    expect(new Set(order)).toEqual(new Set([...beside, ...stuck].map(({ id }) => id)));
    expect(lastBeside).toBeLessThan(firstStuck);
    for (const path of held.keys()) expect(origin.asked.get(path)).toBe(1);
  });
});
