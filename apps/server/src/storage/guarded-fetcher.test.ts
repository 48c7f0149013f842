import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ResolveName } from '../kit/address-policy.js';
import { FetchRig, type FetchSetup, MB, PAGE, resolvesTo, type Route } from '../test/support/fetch-rig.js';
import type { FileStorage } from './file-storage.js';
import type { GuardedFetcher } from './guarded-fetcher.js';
import { type Storage, StorageError } from './storage.js';

let rig: FetchRig;
let origin: string;
let routes: FetchRig['routes'];
let asked: string[];
let storage: FileStorage;
const fetcherWith = (setup?: FetchSetup): GuardedFetcher => rig.fetcher(setup);

beforeEach(async () => {
  rig = await FetchRig.start();
  ({ origin, routes, asked, storage } = rig);
});
afterEach(() => rig.stop());

const redirect =
  (to: string, status = 302): Route =>
  (_, response) =>
    response.writeHead(status, { location: to }).end('moved');

describe('an asset given by URL', () => {
  test('is kept by digest, as what its bytes are, whatever the server calls it', async () => {
    routes.set('/a', (_, response) => response.writeHead(200, { 'content-type': 'image/png' }).end(PAGE));
    const fetched = await fetcherWith().fetch(`${origin}/a`);
    expect(fetched).toMatchObject({ ok: true, sizeBytes: PAGE.length, type: 'text/html', assetType: 'html' });
    expect(fetched.ok && (await storage.stat(fetched.sha256)) !== undefined).toBe(true);
  });

  test.each([
    [404, false],
    [401, false],
    [204, false],
    [206, false],
    [429, true],
    [500, true],
    [503, true],
  ])('answered %d has failed; tried again: %s', async (status, retry) => {
    routes.set('/a', (_, response) => response.writeHead(status).end(status === 204 ? undefined : PAGE));
    expect(await fetcherWith().fetch(`${origin}/a`)).toEqual({ ok: false, reason: `answered ${status}`, retry });
  });

  test('that is nothing a screen can show, or empty, has failed for good', async () => {
    routes.set('/text', (_, response) => response.end('hello'));
    routes.set('/empty', (_, response) => response.end());
    const fetcher = fetcherWith();
    expect(await fetcher.fetch(`${origin}/text`)).toEqual({ ok: false, reason: 'is not an image, video or HTML page', retry: false });
    expect(await fetcher.fetch(`${origin}/empty`)).toEqual({ ok: false, reason: 'is empty', retry: false });
  });

  test.each([
    '',
    'x',
    'file:///etc/passwd',
    'javascript:1',
    'data:text/html,x',
    'ftp://127.0.0.1/x',
    'http://user:secret@127.0.0.1/x',
    'http://',
  ])('%j is not fetched', async (url) => {
    expect(await fetcherWith().fetch(url)).toEqual({ ok: false, reason: 'is not an http or https URL', retry: false });
  });

  test.each<[string, boolean]>([
    ['ENOTFOUND', false],
    ['EAI_AGAIN', true],
  ])('whose host does not resolve (%s) has failed at once', async (code, retry) => {
    const resolve: ResolveName = () => Promise.reject(Object.assign(new Error(code), { code }));
    const began = performance.now();
    expect(await fetcherWith({ resolve }).fetch('http://nowhere.example/a')).toMatchObject({
      ok: false,
      reason: expect.stringContaining('host name does not resolve'),
      retry,
    });
    expect(performance.now() - began).toBeLessThan(1000);
  });

  test('whose host refuses connections or breaks them off may be tried again', async () => {
    routes.set('/cut', (_, response) => {
      response.writeHead(200, { 'content-length': '100000' });
      response.write(PAGE, () => response.destroy());
    });
    routes.set('/reset', (request) => request.socket.destroy());
    const fetcher = fetcherWith();
    expect(await fetcher.fetch(`${origin}/cut`)).toEqual({ ok: false, reason: 'connection broke off', retry: true });
    expect(await fetcher.fetch(`${origin}/reset`)).toEqual({ ok: false, reason: 'connection broke off', retry: true });
    expect(await fetcher.fetch('http://127.0.0.1:1/x')).toEqual({ ok: false, reason: 'host refuses the connection', retry: true });
  });

  test('from a server that does not speak HTTP or TLS has failed with a reason', async () => {
    const mumbling = createTcpServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end('mumble\r\n\r\n')));
    await new Promise<void>((done) => mumbling.listen(0, '127.0.0.1', done));
    const { port } = mumbling.address() as AddressInfo;
    const fetcher = fetcherWith();
    expect(await fetcher.fetch(`http://127.0.0.1:${port}/`)).toEqual({ ok: false, reason: 'answer is not valid HTTP', retry: false });
    const secure = await fetcher.fetch(`https://127.0.0.1:${port}/`);
    expect(secure).toMatchObject({ ok: false, reason: expect.stringMatching(/^secure connection failed \(ERR_SSL/) });
    await new Promise((done) => mumbling.close(done));
  });
});

describe('addresses', () => {
  test.each(['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', 'localhost', '0.0.0.0'])(
    'http://%s is refused unless it is allowed',
    async (host) => {
      const { port } = new URL(origin);
      const refused = await fetcherWith({ allow: '' }).fetch(`http://${host}:${port}/page`);
      expect(refused).toMatchObject({
        ok: false,
        reason: expect.stringMatching(/^address is (private|reserved).*: set ASSET_FETCH_ALLOW to permit it$/),
        retry: false,
      });
      expect(asked).toEqual([]);
    },
  );

  test('a name that leads inside is refused, and permitted by its name or by its range', async () => {
    const url = `http://cms.example:${new URL(origin).port}/page`;
    const resolve = resolvesTo('127.0.0.1');
    expect(await fetcherWith({ allow: '', resolve }).fetch(url)).toMatchObject({ ok: false, reason: expect.stringContaining('loopback') });
    expect(asked).toEqual([]);
    expect(await fetcherWith({ allow: 'cms.example', resolve }).fetch(url)).toMatchObject({ ok: true });
    expect(await fetcherWith({ allow: '127.0.0.0/8', resolve }).fetch(url)).toMatchObject({ ok: true });
  });

  test('a name that answers otherwise the second time (DNS rebinding) is judged by each answer', async () => {
    routes.set('/a', redirect('/page'));
    const url = `http://rebind.example:${new URL(origin).port}`;
    const rebinding = fetcherWith({ resolve: resolvesTo('127.0.0.1', '10.0.0.1') });
    expect(await rebinding.fetch(`${url}/a`)).toMatchObject({ ok: false, reason: expect.stringContaining('address is private:') });
    expect(asked).toEqual(['/a']);
  });

  test('each redirect is judged like the first URL', async () => {
    const { port } = new URL(origin);
    const resolve: ResolveName = (host) => Promise.resolve([{ address: host === 'open.example' ? '127.0.0.1' : '127.0.0.2', family: 4 }]);
    const fetcher = fetcherWith({ allow: 'open.example', resolve });
    for (const [to, reason] of [
      [`${origin}/page`, 'loopback'],
      [`http://inside.example:${port}/page`, 'loopback'],
      ['http://[fe80::1]/', 'link-local'],
      ['file:///etc/passwd', 'redirects to something that is not an http or https URL'],
      [`http://a:b@open.example:${port}/page`, 'redirects to something that is not an http or https URL'],
    ] as const) {
      routes.set('/a', redirect(to));
      expect(await fetcher.fetch(`http://open.example:${port}/a`)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
    }
    expect(new Set(asked)).toEqual(new Set(['/a']));
  });
});

test('five redirects are followed, of every kind and relative ones too; a sixth is not', async () => {
  for (const [n, status] of [301, 302, 303, 307, 308].entries()) routes.set(`/${n}`, redirect(n === 4 ? '/page' : `${n + 1}`, status));
  routes.set('/six', redirect('/0'));
  routes.set('/round', redirect('/round'));
  const fetcher = fetcherWith();
  expect(await fetcher.fetch(`${origin}/0`)).toMatchObject({ ok: true });
  const reason = 'redirects more than 5 times';
  expect(await fetcher.fetch(`${origin}/six`)).toEqual({ ok: false, reason, retry: false });
  expect(await fetcher.fetch(`${origin}/round`)).toEqual({ ok: false, reason, retry: false });
});

describe('content that comes compressed though plain was asked for', () => {
  const coded =
    (encoding: string, bytes: Buffer): Route =>
    (_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes);

  test.each([
    ['gzip', gzipSync(PAGE)],
    ['deflate', deflateSync(PAGE)],
    ['br', brotliCompressSync(PAGE)],
    ['identity', PAGE],
  ])('is kept as what it is inside: %s', async (encoding, bytes) => {
    routes.set('/a', coded(encoding, bytes));
    expect(await fetcherWith().fetch(`${origin}/a`)).toMatchObject({ ok: true, sizeBytes: PAGE.length, type: 'text/html' });
  });

  test('meets the limit by what it unpacks to', async () => {
    const bomb = gzipSync(Buffer.concat([PAGE, Buffer.alloc(50 * MB, 120)]));
    expect(bomb.length).toBeLessThan(MB);
    routes.set('/a', coded('gzip', bomb));
    expect(await fetcherWith({ limits: { maxBytes: MB } }).fetch(`${origin}/a`)).toMatchObject({ ok: false, reason: 'larger than 1 MB' });
  });

  test.each([
    ['gzip', PAGE, 'compressed content is damaged'],
    ['br', PAGE, 'compressed content is damaged'],
    ['gzip', gzipSync(PAGE).subarray(0, 40), 'compressed content is cut short'],
    ['zstd', PAGE, 'content is compressed in a way this server does not know (zstd)'],
  ])('has failed where it cannot be unpacked: %s', async (encoding, bytes, reason) => {
    routes.set('/a', coded(encoding, bytes));
    expect(await fetcherWith().fetch(`${origin}/a`)).toMatchObject({ ok: false, reason });
  });
});

describe('a storage in trouble', () => {
  const failing = (error: Error): Storage =>
    Object.assign(Object.create(storage) as Storage, {
      put: async () => {
        await Promise.resolve();
        throw error;
      },
    });

  test('that is full is a reason to try again', async () => {
    const full = fetcherWith({ into: failing(new StorageError('StorageFull', 'full')) });
    expect(await full.fetch(`${origin}/page`)).toMatchObject({ ok: false, reason: expect.stringContaining('no space left'), retry: true });
  });

  test('that is broken is thrown, not blamed on the asset', async () => {
    const broken = Object.assign(new Error('EACCES'), { code: 'ECONNRESET' });
    await expect(fetcherWith({ into: failing(broken) }).fetch(`${origin}/page`)).rejects.toBe(broken);
  });
});
