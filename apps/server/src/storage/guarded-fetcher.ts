import { type Readable, pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Agent, type Dispatcher, request } from 'undici';
import type { AddressPolicy } from '../kit/address-policy.js';
import { FetchFailed, type FetchFailure, type FetchTimes, NetworkFault, failureOf, sizeText, timeText } from './fetch-failure.js';
import { Lanes } from '../kit/lanes.js';
import { unlessAborted } from '../kit/unless-aborted.js';
import type { Storage, StoredAsset } from './storage.js';

export type FetchResult = ({ ok: true } & StoredAsset) | FetchFailure;

export interface FetchLimits extends FetchTimes {
  /** Of the content after decompression, in bytes. */
  maxBytes: number;
  maxRedirects: number;
  /** Fetches at one time, over all hosts and to one of them. */
  concurrency: number;
  concurrencyPerHost: number;
}

export const FETCH_LIMITS: FetchLimits = {
  maxBytes: 512 * 1024 * 1024,
  maxRedirects: 5,
  connectMs: 10_000,
  idleMs: 30_000,
  totalMs: 600_000,
  concurrency: 16,
  concurrencyPerHost: 4,
};

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const HEADERS = { 'user-agent': 'Marquee', accept: '*/*', 'accept-encoding': 'identity' };

/**
 * Fetches assets that planners name by URL and keeps them. A planner's URL is not to be trusted: only http and https, only
 * addresses that the policy permits (looked at when the connection is made, and again at each redirect), and bounded in size,
 * time and number. Nothing is held in memory.
 */
export class GuardedFetcher {
  private readonly limits: FetchLimits;
  private readonly agent: Agent;
  private readonly lanes: Lanes;
  private readonly underway = new Map<string, Promise<FetchResult>>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly storage: Storage,
    private readonly policy: AddressPolicy,
    limits: Partial<FetchLimits> = {},
  ) {
    this.limits = { ...FETCH_LIMITS, ...limits };
    this.lanes = new Lanes(this.limits.concurrency, this.limits.concurrencyPerHost);
    // No connection outlives its answer, so none can be met again under another name's permission.
    this.agent = new Agent({ pipelining: 0, connect: { lookup: policy.lookup, timeout: this.limits.connectMs } });
  }

  /**
   * Fetches one URL and keeps what it names. Whoever asks for a URL that is being fetched gets that fetch's result. What can be
   * expected to go wrong is a result with a reason; only a fault of this machine (a folder that cannot be written) is thrown.
   */
  fetch(url: string): Promise<FetchResult> {
    const target = webUrl(url);
    if (target === undefined) return Promise.resolve({ ok: false, reason: 'is not an http or https URL', retry: false });
    target.hash = '';
    const running = this.underway.get(target.href);
    if (running !== undefined) return running;
    const started = this.lanes.run(target.host, () => this.fetchWithin(target)).finally(() => this.underway.delete(target.href));
    this.underway.set(target.href, started);
    return started;
  }

  /** Ends what is under way (its result: may be tried again) and closes the connections; later fetches end so at once. */
  async close(): Promise<void> {
    this.stopping.abort(new FetchFailed('the server is stopping', true));
    await Promise.allSettled(this.underway.values());
    await this.agent.destroy();
  }

  private async fetchWithin(target: URL): Promise<FetchResult> {
    const { totalMs, maxBytes } = this.limits;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new FetchFailed(`took longer than ${timeText(totalMs)}`, true)), totalMs);
    const signal = AbortSignal.any([late.signal, this.stopping.signal]);
    try {
      return { ok: true, ...(await this.follow(target, signal)) };
    } catch (error) {
      const failure = failureOf(signal.aborted ? signal.reason : error, this.limits, maxBytes);
      if (failure === undefined) throw error;
      return failure;
    } finally {
      clearTimeout(timer);
    }
  }

  private async follow(first: URL, signal: AbortSignal): Promise<StoredAsset> {
    const { maxRedirects } = this.limits;
    let target = first;
    for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
      const answer = await this.ask(target, signal);
      if (!REDIRECTS.has(answer.statusCode)) return await this.keep(answer);
      abandon(answer.body);
      target = redirectTarget(answer.headers.location, target);
    }
    throw new FetchFailed(`redirects more than ${maxRedirects} times`, false);
  }

  private async ask(target: URL, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { idleMs } = this.limits;
    try {
      this.policy.checkLiteral(target.hostname);
      const asked = { dispatcher: this.agent, headers: HEADERS, headersTimeout: idleMs, bodyTimeout: idleMs, signal };
      return await unlessAborted(signal, () => request(target, asked));
    } catch (error) {
      throw new NetworkFault(error);
    }
  }

  private async keep({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<StoredAsset> {
    const { maxBytes } = this.limits;
    let broken: unknown;
    try {
      if (statusCode !== 200) throw new FetchFailed(`answered ${statusCode}`, mayPass(statusCode));
      if (Number(headers['content-length'] ?? 0) > maxBytes) throw new FetchFailed(`larger than ${sizeText(maxBytes)}`, false);
      const content = decoded(body, headers['content-encoding']);
      content.once('error', (error) => {
        broken = error;
      });
      return await this.storage.put(content, { maxBytes });
    } catch (error) {
      throw error === broken ? new NetworkFault(error) : error;
    } finally {
      abandon(body);
    }
  }
}

/** An http or https URL with a host and without credentials, or undefined. */
function webUrl(text: string, base?: URL): URL | undefined {
  if (!URL.canParse(text, base?.href)) return undefined;
  const url = new URL(text, base);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '' ? url : undefined;
}

function redirectTarget(location: string | string[] | undefined, from: URL): URL {
  const target = typeof location === 'string' ? webUrl(location, from) : undefined;
  if (target === undefined) throw new FetchFailed('redirects to something that is not an http or https URL', false);
  return target;
}

/** Too early, too many, or the server's own trouble: these pass by themselves. */
function mayPass(statusCode: number): boolean {
  return statusCode >= 500 || statusCode === 408 || statusCode === 425 || statusCode === 429;
}

/** Lets go of an answer nobody reads; its late errors concern no one. */
function abandon(body: Readable): void {
  body.on('error', () => undefined);
  body.destroy();
}

/**
 * The content without its transfer coding: some stores send what they keep compressed whatever they are asked for. Sizes are
 * counted behind this, so a small answer that unpacks without end meets the limit like any other.
 */
function decoded(body: Readable, encoding: string | string[] | undefined): Readable {
  const name = String(encoding ?? 'identity')
    .trim()
    .toLowerCase();
  if (name === 'identity' || name === '') return body;
  const decoder =
    name === 'gzip' || name === 'x-gzip'
      ? createGunzip()
      : name === 'deflate'
        ? createInflate()
        : name === 'br'
          ? createBrotliDecompress()
          : undefined;
  if (decoder === undefined)
    throw new FetchFailed(`content is compressed in a way this server does not know (${name.slice(0, 40)})`, false);
  // The error of either end reaches whoever reads the decoder.
  return pipeline(body, decoder, () => undefined);
}
