import type { KeyObject } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Agent } from 'undici';
import type { AddressPolicy } from '../kit/address-policy.js';
import type { Clock } from '../kit/clock.js';
import { faulted } from '../kit/post-outcome.js';
import type { StartGate } from './channel.js';
import { Exchange, type ExchangeOutcome, type LateHeaders } from './exchange.js';

/** Where posts go and what each carries. */
export interface PostTarget {
  /** http or https, without credentials. */
  url: URL;
  /** Name, value, name, value: the same on every post. */
  headers: readonly string[];
  secret: KeyObject | undefined;
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
  /** By the very bytes that are posted, which is how a request of undici's is known for ours. */
  private readonly byBody = new WeakMap<object, Exchange>();
  private readonly open = new Set<Exchange>();
  private closed = false;
  private readonly onCreated = (message: unknown): void => {
    const { request } = message as { request: LateHeaders & { body: object | null } };
    const exchange = request.body === null ? undefined : this.byBody.get(request.body);
    exchange?.made(request);
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

  post(target: PostTarget, idempotencyKey: string, body: string, mayStart: StartGate): Promise<ExchangeOutcome> {
    const { url, secret } = target;
    if (this.closed) return Promise.resolve({ started: false });
    try {
      this.policy.checkLiteral(url.hostname);
    } catch (error) {
      return Promise.resolve({ started: false, ended: faulted(error, this.options.allowSetting) });
    }
    return new Promise((resolve) => {
      const bytes = Buffer.from(body);
      const exchange = new Exchange({ body: bytes, secret, mayStart, clock: this.clock, ...this.options }, (outcome) => {
        this.open.delete(exchange);
        resolve(outcome);
      });
      this.open.add(exchange);
      this.byBody.set(bytes, exchange);
      const headers = [...target.headers, 'idempotency-key', idempotencyKey];
      this.agent.dispatch({ origin: url.origin, path: url.pathname + url.search, method: 'POST', headers, body: bytes }, exchange);
    });
  }

  /** Ends what is under way, which may have arrived, and closes the connections; later posts are not started. */
  async close(): Promise<void> {
    this.closed = true;
    for (const exchange of this.open) exchange.cut('the server was stopping');
    await this.agent.destroy();
    unsubscribe(CREATED, this.onCreated);
  }
}
