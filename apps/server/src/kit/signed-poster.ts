import { Agent, request } from 'undici';
import type { AddressPolicy } from './address-policy.js';
import type { Clock } from './clock.js';
import { answered, failed, faulted, MOST_READ, type PostOutcome, signatureOf } from './post-outcome.js';
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

export interface SignedPosterOptions {
  /** Longest that one post may take in all, ms. */
  timeoutMs: number;
  /** Name of the setting that would permit an address, said when one is refused. */
  allowSetting: string;
}

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
      return answered(answer.statusCode, answer.headers['retry-after'], this.clock.now());
    } catch (error) {
      if (late.aborted) return failed(`no answer within ${this.options.timeoutMs} ms`);
      if (signal.aborted) return failed('the server was stopping');
      return faulted(error, this.options.allowSetting);
    }
  }

  /** Ends what is under way (it may be repeated) and closes the connections; later posts end so at once. */
  async close(): Promise<void> {
    this.stopping.abort();
    await this.agent.destroy();
  }

  private headersOf({ body, secret, idempotencyKey, headers = {} }: SignedPost): Record<string, string> {
    const timestamp = String(this.clock.now());
    return {
      ...headers,
      'content-type': 'application/json',
      'user-agent': 'Marquee',
      'idempotency-key': idempotencyKey,
      'x-marquee-timestamp': timestamp,
      ...(secret === undefined ? {} : { 'x-marquee-signature': signatureOf(secret, timestamp, body) }),
    };
  }
}
