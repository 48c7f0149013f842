import type { Clock } from './clock.js';
import { DownloadError, download, type DownloadLimits } from './download.js';
import { Lanes } from './lanes.js';
import type { Offer, OfferedAsset } from './manifest.js';
import { FullError, isFull, megabytes, type Room } from './room.js';
import type { Installed, Store } from './store.js';

/** Several campaigns may be installed at once, so that one with a slow asset does not hold up the others. */
const CAMPAIGNS_AT_ONCE = 4;
const ASSETS_AT_ONCE = 3;
const TEMPLATE: DownloadLimits = { waitMs: 20_000, maxBytes: 16 * 1024 * 1024 };
const KNOWN_ASSET: DownloadLimits = { waitMs: 30_000, maxBytes: 4 * 1024 ** 3 };
/** The campaign plays without it, so it is not waited for as long. */
const UNKNOWN_ASSET: DownloadLimits = { waitMs: 8_000, maxBytes: 1024 ** 3 };

/** A campaign whose media is stored and verified, ready to be committed; or why it cannot be had: `full` when there is no room for it. */
export type Fetched = { ok: true; campaign: Installed; template: Blob } | { ok: false; reason: string; full: boolean };

class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** The key of an asset's media: by digest, so that campaigns share it; by URL where the digest is unknown. */
export function mediaKey(asset: OfferedAsset): string {
  return asset.checksum === '' ? `url:${asset.url}` : `sha256:${asset.checksum}`;
}

/** Fetches, verifies and stores what a campaign needs. */
export class Installer {
  readonly #lanes = new Lanes(CAMPAIGNS_AT_ONCE);

  constructor(
    private readonly store: Pick<Store, 'putMedia' | 'hasMedia'>,
    private readonly room: Pick<Room, 'mustHold'>,
    private readonly clock: Clock,
    private readonly digest: (blob: Blob) => Promise<string>,
    private readonly get: typeof download = download,
  ) {}

  /**
   * Gets the template and every asset. An asset that is stored already under its digest is not fetched again, so that an
   * install that was cut short goes on where it was. One with an unknown digest is tried once and may be missing. Rejects only when `signal` is aborted.
   */
  fetch(offer: Offer, signal: AbortSignal): Promise<Fetched> {
    return this.#lanes.run(async () => {
      try {
        return await this.#fetch(offer, signal);
      } catch (error) {
        signal.throwIfAborted();
        return { ok: false, reason: reasonOf(error), full: isFull(error) };
      }
    });
  }

  async #fetch(offer: Offer, signal: AbortSignal): Promise<Fetched> {
    const byKey = new Map(offer.assets.map((asset) => [mediaKey(asset), asset]));
    await this.room.mustHold(await this.#bytesToCome(byKey));
    const template = await this.#verified('template', offer.templateUrl, offer.templateChecksum, TEMPLATE, signal);
    const missing = new Set<string>();
    const lanes = new Lanes(ASSETS_AT_ONCE);
    // The first that fails ends the install; the others must not go on storing for nothing.
    const rest = new AbortController();
    const stop = (): void => rest.abort(signal.reason);
    signal.addEventListener('abort', stop);
    try {
      await Promise.all(
        Array.from(byKey, ([key, asset]) =>
          lanes.run(async () => {
            if (!(await this.#asset(key, asset, rest.signal))) missing.add(key);
          }),
        ),
      );
    } finally {
      signal.removeEventListener('abort', stop);
      rest.abort();
    }
    const had = offer.assets.filter((asset) => !missing.has(mediaKey(asset)));
    const lacking = offer.assets.filter((asset) => missing.has(mediaKey(asset)));
    const campaign: Installed = {
      campaignId: offer.campaignId,
      offer,
      media: Object.fromEntries(had.map((asset) => [asset.id, mediaKey(asset)])),
      missing: [...new Set(lacking.map(({ url }) => url))],
      installedAt: this.clock.now(),
    };
    return { ok: true, campaign, template };
  }

  /** What the manifest says that the assets which are not stored will take: nothing is fetched that cannot be kept. */
  async #bytesToCome(byKey: Map<string, OfferedAsset>): Promise<number> {
    let bytes = 0;
    for (const [key, { sizeBytes }] of byKey) if (!(await this.store.hasMedia(key))) bytes += sizeBytes;
    return bytes;
  }

  async #keep(key: string, blob: Blob): Promise<void> {
    await this.room.mustHold(blob.size);
    try {
      await this.store.putMedia(key, blob);
    } catch (error) {
      throw isFull(error) ? new FullError(`: ${megabytes(blob.size)} more needed`) : error;
    }
  }

  /** False when an asset of unknown digest cannot be had. */
  async #asset(key: string, asset: OfferedAsset, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const stored = await this.store.hasMedia(key);
    if (asset.checksum !== '') {
      if (!stored) await this.#keep(key, await this.#verified('asset', asset.url, asset.checksum, KNOWN_ASSET, signal));
      return true;
    }
    try {
      const blob = await this.get(asset.url, UNKNOWN_ASSET, signal);
      await this.#keep(key, blob);
      return true;
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      // What an earlier version got under the same URL is better than nothing.
      return stored;
    }
  }

  async #verified(what: string, url: string, checksum: string, limits: DownloadLimits, signal: AbortSignal): Promise<Blob> {
    let blob: Blob;
    try {
      blob = await this.get(url, limits, signal);
    } catch (error) {
      if (error instanceof DownloadError) throw new Refusal(`${what} ${url} ${error.message}`);
      throw error;
    }
    if (checksum !== '' && (await this.digest(blob)) !== checksum) throw new Refusal(`${what} ${url} does not match its checksum`);
    return blob;
  }
}

/** Words for the operator. */
export function reasonOf(error: unknown): string {
  if (error instanceof Refusal || error instanceof FullError) return error.message;
  if (isFull(error)) return new FullError().message;
  return `the storage of this screen failed: ${error instanceof Error ? error.message : 'no reason given'}`;
}
