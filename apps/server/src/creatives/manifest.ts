import { type AssetType, DEFAULT_SLIDE_MS, type Manifest, type PlayWindow, toBase64Url } from '@marquee/contracts';
import { idFrom } from '../kit/ids.js';
import { scanLink } from '../kit/scan-codes.js';
import type { Database } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';
import { type creativeRow, liveCreatives } from './creatives.store.js';

/** An asset as a creative's row lists it. */
export interface CreativeAsset {
  id: string;
  /** What codes name it by. */
  number: number;
  assetType: AssetType;
  url: string;
  checksum: string;
  durationMs: number | null;
  sizeBytes: number;
}

/** The manifest of a campaign; its id is a function of campaign and version, so an offer made again is the same manifest. */
export function manifestFor(row: ValuesOf<typeof creativeRow>, templateSha256: string, apiBaseUrl: string): Manifest {
  const assets = row.assets as CreativeAsset[];
  return {
    manifestId: idFrom(`${row.id}:${row.version}`),
    campaignId: row.id,
    version: row.version,
    startAt: row.start_at,
    expireAt: row.expire_at,
    templateUrl: `${apiBaseUrl}/templates/${row.id}/index.html?v=${row.version}-${templateSha256.slice(0, 16)}`,
    templateChecksum: templateSha256,
    assets: assets.map((asset) => ({
      id: asset.id,
      assetType: asset.assetType,
      url: asset.checksum === '' ? asset.url : `${apiBaseUrl}/assets/${asset.checksum}`,
      checksum: asset.checksum,
      sizeBytes: asset.sizeBytes,
      ...(row.click_url === null ? {} : { number: asset.number }),
    })),
    slides: assets.map((asset) => ({ assetId: asset.id, durationMs: asset.durationMs ?? DEFAULT_SLIDE_MS })),
    priority: row.priority,
    ...(row.play_window === null ? {} : { window: row.play_window as PlayWindow }),
    ...(row.click_url === null ? {} : { codes: { url: scanLink(apiBaseUrl, ''), key: toBase64Url(row.code_key) } }),
  };
}

/** Reads manifests as they are now: what is known of the assets by the time of an offer goes into it. */
export class Manifests {
  constructor(
    private readonly database: Database,
    /** Where screens reach an API now. */
    private readonly apiBaseUrl: () => Promise<string>,
  ) {}

  /** Of the version that is live: UTF-8 JSON; undefined when the campaign is gone or was never built. */
  async of(campaignId: string): Promise<Buffer | undefined> {
    const [row] = await this.database.run(liveCreatives, { ids: [campaignId] });
    if (row === undefined || row.template_sha256 === null) return undefined;
    return Buffer.from(JSON.stringify(manifestFor(row, row.template_sha256, await this.apiBaseUrl())));
  }
}
