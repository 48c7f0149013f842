import { createSigner } from 'fast-jwt';

/** JWT_SECRET of benches. */
export const SECRET = 'a secret of the bench that is long enough';
const USERS = 1000;

/** A token for each of so many users, all of one length. */
export function clickTokens(): string[] {
  const sign = createSigner({ key: SECRET, algorithm: 'HS256', expiresIn: '1d' });
  return Array.from({ length: USERS }, (_, index) => sign({ sub: `user-${String(index).padStart(4, '0')}` }));
}
