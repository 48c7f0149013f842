import { createSecretKey, type KeyObject } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Agent } from 'undici';
import type { AddressPolicy } from '../kit/address-policy.js';
import type { Clock } from '../kit/clock.js';
import { faulted, type PostOutcome } from '../kit/post-outcome.js';
import type { StartGate } from './channel.js';
import { Exchange, type ExchangeOutcome, type LateHeaders } from './exchange.js';

/** Where posts go and what each carries, made once for many. */
export interface PostTarget {
  readonly origin: string;
  readonly path: string;
  /** Name, value, name, value: the same on every post. */
  readonly headers: readonly string[];
  readonly secret: KeyObject | undefined;
  /** Why nothing may be posted there, as far as the address itself tells. */
  readonly refusal: PostOutcome | undefined;
}

export interface GatedPosterOptions {
  /** Longest that one post may take in all, its connection included, ms. */
  timeoutMs: number;
  /** Connections to one origin. Who posts more at once waits for one to be free, ungated. */
  connections: number;
  /** Name of the setting that would permit an address, said when one is refused. */
  allowSetting: string;
}

/** Longest that a connection may take to open, ms: beyond a fence's deadline by far, so nothing would be sent on it. */
const MOST_CONNECTING_MS = 5000;
/** Of undici, documented: tells of each request that was made, before anything becomes of it. */
const CREATED = 'undici:request:create';

/**
 * Posts JSON over connections that are kept, some to each origin, to permitted addresses only. Asks a gate right before the head of the
 * request is written to an open connection, and stamps and signs at that moment: while a connection is being opened nothing has started,
 * and when the gate says no not one byte is written, and the connection stays for the next. Never throws for what the network or the
 * other side does.
 */
export class GatedPoster {
  private readonly agent: Agent;
  /**
   * Exchanges of which undici has made no request yet, by the very bytes that they post: that is how a request is known for ours. No
   * WeakMap, which costs the collector as much as the whole post costs else.
   */
  private readonly unmade = new Map<unknown, Exchange>();
  private readonly open = new Set<Exchange>();
  private closed = false;
  private readonly onCreated = (message: unknown): void => {
    const { request } = message as { request: LateHeaders & { body: unknown } };
    const exchange = this.unmade.get(request.body);
    if (exchange === undefined) return;
    this.unmade.delete(request.body);
    exchange.made(request);
  };

  constructor(
    private readonly policy: AddressPolicy,
    private readonly clock: Clock,
    private readonly options: GatedPosterOptions,
  ) {
    this.agent = new Agent({
      connections: options.connections,
      pipelining: 1,
      // One timer a post counts for all of it; these two would be two more.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { lookup: policy.lookup, timeout: Math.min(options.timeoutMs, MOST_CONNECTING_MS) },
    });
    subscribe(CREATED, this.onCreated);
  }

  /** `url`: http or https, without credentials. `headers`: those of this class win. An empty secret is none. */
  target(url: URL, headers: Readonly<Record<string, string>>, secret = ''): PostTarget {
    const fixed = { ...headers, 'content-type': 'application/json', 'user-agent': 'Marquee' };
    return {
      origin: url.origin,
      path: url.pathname + url.search,
      headers: Object.entries(fixed).flat(),
      secret: secret === '' ? undefined : createSecretKey(secret, 'utf8'),
      refusal: this.refusalOf(url),
    };
  }

  post({ origin, path, headers, secret, refusal }: PostTarget, key: string, text: string, mayStart: StartGate): Promise<ExchangeOutcome> {
    if (this.closed) return Promise.resolve({ started: false });
    if (refusal !== undefined) return Promise.resolve({ started: false, ended: refusal });
    const { clock, options } = this;
    return new Promise((resolve) => {
      const body = Buffer.from(text);
      const exchange = new Exchange({ body, secret, mayStart, clock, ...options }, (outcome) => {
        this.open.delete(exchange);
        this.unmade.delete(body);
        resolve(outcome);
      });
      this.open.add(exchange);
      this.unmade.set(body, exchange);
      this.agent.dispatch({ origin, path, method: 'POST', headers: [...headers, 'idempotency-key', key], body }, exchange);
    });
  }

  /** Ends what is under way, which may have arrived, and closes the connections; later posts are not started. */
  async close(): Promise<void> {
    this.closed = true;
    for (const exchange of this.open) exchange.cut('the server was stopping');
    await this.agent.destroy();
    unsubscribe(CREATED, this.onCreated);
  }

  private refusalOf(url: URL): PostOutcome | undefined {
    try {
      this.policy.checkLiteral(url.hostname);
      return undefined;
    } catch (error) {
      return faulted(error, this.options.allowSetting);
    }
  }
}
