import { createSigner } from 'fast-jwt';
import type { Answer, HttpClient } from './http-client.js';

/** What a flow's server is given, so that a test may sign for it. */
export const JWT_SECRET = 'the secret of the tests, longer than it must be';

const signer = createSigner({ key: JWT_SECRET, algorithm: 'HS256', expiresIn: 3_600_000 });

/** A token whose clicks are this user's. */
export function tokenOf(sub: string): string {
  return signer({ sub });
}

export function bearer(token = tokenOf('user-1')): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** A click that is taken; what it should be otherwise is in `more`. */
export function clickBody(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { adId: 'ad-1', adType: 'banner', ...more };
}

export async function sendClick(http: HttpClient, more: Record<string, unknown> = {}, uid = 'user-1'): Promise<Answer> {
  return await http.post('/ads/clicks', clickBody(more), bearer(tokenOf(uid)));
}
