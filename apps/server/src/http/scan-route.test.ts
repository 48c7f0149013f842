import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClickEvent } from '../clicks/click.js';
import { silentLog } from '../kit/log.js';
import { addScanRoute, type ScanDoor } from './scan-route.js';

const TARGET = { url: 'https://shop.example/spring', campaignId: 'c', assetId: 'a', assetType: 'image', deviceId: 'lobby-1' } as const;
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)';

describe('GET /c/:code', () => {
  let fastify: FastifyInstance;
  let events: ClickEvent[];
  let rejected: string[];
  let door: ScanDoor;
  beforeEach(() => {
    events = [];
    rejected = [];
    door = {
      targets: { find: async (code) => (code === 'good' ? TARGET : undefined) },
      accept: (event) => {
        events.push(event);
        return 'OK';
      },
      rejected: (reason, count) => rejected.push(`${reason} ${count}`),
      keepAddress: (address) => `kept ${address}`,
      clock: { now: () => 1_800_000_000_000, monotonic: () => 0 },
      log: silentLog,
    };
    fastify = Fastify();
    addScanRoute(fastify, door);
  });
  afterEach(() => fastify.close());
  const get = (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
    fastify.inject({ method, url, headers: { 'user-agent': PHONE, ...headers } });

  test('leads to the target and counts the click', async () => {
    const answer = await get('/c/good');
    expect(answer.statusCode).toBe(302);
    expect(answer.headers).toMatchObject({ location: TARGET.url, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
    expect(events).toEqual([
      {
        messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        uid: '',
        adId: 'a',
        adType: 'image',
        clickedAt: 1_800_000_000_000,
        ip: 'kept 127.0.0.1',
        source: 'qr',
        campaignId: 'c',
        creativeId: 'a',
        deviceId: 'lobby-1',
        agent: PHONE,
      },
    ]);
  });

  test('two scans are two clicks', async () => {
    await get('/c/good');
    await get('/c/good');
    expect(new Set(events.map(({ messageId }) => messageId)).size).toBe(2);
  });

  test('whatever the query says, the target is the campaign’s', async () => {
    const answer = await get('/c/good?url=https://evil.example&to=//evil.example&clickUrl=https://evil.example');
    expect(answer.headers.location).toBe(TARGET.url);
  });

  test.each(['/c/forged', '/c/%3Cscript%3Ealert(1)%3C%2Fscript%3E', '/c/..%2f..%2fetc', `/c/${'x'.repeat(90)}`])(
    '%s is a page that says nothing',
    async (url) => {
      const answer = await get(url);
      expect(answer.statusCode).toBe(404);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.headers.location).toBeUndefined();
      expect(answer.body).toBe((await get('/c/unknown')).body);
      expect(events).toEqual([]);
    },
  );

  test.each([
    ['HEAD', {}, 'HEAD' as const],
    ['a browser that fetches ahead', { 'sec-purpose': 'prefetch;prerender' }],
    ['an old browser that fetches ahead', { 'x-moz': 'prefetch' }],
    ['a preview of Safari', { 'x-purpose': 'preview' }],
    ['a preview in a chat', { 'user-agent': 'WhatsApp/2.23.20.0' }],
    ['a preview on an iPhone', { 'user-agent': `${PHONE} facebookexternalhit/1.1 Facebot Twitterbot/1.0` }],
  ])('%s is led on and not counted', async (_, headers, method?: 'HEAD') => {
    const answer = await get('/c/good', headers, method);
    expect(answer.statusCode).toBe(302);
    expect(answer.headers.location).toBe(TARGET.url);
    expect(events).toEqual([]);
  });

  test('an overloaded publisher costs the count, not the visit', async () => {
    door.accept = () => 'OVERLOADED';
    expect((await get('/c/good')).statusCode).toBe(302);
    expect(rejected).toEqual(['overloaded 1']);
  });

  test('nobody waits for a durable answer', async () => {
    door.accept = () => new Promise(() => undefined);
    expect((await get('/c/good')).statusCode).toBe(302);
  });

  test('while it cannot be told where a code leads, it is asked for again', async () => {
    door.targets.find = () => Promise.reject(new Error('away'));
    const answer = await get('/c/good');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.body).not.toContain('away');
  });
});
