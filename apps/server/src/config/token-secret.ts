import { reasonOf, StartError } from '../kit/errors.js';
import { keptSecret } from '../kit/kept-secret.js';
import type { Config } from './settings.js';

/**
 * The secret of HS256 tokens: JWT_SECRET, else the one kept in DATA_DIR; undefined where tokens come from JWKS_URL alone. Rejects with a
 * StartError when it can be neither read nor made.
 */
export async function tokenSecret({ jwtSecret, jwksUrl, dataDir }: Config): Promise<string | undefined> {
  if (jwtSecret !== undefined || jwksUrl !== undefined) return jwtSecret;
  try {
    return await keptSecret(dataDir, 'jwt-secret');
  } catch (error) {
    throw new StartError(`The secret of tokens cannot be kept in DATA_DIR ${dataDir}: ${reasonOf(error)}. JWT_SECRET sets one.`);
  }
}
