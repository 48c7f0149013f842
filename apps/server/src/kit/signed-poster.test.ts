import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AddressPolicy, parseFetchAllow, type ResolveName } from './address-policy.js';
import { systemClock } from './clock.js';
import { SignedPoster } from './signed-poster.js';

let server: Server;
let posters: SignedPoster[];
let requests: string[];
let answer: RequestListener;

beforeEach(async () => {
  posters = [];
  requests = [];
  answer = (_request, response) => response.writeHead(204).end();
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const poster of posters) await poster.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function makePoster(allowed: string, resolve?: ResolveName, timeoutMs = 5000): SignedPoster {
  const allow = parseFetchAllow(allowed);
  if (!allow.ok) throw new Error(allow.error);
  const policy = new AddressPolicy(allow.allow, resolve, { neverLinkLocal: true });
  const poster = new SignedPoster(policy, systemClock, { timeoutMs, allowSetting: 'WEBHOOK_ALLOW' });
  posters.push(poster);
  return poster;
}

const port = (): number => (server.address() as AddressInfo).port;
const post = (url: string) => ({ url, body: '{}', idempotencyKey: 'k' });

test('a name that leads into the network is refused when the connection is made, one that is allowed is not', async () => {
  const inside: ResolveName = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
  const url = `http://hook.example.test:${port()}/`;
  expect(await makePoster('', inside).post(post(url))).toEqual({
    ok: false,
    kind: 'refused',
    reason: 'address is private (loopback): set WEBHOOK_ALLOW to permit it',
  });
  expect(requests).toEqual([]);
  expect(await makePoster('127.0.0.0/8', inside).post(post(url))).toEqual({ ok: true, status: 204 });
  expect(await makePoster('hook.example.test', inside).post(post(url))).toEqual({ ok: true, status: 204 });
});

test.each(['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1'])('%s is never reached, whatever is allowed', async (address) => {
  const cloud: ResolveName = () => Promise.resolve([{ address, family: address.includes(':') ? 6 : 4 }]);
  const poster = makePoster('0.0.0.0/0 ::/0 hook.example.test', cloud);
  const literal = address.includes(':') ? `[${address}]` : address;
  for (const url of ['http://hook.example.test/', `http://${literal}/`])
    expect(await poster.post(post(url))).toMatchObject({ ok: false, kind: 'refused', reason: expect.stringContaining('link-local') });
});

test('a redirect is not followed', async () => {
  answer = (_request, response) => response.writeHead(307, { location: '/elsewhere' }).end();
  const outcome = await makePoster('127.0.0.1').post(post(`http://127.0.0.1:${port()}/first`));
  expect(outcome).toEqual({ ok: false, kind: 'refused', reason: 'answered 307, and redirects are not followed' });
  expect(requests).toEqual(['POST /first']);
});

test.each<[number, Record<string, string>, (retryAfterMs: number) => boolean]>([
  [503, {}, (ms) => ms === 0],
  [503, { 'retry-after': '7' }, (ms) => ms === 7000],
  [429, { 'retry-after': '999999' }, (ms) => ms === 3_600_000],
  [408, { 'retry-after': 'soon' }, (ms) => ms === 0],
  [425, { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }, (ms) => ms > 60_000 && ms <= 91_000],
])('%i with %j may be repeated, at the soonest when it says', async (status, headers, fits) => {
  answer = (_request, response) => response.writeHead(status, headers).end();
  const outcome = await makePoster('127.0.0.1').post(post(`http://127.0.0.1:${port()}/`));
  expect(outcome).toMatchObject({ ok: false, kind: 'failed', reason: `answered ${status}` });
  expect('retryAfterMs' in outcome && fits(outcome.retryAfterMs), JSON.stringify(outcome)).toBe(true);
});

test('an answer without end costs nothing: its status counts', async () => {
  answer = (_request, response) => {
    response.writeHead(200);
    const more = (): boolean => response.write('x'.repeat(65_536));
    response.on('drain', more);
    more();
  };
  expect(await makePoster('127.0.0.1').post(post(`http://127.0.0.1:${port()}/`))).toEqual({ ok: true, status: 200 });
});

test('who never answers is given up in time, and a poster that is closed ends what is under way', async () => {
  answer = () => undefined;
  const url = `http://127.0.0.1:${port()}/`;
  expect(await makePoster('127.0.0.1', undefined, 1000).post(post(url))).toMatchObject({
    kind: 'failed',
    reason: 'no answer within 1000 ms',
  });
  const poster = makePoster('127.0.0.1');
  const arrived = once(server, 'request');
  const outcome = poster.post(post(url));
  await arrived;
  await poster.close();
  expect(await outcome).toMatchObject({ kind: 'failed', reason: 'the server was stopping' });
});
