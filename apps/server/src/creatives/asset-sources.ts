import type { AssetType } from '@marquee/contracts';
import { Actor, type OnActorError } from '../kit/actor.js';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import type { GuardedFetcher } from '../storage/guarded-fetcher.js';
import type { Storage } from '../storage/storage.js';
import type { Database } from '../store/database.js';
import { applySources, openSources, settleSource, unknownSources } from './asset-sources.store.js';

export interface AssetSourcesOptions {
  /** Where this server serves what it keeps: `{apiBaseUrl}/assets/{sha256}` is never fetched, also when it is not kept yet. */
  apiBaseUrl: string;
  /** How long a build waits for a URL, counted from when it was first asked for, ms. */
  waitMs: number;
  onError: OnActorError;
}

/** How long a failed URL is not asked for again, ms: one that may heal, and one that will not by itself. */
const RETRY_SOON_MS = 60_000;
const RETRY_LATE_MS = 3_600_000;
/** What is not kept here yet may be uploaded at any moment, and looking costs nothing. */
const LOOK_AGAIN_MS = 1000;
/** Names by which a person on this machine reaches the same server. */
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
const ASK_AGAIN_MS = 30_000;
const MOST_ASKED = 500;

/** What became of a URL, as it is remembered. */
type Outcome =
  | { state: 'stored'; checksum: string; sizeBytes: number; kind: AssetType }
  | { state: 'failed'; reason: string; retryMs: number };

interface Asking {
  since: number;
  /** Resolves when the outcome is remembered; never rejects. */
  remembered: Promise<void>;
}

/** Gets the bytes behind planners' URLs into storage: each URL once, however many campaigns name it. */
export class AssetSources extends Actor {
  private readonly asking = new Map<string, Asking>();

  constructor(
    private readonly database: Database,
    private readonly storage: Storage,
    private readonly fetcher: GuardedFetcher,
    private readonly options: AssetSourcesOptions,
    private readonly log: Log,
  ) {
    super('asset sources', options.onError);
  }

  /**
   * Tells the assets of these campaigns what is known of their URLs and starts asking for the rest. Answers, for each campaign
   * that waits, a promise that resolves when its URLs are settled or have had their time; a digest that comes later is used
   * for screens offered later.
   */
  async prepare(campaigns: string[]): Promise<Map<string, Promise<void>>> {
    await this.database.run(applySources, { campaigns });
    const urlsOf = new Map<string, Set<string>>();
    for (const { campaign_id, url } of await this.database.run(unknownSources, { campaigns })) {
      urlsOf.set(campaign_id, (urlsOf.get(campaign_id) ?? new Set()).add(url));
    }
    return new Map([...urlsOf].map(([campaign, urls]) => [campaign, this.waitFor([...urls])]));
  }

  /** Resolves when nothing is being asked for any more; close the fetcher first. */
  async idle(): Promise<void> {
    await Promise.all([...this.asking.values()].map((asking) => asking.remembered));
  }

  /** Asks again for what nobody has settled and for what failed a while ago: a digest that comes late still reaches the screens. */
  protected override async turn(): Promise<number> {
    for (const { url } of await this.database.run(openSources, { most: MOST_ASKED })) void this.ask(url);
    return ASK_AGAIN_MS;
  }

  private async waitFor(urls: string[]): Promise<void> {
    await Promise.all(
      urls.map(async (url) => {
        const { since, remembered } = this.ask(url);
        const left = this.options.waitMs - (performance.now() - since);
        let timer: NodeJS.Timeout | undefined;
        const timeIsUp = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, Math.max(0, left));
        });
        await Promise.race([remembered, timeIsUp]);
        clearTimeout(timer);
      }),
    );
  }

  private ask(url: string): Asking {
    const known = this.asking.get(url);
    if (known !== undefined) return known;
    const remembered = this.outcomeOf(url)
      .then((outcome) => this.remember(url, outcome))
      .catch((error: unknown) => this.log.error({ err: error, url }, 'what became of an asset could not be remembered'))
      .finally(() => this.asking.delete(url));
    const asking = { since: performance.now(), remembered };
    this.asking.set(url, asking);
    return asking;
  }

  private async outcomeOf(url: string): Promise<Outcome> {
    try {
      const digest = digestOf(url);
      if (digest !== undefined) {
        const kept = await this.storage.stat(digest);
        if (kept !== undefined) return { state: 'stored', checksum: digest, sizeBytes: kept.sizeBytes, kind: assetTypeOf(kept.type) };
        if (this.isOurs(url)) return { state: 'failed', reason: 'is not kept here: upload it first', retryMs: LOOK_AGAIN_MS };
      }
      const fetched = await this.fetcher.fetch(url);
      if (!fetched.ok) return { state: 'failed', reason: fetched.reason, retryMs: fetched.retry ? RETRY_SOON_MS : RETRY_LATE_MS };
      return { state: 'stored', checksum: fetched.sha256, sizeBytes: fetched.sizeBytes, kind: fetched.assetType };
    } catch (error) {
      return { state: 'failed', reason: reasonOf(error), retryMs: RETRY_SOON_MS };
    }
  }

  private isOurs(text: string): boolean {
    const [url, own] = [new URL(text), new URL(this.options.apiBaseUrl)];
    if (LOOPBACK.has(url.hostname) && LOOPBACK.has(own.hostname)) url.hostname = own.hostname;
    return url.href.startsWith(`${own.href.replace(/\/$/, '')}/assets/`);
  }

  private async remember(url: string, outcome: Outcome): Promise<void> {
    const stored = outcome.state === 'stored';
    await this.database.run(settleSource, {
      url,
      state: outcome.state,
      checksum: stored ? outcome.checksum : '',
      sizeBytes: stored ? outcome.sizeBytes : 0,
      kind: stored ? outcome.kind : null,
      reason: stored ? null : outcome.reason,
      retryMs: stored ? 0 : outcome.retryMs,
    });
  }
}

/** The digest in the address of an asset that a server of ours serves, this process or another: what is kept under it needs no fetching. */
function digestOf(url: string): string | undefined {
  return /\/assets\/([0-9a-f]{64})$/.exec(new URL(url).href)?.[1];
}

function assetTypeOf(mime: string): AssetType {
  if (mime.startsWith('image/')) return 'image';
  return mime.startsWith('video/') ? 'video' : 'html';
}
