import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { request } from 'undici';
import { z } from 'zod';
import type { Clock } from '../kit/clock.js';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { type TokenClaims, TokenRefusal, tokenVerifier, type VerifyToken } from './bearer-tokens.js';

/** How old the keys may be before they are fetched anew, while those that are there go on. */
const FRESH_MS = 300_000;
/** A key that is not known is asked for at most so often: tokens may name any. */
const LEAST_BETWEEN_FETCHES_MS = 10_000;
const FETCH_MS = 5000;
const MAX_BYTES = 1_048_576;
const MOST_KEYS = 100;

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(MOST_KEYS) });
type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

interface Key {
  algorithm: Algorithm;
  kid: string | undefined;
  verify: VerifyToken;
}

/** The keys at a JWKS URL. While it cannot be reached those that it gave last go on. */
export class PublicKeys {
  private keys: readonly Key[] | undefined;
  /** Monotonic ms. */
  private fetchedAt = Number.NEGATIVE_INFINITY;
  private triedAt = Number.NEGATIVE_INFINITY;
  private fetching: Promise<void> | undefined;
  private failing = false;

  constructor(
    private readonly url: string,
    private readonly claims: TokenClaims,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** Whether any were fetched so far. */
  get known(): boolean {
    return this.keys !== undefined;
  }

  /**
   * How to verify a token with this header; undefined for an algorithm that no public key is taken for. A key that is not known is looked for
   * at the URL first, at a bounded rate. Never rejects.
   */
  find(algorithm: string, kid: string | undefined): VerifyToken | Promise<VerifyToken | TokenRefusal> | undefined {
    if (algorithm !== 'RS256' && algorithm !== 'ES256' && algorithm !== 'EdDSA') return undefined;
    const known = this.pick(algorithm, kid);
    if (known === undefined) return this.findNew(algorithm, kid);
    if (this.clock.monotonic() - this.fetchedAt > FRESH_MS) void this.fetch();
    return known;
  }

  /** Fetches them, or waits for who does; not again too soon. Never rejects. */
  async fetch(): Promise<void> {
    if (this.fetching === undefined) {
      if (this.clock.monotonic() - this.triedAt < LEAST_BETWEEN_FETCHES_MS) return;
      this.triedAt = this.clock.monotonic();
      this.fetching = this.fetchNow().finally(() => (this.fetching = undefined));
    }
    await this.fetching;
  }

  private async findNew(algorithm: Algorithm, kid: string | undefined): Promise<VerifyToken | TokenRefusal> {
    await this.fetch();
    if (!this.known) return new TokenRefusal('the keys of the token cannot be had now', true);
    return this.pick(algorithm, kid) ?? new TokenRefusal('the key of the token is not known');
  }

  /** The key of this name; without a name the one of this algorithm, if there is only one. */
  private pick(algorithm: Algorithm, kid: string | undefined): VerifyToken | undefined {
    const fitting = (this.keys ?? []).filter((key) => key.algorithm === algorithm && (kid === undefined || key.kid === kid));
    return fitting.length === 1 ? fitting[0]?.verify : undefined;
  }

  private async fetchNow(): Promise<void> {
    try {
      const { keys } = keySet.parse(JSON.parse(await read(this.url)));
      this.keys = keys.flatMap((jwk) => this.keyOf(jwk));
      this.fetchedAt = this.clock.monotonic();
      if (this.failing) this.log.info('JWKS_URL answers again');
      this.failing = false;
    } catch (error) {
      if (!this.failing) {
        const goOn = this.known ? 'the keys that it gave last go on' : 'tokens signed by its keys cannot be judged until it does';
        this.log.warn({ reason: reasonOf(error) }, `JWKS_URL does not give its keys: ${goOn}`);
      }
      this.failing = true;
    }
  }

  /** None of what is no key for signatures that we take. */
  private keyOf(jwk: Record<string, unknown>): Key[] {
    if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return [];
    try {
      const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
      const algorithm = algorithmOf(key);
      if (algorithm === undefined || (jwk['alg'] !== undefined && jwk['alg'] !== algorithm)) return [];
      const pem = key.export({ type: 'spki', format: 'pem' }).toString();
      const kid = typeof jwk['kid'] === 'string' ? jwk['kid'] : undefined;
      return [{ algorithm, kid, verify: tokenVerifier(pem, algorithm, this.claims) }];
    } catch {
      return [];
    }
  }
}

/** The one algorithm that a key is taken for. */
function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): Algorithm | undefined {
  if (type === 'rsa') return (details?.modulusLength ?? 0) >= 2048 ? 'RS256' : undefined;
  if (type === 'ec') return details?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
  return type === 'ed25519' ? 'EdDSA' : undefined;
}

async function read(url: string): Promise<string> {
  const signal = AbortSignal.timeout(FETCH_MS);
  const { statusCode, body } = await request(url, { signal, headers: { accept: 'application/json' } });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`it answers more than ${MAX_BYTES} bytes`);
  }
  if (statusCode !== 200) throw new Error(`it answers ${statusCode}`);
  return Buffer.concat(chunks).toString('utf8');
}
