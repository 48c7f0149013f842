import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { campaignBody, Flow } from '../support/flow.js';
import { expectProblem } from '../support/http-client.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start();
  await flow.register('screen-1');
});
afterEach(async () => {
  expect((await flow.http.get('/healthz')).status).toBe(200);
});
afterAll(() => flow.stop());

async function counted(): Promise<string> {
  const [row] = await flow.sql<{ n: string }>(
    `select (select count(*) from campaigns) || '/' || (select count(*) from campaign_assets) as n`,
  );
  return row?.n ?? '';
}

/** Stands for an object so many levels deep, deeper than can be written by recursion. */
const DEEP = 'put 5,000 levels here';

function textOf(body: unknown): string {
  return JSON.stringify(body).replace(JSON.stringify(DEEP), `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`);
}

const NUL = 'a\u0000b';
const LONE = 'a\ud800b';
const asset = { assetType: 'image', url: 'https://example.invalid/a.png' };
const HOUR = 3_600_000;

/** Field, what is wrong with it, and the change to a good body; `undefined` leaves the field out. */
const WRONG: [field: string, what: string, change: Record<string, unknown>][] = [
  ['name', 'missing', { name: undefined }],
  ['name', 'null', { name: null }],
  ['name', 'a number', { name: 7 }],
  ['name', 'a list', { name: ['a'] }],
  ['name', 'empty', { name: '' }],
  ['name', 'blank', { name: ' \t\u3000 ' }],
  ['name', 'with NUL', { name: NUL }],
  ['name', 'with a lone surrogate', { name: LONE }],
  ['name', 'of 900 kB', { name: 'n'.repeat(900_000) }],
  ['startAt', 'missing', { startAt: undefined }],
  ['startAt', 'a text', { startAt: '2030-01-01' }],
  ['startAt', 'a number as text', { startAt: String(Date.now()) }],
  ['startAt', 'negative', { startAt: -1 }],
  ['startAt', 'a fraction', { startAt: Date.now() + 0.5 }],
  ['startAt', 'huge', { startAt: 1e300 }],
  ['startAt', 'above what a date holds', { startAt: 8_640_000_000_000_001 }],
  ['startAt', 'a boolean', { startAt: true }],
  ['expireAt', 'missing', { expireAt: undefined }],
  ['expireAt', 'huge', { expireAt: 1e300 }],
  ['expireAt', 'an object', { expireAt: {} }],
  ['expireAt', 'past', { startAt: Date.now() - 2 * HOUR, expireAt: Date.now() - HOUR }],
  ['expireAt', 'before startAt', { startAt: Date.now() + 2 * HOUR, expireAt: Date.now() + HOUR }],
  ['expireAt', 'equal to startAt', { startAt: Date.now() + HOUR, expireAt: 'same' }],
  ['assets', 'missing', { assets: undefined }],
  ['assets', 'an object', { assets: { 0: asset } }],
  ['assets', 'empty', { assets: [] }],
  ['assets', '10,000', { assets: Array.from({ length: 10_000 }, () => asset) }],
  ['assets.0', 'null', { assets: [null] }],
  ['assets.0.assetType', 'missing', { assets: [{ url: asset.url }] }],
  ['assets.0.assetType', 'unknown', { assets: [{ ...asset, assetType: 'script' }] }],
  ['assets.1.url', 'missing', { assets: [asset, { assetType: 'image' }] }],
  ['assets.0.url', 'a number', { assets: [{ ...asset, url: 5 }] }],
  ['assets.0.url', 'relative', { assets: [{ ...asset, url: '/a.png' }] }],
  ['assets.0.url', 'javascript:', { assets: [{ ...asset, url: 'javascript:alert(1)' }] }],
  ['assets.0.url', 'javascript: with white space', { assets: [{ ...asset, url: ' java\nscript:alert(1)' }] }],
  ['assets.0.url', 'file:', { assets: [{ ...asset, url: 'file:///etc/passwd' }] }],
  ['assets.0.url', 'data:', { assets: [{ ...asset, url: 'data:text/html,hi' }] }],
  ['assets.0.url', 'ftp:', { assets: [{ ...asset, url: 'ftp://example.invalid/a' }] }],
  ['assets.0.url', 'with a password', { assets: [{ ...asset, url: 'https://user:secret@example.invalid/a' }] }],
  ['assets.0.url', 'with NUL', { assets: [{ ...asset, url: `https://example.invalid/${NUL}` }] }],
  ['assets.0.url', 'with a lone surrogate', { assets: [{ ...asset, url: `https://example.invalid/${LONE}` }] }],
  ['assets.0.url', 'of 100 kB', { assets: [{ ...asset, url: `https://example.invalid/${'a'.repeat(100_000)}` }] }],
  ['assets.0.durationMs', 'negative', { assets: [{ ...asset, durationMs: -5 }] }],
  ['assets.0.durationMs', 'zero', { assets: [{ ...asset, durationMs: 0 }] }],
  ['assets.0.durationMs', 'huge', { assets: [{ ...asset, durationMs: 1e300 }] }],
  ['assets.0.durationMs', 'a text', { assets: [{ ...asset, durationMs: '5' }] }],
  ['metadata', 'a list', { metadata: [] }],
  ['metadata', 'a text', { metadata: 'x' }],
  ['metadata', 'null', { metadata: null }],
  ['metadata', '5,000 levels deep', { metadata: DEEP }],
  ['metadata', 'with NUL deep inside', { metadata: { a: [{ b: NUL }] } }],
  ['metadata', 'with NUL in a key', { metadata: { a: { [NUL]: 1 } } }],
  ['metadata', 'with a lone surrogate', { metadata: { a: LONE } }],
  ['metadata', 'of 200 kB', { metadata: { a: 'x'.repeat(200_000) } }],
  ['idempotencyKey', 'missing', { idempotencyKey: undefined }],
  ['idempotencyKey', 'no UUID', { idempotencyKey: 'key-1' }],
  ['idempotencyKey', 'a number', { idempotencyKey: 1 }],
  ['idempotencyKey', 'an injection', { idempotencyKey: `${randomUUID()}'; drop table campaigns; --` }],
  ['channel', 'of another kind', { channel: 'pigeon' }],
  ['channel', 'null', { channel: null }],
  ['audience', 'null', { audience: null }],
  ['audience', 'a text', { audience: 'all' }],
  ['audience', 'empty', { audience: {} }],
  ['audience', 'of nobody', { audience: { all: false } }],
  ['audience', 'with no ids', { audience: { ids: [] } }],
  ['audience', 'with a bad id', { audience: { ids: ['a/b'] } }],
  ['audience', 'with a wildcard for an id', { audience: { ids: ['+'] } }],
  ['audience', 'with 20,001 ids', { audience: { ids: Array.from({ length: 20_001 }, (_, index) => `d${index}`) } }],
  ['audience', 'with blank groups', { audience: { groups: [' '] } }],
  ['audience', 'with NUL in a tag', { audience: { tags: { any: [NUL] } } }],
  ['audience', 'with empty tags', { audience: { tags: {} } }],
  ['audience', 'with two meanings', { audience: { all: true, ids: ['a'] } }],
  ['metadata', 'a list of objects 5,000 levels deep', { metadata: { a: [DEEP] } }],
  ['audience', '5,000 levels deep', { audience: DEEP }],
  ['priority', 'a fraction', { priority: 0.5 }],
  ['priority', 'above ten', { priority: 11 }],
  ['priority', 'a text', { priority: '1' }],
  ['window', 'a text', { window: 'always' }],
  ['window.days', 'on the eighth day', { window: { days: [8], from: '08:00', to: '09:00', timeZone: 'UTC' } }],
  ['window.from', 'at 25:00', { window: { days: [1], from: '25:00', to: '09:00', timeZone: 'UTC' } }],
  ['window.timeZone', 'nowhere', { window: { days: [1], from: '08:00', to: '09:00', timeZone: 'Mars/Olympus' } }],
  ['dispatch', 'of another kind', { dispatch: 'later' }],
];

describe('POST /campaigns', () => {
  test.each(WRONG)('refuses %s that is %s, names it and stores nothing', async (field, _, change) => {
    const body = { ...campaignBody(flow.server.url), ...change };
    if (change['expireAt'] === 'same') body.expireAt = body.startAt;
    const before = await counted();
    const answer = await flow.http.post('/campaigns', textOf(body), { 'content-type': 'application/json' });
    expect(answer.status, answer.text.slice(0, 300)).toBeGreaterThanOrEqual(400);
    expect(expectProblem(answer, answer.status)).toContain(field);
    expect([400, 422]).toContain(answer.status);
    expect(answer.text.length).toBeLessThan(20_000);
    expect(await counted()).toBe(before);
  });

  test.each([
    ['schedule', { schedule: { cron: '* * * * *', timeZone: 'UTC' } }],
    ['rate', { rate: { perSecond: 5 } }],
    ['content', { content: { url: 'https://example.com' } }],
    ['limits', { limits: { maxErrorRate: 0.1 } }],
  ])('says 422 to %s, which screens do not have', async (field, change) => {
    const answer = await flow.http.post('/campaigns', { ...campaignBody(flow.server.url), ...change });
    expect(expectProblem(answer, 422, 'NOT_SUPPORTED')).toContain(field);
    const wrong = await flow.http.post('/campaigns', { ...campaignBody(flow.server.url), ...change, priority: 99 });
    expect(expectProblem(wrong, 400, 'VALIDATION_FAILED')).toContain('priority');
  });

  test('names every field that is wrong', async () => {
    const answer = await flow.http.post('/campaigns', { name: 1, assets: [{}, { assetType: 'x', url: 'y' }], priority: 99 });
    const message = expectProblem(answer, 400, 'VALIDATION_FAILED');
    for (const field of ['name', 'startAt', 'expireAt', 'assets.0.assetType', 'assets.1.url', 'idempotencyKey', 'priority'])
      expect(message).toContain(field);
    expect(Array.isArray(answer.json().message)).toBe(true);
  });

  test.each<[string, string | Buffer, Record<string, string>, number]>([
    ['nothing', '', {}, 400],
    ['null', 'null', {}, 400],
    ['a list', '[]', {}, 400],
    ['a text', '"x"', {}, 400],
    ['broken JSON', '{"name": ', {}, 400],
    ['JSON and more', '{} {}', {}, 400],
    ['a poisoned prototype', '{"__proto__": {"name": "x"}}', {}, 400],
    ['a poisoned constructor', '{"constructor": {"prototype": {"name": "x"}}}', {}, 400],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), {}, 400],
    ['brackets without end', '['.repeat(900_000), {}, 400],
    ['JSON called plain text', '{}', { 'content-type': 'text/plain' }, 415],
    ['a form', 'name=x', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['XML', '<a/>', { 'content-type': 'application/xml' }, 415],
    ['CSV', 'name\nx\n', { 'content-type': 'text/csv' }, 415],
    ['a type that is none', '{}', { 'content-type': '///' }, 415],
    ['2 MB', JSON.stringify({ name: 'x'.repeat(2_000_000) }), {}, 413],
  ])('refuses %s', async (_, body, headers, status) => {
    const before = await counted();
    const answer = await flow.http.post('/campaigns', body, { 'content-type': 'application/json', ...headers });
    expect(expectProblem(answer, status)).not.toBe('');
    expect(await counted()).toBe(before);
  });

  test('takes what only looks dangerous, as text', async () => {
    const hostile = '</title><script>alert(1)</script><img src=x onerror="alert(\'2\')"> {{metadata.text}} 💥';
    const url = "https://example.invalid/\"><script>alert(4)</script>?a='b'&c=`";
    const created = await flow.create({
      name: hostile,
      assets: [
        { assetType: 'image', url },
        { assetType: 'html', url: `${url}2` },
      ],
      metadata: { text: hostile, background: 'red;}</style><script>alert(5)</script>', fit: '"><script>', __proto: 1, constructor: 'x' },
    });
    expect(created.name).toBe(hostile);
    expect(created.assets[0]?.url).toBe(url);
    const page = await eventually(async () => {
      const answer = await flow.http.get(`/templates/${created.id}/index.html`);
      expect(answer.status).toBe(200);
      return answer;
    });
    expect(page.headers['content-security-policy']).toContain('sandbox');
    expect(page.text).not.toMatch(/<script>alert|onerror="|<img/);
    expect(page.text).toContain('&lt;script&gt;alert(1)');
    const list = await flow.http.get('/campaigns?limit=1');
    expect(list.json().data[0].name).toBe(hostile);
    expect(list.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  test('takes the largest that it allows', async () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => `d${index}`);
    const assets = Array.from({ length: 100 }, (_, index) => ({ assetType: 'image' as const, url: `${asset.url}?${index}` }));
    const created = await flow.create({ name: 'n'.repeat(200), assets, audience: { ids }, metadata: { a: 'x'.repeat(65_000) } });
    expect(created.assets).toHaveLength(100);
    await flow.create({ startAt: 0, expireAt: 8_640_000_000_000_000 });
  });
});
