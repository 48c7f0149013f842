import { MAX_CLICK_BATCH } from '@marquee/contracts';
import Fastify, { type FastifyInstance } from 'fastify';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { text as readAll } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClickEvent } from '../clicks/click.js';
import type { Accepted } from '../clicks/publisher/entry.js';
import { silentLog } from '../kit/log.js';
import { bearer, clickBody, JWT_SECRET, tokenOf } from '../test/support/click-client.js';
import { expectProblem, HttpClient } from '../test/support/http-client.js';
import { BearerTokens } from './bearer-tokens.js';
import { addClickRoutes, type RejectedFor } from './click-routes.js';
import { addressKeeper, type KeepAddress } from './client-address.js';
import { trustOf } from './trusted-proxies.js';

const NOW = 1_800_000_000_000;

/** The routes alone, on a server of their own; what they accept is kept. */
class Door {
  readonly accepted: ClickEvent[] = [];
  readonly rejected: Partial<Record<RejectedFor, number>> = {};
  /** What the publisher says to the next clicks, the next first; OK when there is none. */
  readonly answers: (Accepted | Promise<Accepted>)[] = [];
  http = new HttpClient('http://127.0.0.1');
  private constructor(private readonly fastify: FastifyInstance) {}

  static async open(proxies: false | number | string[] = false, keep: KeepAddress = { as: 'full' }): Promise<Door> {
    const fastify = Fastify({ trustProxy: trustOf(proxies), forceCloseConnections: true });
    const door = new Door(fastify);
    await addClickRoutes(fastify, {
      tokens: new BearerTokens(JWT_SECRET, undefined),
      accept: (event) => {
        const answer = door.answers.shift() ?? 'OK';
        if (answer === 'OK') door.accepted.push(event);
        return answer;
      },
      rejected: (reason, count) => {
        door.rejected[reason] = (door.rejected[reason] ?? 0) + count;
      },
      keepAddress: addressKeeper(keep),
      clock: { now: () => NOW, monotonic: () => performance.now() },
      log: silentLog,
    });
    await fastify.listen({ host: '127.0.0.1', port: 0 });
    door.http = new HttpClient(`http://127.0.0.1:${door.port}`);
    return door;
  }

  get port(): number {
    return (this.fastify.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.http.close();
    await this.fastify.close();
  }
}

let door: Door;
beforeEach(async () => {
  door = await Door.open();
});
afterEach(() => door.close());

const ID = '018F0000-0000-7000-8000-00000000000A';

describe('a click that is accepted', () => {
  it('is the one that was sent, under its id in lower case, at our time', async () => {
    const body = clickBody({ messageId: ID, deviceId: 'lobby:1', clickedAt: undefined });
    const answer = await door.http.post('/ads/clicks', body, bearer(tokenOf('me')));
    expect([answer.status, answer.text]).toEqual([200, '{"status":1,"code":"OK"}']);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(door.accepted).toEqual([
      {
        messageId: ID.toLowerCase(),
        uid: 'me',
        adId: 'ad-1',
        adType: 'banner',
        clickedAt: NOW,
        ip: '127.0.0.1',
        source: 'api',
        deviceId: 'lobby:1',
      },
    ]);
  });

  it('has an id of ours where it brought none, another one each time', async () => {
    for (let i = 0; i < 3; i += 1) await door.http.post('/ads/clicks', clickBody(), bearer());
    const ids = door.accepted.map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('keeps so much of the agent as a browser says', async () => {
    await door.http.post('/ads/clicks', clickBody(), { ...bearer(), 'user-agent': 'x'.repeat(5000) });
    expect(door.accepted[0]?.agent).toBe('x'.repeat(256));
  });

  it('waits for an answer that comes later', async () => {
    let settle: (accepted: Accepted) => void = () => undefined;
    door.answers.push(new Promise((resolve) => (settle = resolve)));
    const answer = door.http.post('/ads/clicks', clickBody(), bearer());
    await expect.poll(() => door.answers.length).toBe(0);
    settle('OK');
    expect((await answer).status).toBe(200);
  });
});

describe('who may not click', () => {
  it('is told that a token is needed, or what is wrong with it', async () => {
    const none = await door.http.post('/ads/clicks', clickBody());
    expect(expectProblem(none, 401, 'UNAUTHORIZED')).toBe('authorization: a bearer token is needed');
    expect(none.headers['www-authenticate']).toBe('Bearer realm="marquee"');
    const wrong = await door.http.post('/ads/clicks', clickBody(), bearer(`${tokenOf('x')}A`));
    expect(expectProblem(wrong, 401, 'UNAUTHORIZED')).toMatch(/^authorization: /);
    expect(wrong.headers['www-authenticate']).toMatch(/^Bearer realm="marquee", error="invalid_token", error_description="[a-z ]+"$/);
    for (const authorization of ['Basic dXNlcjpwYXNz', 'Bearer', 'Bearer ', `Bearer "${tokenOf('x')}"`, tokenOf('x')])
      expectProblem(await door.http.post('/ads/clicks', clickBody(), { authorization }), 401, 'UNAUTHORIZED');
    expectProblem(await door.http.post('/ads/clicks/batch', { clicks: [clickBody()] }), 401, 'UNAUTHORIZED');
    expect(door.rejected).toEqual({ token: 8 });
    expect(door.accepted).toEqual([]);
  });

  it('is refused before a byte of the body is read', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': '1000' };
    expectProblem(await door.http.announce('POST', '/ads/clicks', headers), 401);
  });

  it('cannot bring a token that does not fit into a header', async () => {
    const answer = await door.http.post('/ads/clicks', clickBody(), { authorization: `Bearer ${'x'.repeat(12_000)}` });
    expect(expectProblem(answer, 401)).toMatch(/longer than 4096/);
    expect((await door.http.post('/ads/clicks', clickBody(), bearer())).status).toBe(200);
  });
});

describe('a body that is wrong', () => {
  it.each<[string, unknown, RegExp]>([
    ['no ad', { adType: 'banner' }, /^adId: /],
    ['an empty ad', clickBody({ adId: '' }), /^adId: /],
    ['a long ad', clickBody({ adId: 'x'.repeat(129) }), /^adId: /],
    ['an ad that is a number', clickBody({ adId: 7 }), /^adId: /],
    ['an ad that is a list', clickBody({ adId: ['x'] }), /^adId: /],
    ['an ad with NUL', clickBody({ adId: 'a\u0000b' }), /^adId: .*NUL/],
    ['an ad with half a character', '{"adId":"\\ud800","adType":"x"}', /^adId: .*surrogate/],
    ['no kind of ad', { adId: 'x' }, /^adType: /],
    ['an id that is none', clickBody({ messageId: 'abc' }), /^messageId: /],
    ['a campaign that is none', clickBody({ campaignId: 'abc' }), /^campaignId: /],
    ['a screen that is none', clickBody({ deviceId: 'a b' }), /^deviceId: /],
    ['null for what may be left out', clickBody({ deviceId: null }), /^deviceId: /],
    ['a time of its own', clickBody({ clickedAt: '1' }), /clickedAt/],
    ['a user of its own', clickBody({ uid: 'somebody-else' }), /uid/],
    ['an address of its own', clickBody({ ip: '1.2.3.4' }), /ip/],
    ['a list', [clickBody()], /^body: /],
    ['a text', '"adId"', /^body: /],
    ['null', 'null', /^body: /],
    ['a key that would reach the prototype', '{"adId":"x","adType":"y","__proto__":{"messageId":"z"}}', /./],
    ['a key that would reach the constructor', '{"adId":"x","adType":"y","constructor":{"prototype":{"a":1}}}', /./],
    ['half a JSON', '{"adId":"x",', /./],
    ['nothing', '', /./],
    ['a deep one', `{"adId":${'['.repeat(1500)}${']'.repeat(1500)},"adType":"x"}`, /^adId: /],
  ])('with %s is 400, names the field, and nothing is accepted', async (_, body, message) => {
    const answer = await door.http.post('/ads/clicks', body, { ...bearer(), 'content-type': 'application/json' });
    expect(expectProblem(answer, 400)).toMatch(message);
    expect(door.accepted).toEqual([]);
    expect(door.rejected).toEqual({ invalid: 1 });
  });

  it('of bytes that are no UTF-8 is 400: what stands in for them would be another ad', async () => {
    const body = Buffer.from([...Buffer.from('{"adId":"'), 0xc3, 0x28, ...Buffer.from('","adType":"x"}')]);
    expect(expectProblem(await door.http.post('/ads/clicks', body, { ...bearer(), 'content-type': 'application/json' }), 400)).toMatch(
      /UTF-8/,
    );
  });

  it('of another type is 415', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expectProblem(await door.http.post('/ads/clicks', 'adId=x', { ...bearer(), 'content-type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('that is too large is 413, by its announced length and by what comes', async () => {
    const large = { 'content-type': 'application/json', 'content-length': '5000', ...bearer() };
    expectProblem(await door.http.announce('POST', '/ads/clicks', large), 413, 'PAYLOAD_TOO_LARGE');
    const batch = { ...large, 'content-length': String(10 * 1024 * 1024) };
    expectProblem(await door.http.announce('POST', '/ads/clicks/batch', batch), 413, 'PAYLOAD_TOO_LARGE');
    expect(await chunked(door.port, 'x'.repeat(20_000))).toMatch(/^HTTP\/1.1 413 /);
    expect(door.rejected).toEqual({ too_large: 3 });
    expect((await door.http.post('/ads/clicks', clickBody(), bearer())).status).toBe(200);
  });
});

/** A body that does not say how long it is. */
async function chunked(port: number, body: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`POST /ads/clicks HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${bearer()['authorization']}\r\n`);
  socket.write('content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n');
  socket.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  return await readAll(socket);
}

describe('a batch', () => {
  it('is answered click by click; what is wrong costs only itself', async () => {
    door.answers.push('OK', 'OVERLOADED', Promise.resolve('LATE'), 'OK');
    const clicks = [clickBody({ messageId: ID }), clickBody(), { adId: 1 }, clickBody(), null, clickBody()];
    const answer = await door.http.post('/ads/clicks/batch', { clicks }, bearer());
    expect(answer.status).toBe(200);
    const { accepted, results } = answer.json() as { accepted: number; results: { code: string }[] };
    expect(accepted).toBe(2);
    expect(results.map(({ code }) => code)).toEqual(['OK', 'OVERLOADED', 'VALIDATION', 'OVERLOADED', 'VALIDATION', 'OK']);
    expect(answer.headers['retry-after']).toBe('1');
    expect(door.rejected).toEqual({ invalid: 2, overloaded: 2 });
    expect(door.accepted).toHaveLength(2);
  });

  it.each<[string, unknown]>([
    ['of none', { clicks: [] }],
    ['of too many', { clicks: Array.from({ length: MAX_CLICK_BATCH + 1 }, () => ({})) }],
    ['that is no list', { clicks: {} }],
    ['that is a list itself', [clickBody()]],
    ['with more than clicks', { clicks: [clickBody()], uid: 'x' }],
  ])('%s is 400 as a whole', async (_, body) => {
    expectProblem(await door.http.post('/ads/clicks/batch', body, bearer()), 400, 'VALIDATION_FAILED');
    expect(door.accepted).toEqual([]);
  });
});

describe('a click that cannot be taken', () => {
  it('is 503 with Retry-After, and its id, so that it can be sent again as the same click', async () => {
    door.answers.push('OVERLOADED', Promise.resolve('LATE'));
    const overloaded = await door.http.post('/ads/clicks', clickBody({ messageId: ID }), bearer());
    expectProblem(overloaded, 503, 'OVERLOADED');
    expect(overloaded.headers['retry-after']).toBe('1');
    expect(overloaded.json()).toMatchObject({ messageId: ID.toLowerCase() });
    const late = await door.http.post('/ads/clicks', clickBody(), bearer());
    expect(expectProblem(late, 503, 'OVERLOADED')).toMatch(/same messageId/);
    expect(late.json().messageId).toMatch(/^[0-9a-f-]{36}$/);
    expect(door.rejected).toEqual({ overloaded: 1, late: 1 });
  });
});

describe('the address of a client', () => {
  const spoofed = { 'x-forwarded-for': '203.0.113.9, 198.51.100.7', 'x-real-ip': '203.0.113.1', forwarded: 'for=203.0.113.2' };

  async function kept(
    proxies: false | number | string[],
    forwarded: Record<string, string>,
    keep?: KeepAddress,
  ): Promise<string | undefined> {
    const own = await Door.open(proxies, keep);
    await own.http.post('/ads/clicks', clickBody(), { ...bearer(), ...forwarded });
    await own.close();
    return own.accepted[0]?.ip;
  }

  it('is that of the connection, whatever headers say, unless proxies are trusted', async () => {
    expect(await kept(false, spoofed)).toBe('127.0.0.1');
    expect(await kept(1, spoofed)).toBe('198.51.100.7');
    expect(await kept(2, spoofed)).toBe('203.0.113.9');
    expect(await kept(['127.0.0.0/8'], spoofed)).toBe('198.51.100.7');
    expect(await kept(['127.0.0.0/8', '198.51.100.0/24'], spoofed)).toBe('203.0.113.9');
    expect(await kept(['10.0.0.0/8'], spoofed)).toBe('127.0.0.1');
    expect(await kept(1, { 'x-forwarded-for': '<script>' })).toBe('127.0.0.1');
  });

  it('is kept whole, as its network, or as a hash that only the key can make', async () => {
    const from = (address: string) => ({ 'x-forwarded-for': address });
    expect(await kept(1, from('203.0.113.9'), { as: 'short' })).toBe('203.0.113.0');
    expect(await kept(1, from('2001:db8:1:2:3:4:5:6'), { as: 'short' })).toBe('2001:db8:1::');
    expect(await kept(1, from('::ffff:203.0.113.9'), { as: 'short' })).toBe('203.0.113.0');
    expect(await kept(1, from('::ffff:203.0.113.9'))).toBe('203.0.113.9');
    const hash = await kept(1, from('203.0.113.9'), { as: 'hash', key: 'k' });
    expect(hash).toMatch(/^[\w-]{22}$/);
    expect(await kept(1, from('::ffff:203.0.113.9'), { as: 'hash', key: 'k' })).toBe(hash);
    expect(await kept(1, from('203.0.113.9'), { as: 'hash', key: 'other' })).not.toBe(hash);
  });
});
