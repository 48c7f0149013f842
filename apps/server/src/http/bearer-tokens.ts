import { isStorable } from '@marquee/contracts';
import { createVerifier, TokenError } from 'fast-jwt';
import type { PublicKeys } from './public-keys.js';

/** A token longer than this is refused before anything looks into it. */
const MAX_TOKEN_LENGTH = 4096;
/** Longest `sub`, in UTF-16 units. */
const MAX_UID_LENGTH = 256;
/** How far the clock of whoever made a token may be from ours, ms. */
const LEEWAY_MS = 5000;
/** Headers of tokens whose algorithm and key are remembered: an issuer writes the same ones over and over. */
const MOST_HEADERS = 200;

/** Why a request was not let in. `unavailable`: it could not be judged now. No reason: it had no token. */
export class TokenRefusal {
  constructor(
    readonly reason: string | undefined,
    readonly unavailable = false,
  ) {}
}

export interface TokenClaims {
  /** What iss and aud must be; undefined where they are not looked at. */
  issuer?: string | undefined;
  audience?: string | undefined;
}

export type VerifyToken = (token: string) => unknown;

/** A verifier of one key, which takes one algorithm and no other: whoever has a public key must not sign with it as a secret. */
export function tokenVerifier(key: string, algorithm: 'HS256' | 'RS256' | 'ES256' | 'EdDSA', claims: TokenClaims): VerifyToken {
  const { issuer, audience } = claims;
  return createVerifier({
    key,
    algorithms: [algorithm],
    clockTolerance: LEEWAY_MS,
    requiredClaims: ['sub', ...(issuer === undefined ? [] : ['iss']), ...(audience === undefined ? [] : ['aud'])],
    ...(issuer === undefined ? {} : { allowedIss: issuer }),
    ...(audience === undefined ? {} : { allowedAud: audience }),
    // A public key takes 30 to 180 µs a token, and an app sends the same one for as long as it is good.
    ...(algorithm === 'HS256' ? {} : { cache: 1000 }),
  }) as VerifyToken;
}

interface Header {
  alg: string;
  kid: string | undefined;
}

/** Says whose token a request brings: HS256 by our secret, RS256, ES256 and EdDSA by the keys at JWKS_URL. */
export class BearerTokens {
  private readonly bySecret: VerifyToken | undefined;
  private readonly headers = new Map<string, Header>();

  constructor(
    secret: string | undefined,
    private readonly publicKeys: PublicKeys | undefined,
    claims: TokenClaims = {},
  ) {
    this.bySecret = secret === undefined ? undefined : tokenVerifier(secret, 'HS256', claims);
  }

  /** False while the keys of some tokens were never had, so that these cannot be judged. */
  get ready(): boolean {
    return this.publicKeys?.known ?? true;
  }

  /** The `sub` of a valid token in an Authorization header. A promise only where a key has to be fetched first. Never throws. */
  uidOf(authorization: string | undefined): string | TokenRefusal | Promise<string | TokenRefusal> {
    if (authorization === undefined) return new TokenRefusal(undefined);
    if (authorization.length > MAX_TOKEN_LENGTH + 7) return new TokenRefusal(`the token is longer than ${MAX_TOKEN_LENGTH} characters`);
    if (authorization.slice(0, 7).toLowerCase() !== 'bearer ') return new TokenRefusal('the authorization is not a bearer token');
    const token = authorization.slice(7).trim();
    const header = this.headerOf(token);
    if (header === undefined) return new TokenRefusal('the token is not a signed JWT');
    if (header.alg === 'HS256') {
      return this.bySecret === undefined ? new TokenRefusal('the token has an algorithm that is not taken') : uidBy(this.bySecret, token);
    }
    const found = this.publicKeys?.find(header.alg, header.kid);
    if (found === undefined) return new TokenRefusal('the token has an algorithm that is not taken');
    if (typeof found === 'function') return uidBy(found, token);
    return found.then((verify) => (verify instanceof TokenRefusal ? verify : uidBy(verify, token)));
  }

  private headerOf(token: string): Header | undefined {
    const encoded = token.slice(0, Math.max(0, token.indexOf('.')));
    const known = this.headers.get(encoded);
    if (known !== undefined) return known;
    const header = readHeader(encoded);
    if (header === undefined) return undefined;
    if (this.headers.size >= MOST_HEADERS) this.headers.clear();
    this.headers.set(encoded, header);
    return header;
  }
}

function readHeader(encoded: string): Header | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    if (typeof header !== 'object' || header === null || !('alg' in header) || typeof header.alg !== 'string') return undefined;
    const kid = 'kid' in header ? header.kid : undefined;
    if (kid !== undefined && typeof kid !== 'string') return undefined;
    return { alg: header.alg, kid };
  } catch {
    return undefined;
  }
}

function uidBy(verify: VerifyToken, token: string): string | TokenRefusal {
  try {
    const claims = verify(token);
    const uid = typeof claims === 'object' && claims !== null && 'sub' in claims ? claims.sub : undefined;
    if (typeof uid !== 'string' || uid === '' || uid.length > MAX_UID_LENGTH || !isStorable(uid))
      return new TokenRefusal(`the claim sub of the token must be a text of 1 to ${MAX_UID_LENGTH} characters`);
    return uid;
  } catch (error) {
    return new TokenRefusal(reasonOfRefusal(error));
  }
}

const { codes } = TokenError;
const REASONS = new Map<string, string>([
  [codes.expired, 'the token has expired'],
  [codes.inactive, 'the token is not valid yet'],
  [codes.invalidSignature, 'the signature of the token is wrong'],
  [codes.missingSignature, 'the token is not signed'],
  [codes.invalidAlgorithm, 'the token has an algorithm that is not taken'],
  [codes.missingRequiredClaim, 'a claim of the token is missing'],
  [codes.invalidClaimType, 'a claim of the token has a wrong type'],
  [codes.invalidClaimValue, 'a claim of the token is not what it must be'],
  [codes.invalidCritHeader, 'the token asks for an extension that is not known'],
]);

/** In words of ours: those of the library hold what the client sent. */
function reasonOfRefusal(error: unknown): string {
  return (error instanceof TokenError ? REASONS.get(error.code) : undefined) ?? 'the token is not a signed JWT';
}
