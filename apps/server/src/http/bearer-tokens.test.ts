import { createHmac, generateKeyPairSync, type KeyObject, sign as signWith } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../kit/log.js';
import { BearerTokens, TokenRefusal } from './bearer-tokens.js';
import { PublicKeys } from './public-keys.js';

const SECRET = 'a secret of more than thirty-two characters';

type Claims = Record<string, unknown>;
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** A token written by hand, so that it can also be wrong. */
function hs256(claims: Claims | string, header: Claims = { alg: 'HS256', typ: 'JWT' }, secret = SECRET): string {
  const input = `${part(header)}.${typeof claims === 'string' ? claims : part(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function signed(claims: Claims, header: Claims, key: KeyObject): string {
  const input = `${part(header)}.${part(claims)}`;
  const how = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return `${input}.${signWith(how, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

async function judge(tokens: BearerTokens, token: string): Promise<string> {
  const uid = await tokens.uidOf(`Bearer ${token}`);
  return uid instanceof TokenRefusal ? `refused: ${uid.reason}${uid.unavailable ? ' (unavailable)' : ''}` : uid;
}

describe('tokens signed by the secret', () => {
  const tokens = new BearerTokens(SECRET, undefined);

  it('say whose click it is', async () => {
    expect(await judge(tokens, hs256({ sub: 'user-1' }))).toBe('user-1');
    expect(await judge(tokens, hs256({ sub: 'ü 😀', exp: inSeconds(60), nbf: inSeconds(-60), aud: 'anyone' }))).toBe('ü 😀');
    expect(tokens.uidOf(`bEaReR ${hs256({ sub: 'x' })}`)).toBe('x');
  });

  it('are good within a small leeway of their times', async () => {
    expect(await judge(tokens, hs256({ sub: 'x', exp: inSeconds(-2) }))).toBe('x');
    expect(await judge(tokens, hs256({ sub: 'x', nbf: inSeconds(3) }))).toBe('x');
    expect(await judge(tokens, hs256({ sub: 'x', exp: inSeconds(-30) }))).toBe('refused: the token has expired');
    expect(await judge(tokens, hs256({ sub: 'x', nbf: inSeconds(30) }))).toBe('refused: the token is not valid yet');
  });

  it.each<[string, string, RegExp]>([
    ['another secret', hs256({ sub: 'x' }, undefined, 'another secret that is long enough'), /signature/],
    ['no signature', hs256({ sub: 'x' }).replace(/[^.]*$/, ''), /not signed/],
    ['alg none', `${part({ alg: 'none' })}.${part({ sub: 'x' })}.`, /algorithm/],
    ['alg None with a signature', hs256({ sub: 'x' }, { alg: 'None' }), /algorithm/],
    ['HS512 by the same secret', hs256({ sub: 'x' }, { alg: 'HS512' }), /algorithm/],
    ['no algorithm', hs256({ sub: 'x' }, {}), /not a signed JWT/],
    ['an unknown critical extension', hs256({ sub: 'x' }, { alg: 'HS256', crit: ['exp2'], exp2: 1 }), /extension/],
    ['no sub', hs256({ name: 'x' }), /claim/],
    ['a sub that is a number', hs256({ sub: 1 }), /claim sub/],
    ['an empty sub', hs256({ sub: '' }), /claim sub/],
    ['a sub that cannot be stored', hs256({ sub: 'a\u0000b' }), /claim sub/],
    ['a sub that is half a character', hs256({ sub: '\ud800' }), /claim sub/],
    ['a long sub', hs256({ sub: 'x'.repeat(257) }), /claim sub/],
    ['an exp that is a text', hs256({ sub: 'x', exp: '9999999999' }), /wrong type/],
    ['an exp of null', hs256({ sub: 'x', exp: null }), /wrong type/],
    ['an nbf beyond all time', hs256(Buffer.from('{"sub":"x","nbf":1e999}').toString('base64url')), /not/],
    ['claims that are a list', hs256(part(['sub'])), /not a signed JWT|claim/],
    ['claims that are no JSON', hs256('e30x'), /not a signed JWT|claim/],
    ['half a token', hs256({ sub: 'x' }).split('.').slice(0, 2).join('.'), /not/],
    ['nothing', '', /not a signed JWT/],
    ['dots', '..', /not/],
    ['a header that is no JSON', `e.${part({ sub: 'x' })}.x`, /not a signed JWT/],
    ['a header named __proto__', hs256({ sub: 'x' }, { ['__proto__']: { alg: 'HS256' } }), /not a signed JWT/],
  ])('are refused with %s', async (_, token, reason) => {
    expect(await judge(tokens, token)).toMatch(/^refused: /);
    expect(await judge(tokens, token)).toMatch(reason);
  });

  it('are refused unread when they are huge', async () => {
    expect(await judge(tokens, hs256({ sub: 'x', more: 'y'.repeat(4000) }))).toBe('refused: the token is longer than 4096 characters');
  });

  it('must be for us, from whom we trust, where that is set', async () => {
    const strict = new BearerTokens(SECRET, undefined, { issuer: 'https://id.example', audience: 'marquee' });
    expect(await judge(strict, hs256({ sub: 'x', iss: 'https://id.example', aud: ['a', 'marquee'] }))).toBe('x');
    expect(await judge(strict, hs256({ sub: 'x', iss: 'https://id.example', aud: 'b' }))).toMatch(/not what it must be/);
    expect(await judge(strict, hs256({ sub: 'x', iss: 'https://id.example/', aud: 'marquee' }))).toMatch(/not what it must be/);
    expect(await judge(strict, hs256({ sub: 'x' }))).toMatch(/missing/);
  });
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const later = generateKeyPairSync('ed25519');

/** Where an identity provider publishes its keys. */
class KeyServer {
  keys: unknown[] = [];
  status = 200;
  asked = 0;
  private constructor(private readonly server: Server) {}

  static async start(): Promise<KeyServer> {
    const server = createServer();
    const keys = new KeyServer(server);
    server.on('request', (_request, response) => {
      keys.asked += 1;
      response.writeHead(keys.status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: keys.keys }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return keys;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks.json`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

function jwk(key: KeyObject, kid?: string, more: Claims = {}): unknown {
  return { ...key.export({ format: 'jwk' }), ...(kid === undefined ? {} : { kid }), ...more };
}

describe('tokens signed by keys at JWKS_URL', () => {
  let server: KeyServer;
  let now = 0;
  let tokens: BearerTokens;
  beforeEach(async () => {
    server = await KeyServer.start();
    server.keys = [jwk(rsa.publicKey, 'r'), jwk(ec.publicKey, 'e'), jwk(ed.publicKey, 'd')];
    now = 1_000_000;
    const clock = { now: () => Date.now(), monotonic: () => now };
    tokens = new BearerTokens(SECRET, new PublicKeys(server.url, {}, clock, silentLog));
  });
  afterEach(() => server.stop());

  it('are taken by RS256, ES256 and EdDSA, the keys fetched once', async () => {
    expect(await judge(tokens, signed({ sub: 'a' }, { alg: 'RS256', kid: 'r' }, rsa.privateKey))).toBe('a');
    expect(await judge(tokens, signed({ sub: 'b' }, { alg: 'ES256', kid: 'e' }, ec.privateKey))).toBe('b');
    expect(await judge(tokens, signed({ sub: 'c' }, { alg: 'EdDSA', kid: 'd' }, ed.privateKey))).toBe('c');
    expect(await judge(tokens, signed({ sub: 'd' }, { alg: 'EdDSA' }, ed.privateKey))).toBe('d');
    expect(await judge(tokens, hs256({ sub: 'e' }))).toBe('e');
    expect(server.asked).toBe(1);
  });

  it('are refused when a public key is used as a secret, or a key by another algorithm than its own', async () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(await judge(tokens, hs256({ sub: 'x' }, { alg: 'HS256', kid: 'r' }, pem))).toMatch(/signature/);
    expect(await judge(tokens, signed({ sub: 'x' }, { alg: 'PS256', kid: 'r' }, rsa.privateKey))).toMatch(/algorithm/);
    expect(await judge(tokens, signed({ sub: 'x' }, { alg: 'RS256', kid: 'e' }, rsa.privateKey))).toMatch(/key of the token is not known/);
    expect(await judge(tokens, signed({ sub: 'x' }, { alg: 'ES256', kid: 'e' }, rsa.privateKey))).toMatch(/^refused/);
    const own = signed({ sub: 'x' }, { alg: 'EdDSA', kid: 'd', jwk: jwk(later.publicKey) }, later.privateKey);
    expect(await judge(tokens, own)).toMatch(/signature/);
  });

  it('never take a secret, a weak key or a key for encryption out of the set', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    server.keys = [
      { kty: 'oct', kid: 'o', k: Buffer.from('s'.repeat(40)).toString('base64url') },
      jwk(weak.publicKey, 'w'),
      jwk(rsa.publicKey, 'enc', { use: 'enc' }),
      { kty: 'EC', kid: 'broken', crv: 'P-256', x: 'AA', y: 'AA' },
    ];
    expect(await judge(tokens, signed({ sub: 'x' }, { alg: 'RS256', kid: 'w' }, weak.privateKey))).toMatch(/not known/);
    expect(await judge(tokens, signed({ sub: 'x' }, { alg: 'RS256', kid: 'enc' }, rsa.privateKey))).toMatch(/not known/);
    expect(await judge(tokens, hs256({ sub: 'x' }, { alg: 'HS256', kid: 'o' }, 's'.repeat(40)))).toMatch(/signature/);
  });

  it('are taken by a new key as soon as it is there, asked for at a bounded rate', async () => {
    const token = signed({ sub: 'x' }, { alg: 'EdDSA', kid: 'later' }, later.privateKey);
    expect(await judge(tokens, token)).toMatch(/not known/);
    server.keys.push(jwk(later.publicKey, 'later'));
    for (let i = 0; i < 20; i += 1) expect(await judge(tokens, token)).toMatch(/not known/);
    expect(server.asked).toBe(1);
    now += 10_000;
    expect(await judge(tokens, token)).toBe('x');
    expect(server.asked).toBe(2);
  });

  it('go on while the keys cannot be fetched, and end when a key was withdrawn', async () => {
    const token = signed({ sub: 'x' }, { alg: 'EdDSA', kid: 'd' }, ed.privateKey);
    expect(await judge(tokens, token)).toBe('x');
    server.status = 500;
    now += 600_000;
    expect(await judge(tokens, token)).toBe('x');
    await expect.poll(() => server.asked).toBe(2);
    server.status = 200;
    server.keys = [jwk(rsa.publicKey, 'r')];
    now += 600_000;
    expect(await judge(tokens, token)).toBe('x');
    await expect.poll(async () => await judge(tokens, token)).toMatch(/not known/);
  });

  it('cannot be judged before the keys were had once: that is not the client’s fault', async () => {
    server.status = 503;
    const token = signed({ sub: 'x' }, { alg: 'EdDSA', kid: 'd' }, ed.privateKey);
    expect(await judge(tokens, token)).toMatch(/unavailable/);
    expect(await judge(tokens, hs256({ sub: 'e' }))).toBe('e');
    server.status = 200;
    now += 10_000;
    expect(await judge(tokens, token)).toBe('x');
  });
});
