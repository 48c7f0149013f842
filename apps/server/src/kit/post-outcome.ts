import { createHmac, type KeyObject } from 'node:crypto';
import { AddressRefused } from './address-policy.js';
import { errorCode, reasonOf } from './errors.js';
import { networkReason } from './network-reason.js';

/** How a post ended. `refused` will not end otherwise by being repeated; `failed` may, `retryAfterMs` from now at the soonest. */
export type PostOutcome =
  | { ok: true; status: number }
  | { ok: false; kind: 'refused'; reason: string }
  | { ok: false; kind: 'failed'; reason: string; retryAfterMs: number; status?: number };

/** What is read of an answer, so that the connection is left in good order; the rest is cut off. */
export const MOST_READ = 64 * 1024;
/** Longest that somebody else's Retry-After is obeyed, ms. */
const MOST_RETRY_AFTER_MS = 3_600_000;

/** The signature of what is posted at a moment (epoch ms), as its header holds it. */
export function signatureOf(secret: string | KeyObject, timestamp: string, body: string | Buffer): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
}

/** What an answer means: 2xx is done; any other is final but 408, 425, 429 and 5xx, which may be repeated when Retry-After is over. */
export function answered(status: number, retryAfter: string | string[] | undefined, now: number): PostOutcome {
  if (status >= 200 && status < 300) return { ok: true, status };
  if (status >= 300 && status < 400) return { ok: false, kind: 'refused', reason: `answered ${status}, and redirects are not followed` };
  const reason = `answered ${status}`;
  if (status < 500 && status !== 408 && status !== 425 && status !== 429) return { ok: false, kind: 'refused', reason };
  return { ok: false, kind: 'failed', reason, retryAfterMs: retryAfterOf(retryAfter, now), status };
}

/** What it means that no answer came. */
export function faulted(error: unknown, allowSetting: string): PostOutcome {
  if (error instanceof AddressRefused)
    return { ok: false, kind: 'refused', reason: `address is ${error.kind}: set ${allowSetting} to permit it` };
  const known = networkReason(error);
  // A name that does not resolve today may tomorrow: what is posted waits, it is not thrown away.
  if (known !== undefined) return failed(known.reason);
  return failed(`could not be posted (${errorCode(error) ?? reasonOf(error).slice(0, 100)})`);
}

/** May be repeated. */
export function failed(reason: string): PostOutcome {
  return { ok: false, kind: 'failed', reason, retryAfterMs: 0 };
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3), as ms from now. */
function retryAfterOf(header: string | string[] | undefined, now: number): number {
  const text = String(header ?? '').trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? 0 : Math.min(MOST_RETRY_AFTER_MS, Math.max(0, ms));
}
