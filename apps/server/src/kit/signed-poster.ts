import { createHmac } from 'node:crypto';
import { Agent, type Dispatcher, request } from 'undici';
import { type AddressPolicy, AddressRefused } from './address-policy.js';
import type { Clock } from './clock.js';
import { errorCode, reasonOf } from './errors.js';
import { networkReason } from './network-reason.js';
import { unlessAborted } from './unless-aborted.js';

export interface SignedPost {
  /** http or https, without credentials; where it leads is looked at when the connection is made. */
  url: string;
  /** JSON, as it is sent and signed. */
  body: string;
  /** Signs the body together with the moment; absent: not signed. */
  secret?: string | undefined;
  /** The same on every repetition. */
  idempotencyKey: string;
  /** Further headers; those of this class win. */
  headers?: Readonly<Record<string, string>>;
  /** Ends it early; it may have arrived all the same. */
  signal?: AbortSignal | undefined;
}

/** How a post ended. `refused` will not end otherwise by being repeated; `failed` may, `retryAfterMs` from now at the soonest. */
export type PostOutcome =
  | { ok: true; status: number }
  | { ok: false; kind: 'refused'; reason: string }
  | { ok: false; kind: 'failed'; reason: string; retryAfterMs: number };

export interface SignedPosterOptions {
  /** Longest that one post may take in all, ms. */
  timeoutMs: number;
  /** Name of the setting that would permit an address, said when one is refused. */
  allowSetting: string;
}

/** What is read of an answer, so that the connection is left in good order; the rest is cut off. */
const MOST_READ = 64 * 1024;
/** Longest that somebody else's Retry-After is obeyed, ms. */
const MOST_RETRY_AFTER_MS = 3_600_000;

/**
 * Posts JSON to addresses that users name: signed, with an idempotency key, to permitted addresses only and without following
 * redirects. 2xx is done; any other answer is final but 408, 425, 429 and 5xx. Never throws for what the network or the other side does.
 */
export class SignedPoster {
  private readonly agent: Agent;
  private readonly stopping = new AbortController();

  constructor(
    private readonly policy: AddressPolicy,
    private readonly clock: Clock,
    private readonly options: SignedPosterOptions,
  ) {
    // No connection outlives its answer, so none can be met again under another name's permission.
    this.agent = new Agent({ pipelining: 0, connect: { lookup: policy.lookup, timeout: options.timeoutMs } });
  }

  async post(post: SignedPost): Promise<PostOutcome> {
    const url = new URL(post.url);
    const late = AbortSignal.timeout(this.options.timeoutMs);
    const signal = AbortSignal.any([late, this.stopping.signal, ...(post.signal === undefined ? [] : [post.signal])]);
    try {
      this.policy.checkLiteral(url.hostname);
      const answer = await unlessAborted(signal, () =>
        request(url, { method: 'POST', dispatcher: this.agent, headers: this.headersOf(post), body: post.body, signal }),
      );
      // Its status is the answer; what else it says, or that it breaks off, concerns no one.
      answer.body.on('error', () => undefined);
      await unlessAborted(signal, () => answer.body.dump({ limit: MOST_READ, signal })).catch(() => answer.body.destroy());
      return this.outcomeOf(answer);
    } catch (error) {
      if (late.aborted) return failed(`no answer within ${this.options.timeoutMs} ms`);
      if (signal.aborted) return failed('the server was stopping');
      return this.faultOf(error);
    }
  }

  /** Ends what is under way (it may be repeated) and closes the connections; later posts end so at once. */
  async close(): Promise<void> {
    this.stopping.abort();
    await this.agent.destroy();
  }

  private headersOf({ body, secret, idempotencyKey, headers = {} }: SignedPost): Record<string, string> {
    const timestamp = String(this.clock.now());
    const signature = secret === undefined ? undefined : createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    return {
      ...headers,
      'content-type': 'application/json',
      'user-agent': 'Marquee',
      'idempotency-key': idempotencyKey,
      'x-marquee-timestamp': timestamp,
      ...(signature === undefined ? {} : { 'x-marquee-signature': `sha256=${signature}` }),
    };
  }

  private outcomeOf({ statusCode: status, headers }: Dispatcher.ResponseData): PostOutcome {
    if (status >= 200 && status < 300) return { ok: true, status };
    const reason = `answered ${status}`;
    if (status < 500 && status !== 408 && status !== 425 && status !== 429) return { ok: false, kind: 'refused', reason };
    return failed(reason, this.retryAfterOf(headers['retry-after']));
  }

  /** Seconds or an HTTP date (RFC 9110 §10.2.3), as ms from now. */
  private retryAfterOf(header: string | string[] | undefined): number {
    const text = String(header ?? '').trim();
    const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - this.clock.now();
    return Number.isNaN(ms) ? 0 : Math.min(MOST_RETRY_AFTER_MS, Math.max(0, ms));
  }

  private faultOf(error: unknown): PostOutcome {
    if (error instanceof AddressRefused)
      return { ok: false, kind: 'refused', reason: `address is ${error.kind}: set ${this.options.allowSetting} to permit it` };
    const known = networkReason(error);
    // A name that does not resolve today may tomorrow: what is posted waits, it is not thrown away.
    if (known !== undefined) return failed(known.reason);
    return failed(`could not be posted (${errorCode(error) ?? reasonOf(error).slice(0, 100)})`);
  }
}

function failed(reason: string, retryAfterMs = 0): PostOutcome {
  return { ok: false, kind: 'failed', reason, retryAfterMs };
}
