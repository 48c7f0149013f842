import { type AssetType, MAX_CODE_LENGTH, readCode } from '@marquee/contracts';
import { isGenuine } from '../../kit/scan-codes.js';
import type { Runner } from '../../store/database.js';
import { findScannedScreen, findScanTarget } from './scan-targets.store.js';

/** What a scan is of, and where it leads. */
export interface ScanTarget {
  /** Only ASCII, so that it may stand in a header. */
  url: string;
  campaignId: string;
  assetId: string;
  assetType: AssetType;
  /** The screen that drew the code; undefined where none did, or it is not registered. */
  deviceId: string | undefined;
}

/** An edit of the target and a cancel show after this long at the latest, ms. */
const KEEP_MS = 2_000;
/** While the database cannot be asked, what was read is believed for so long, ms: phones in front of a screen are not sent away. */
const KEEP_AWAY_MS = 600_000;
const MOST_KEPT = 5_000;

interface Kept<Value> {
  /** When the database was asked, and when it last answered: monotonic ms. */
  askedAt: number;
  readAt: number;
  value: Promise<Value>;
}

/** Says where the codes on screens lead. Reads each campaign's asset once in two seconds, however many scan it. */
export class ScanTargets {
  private readonly targets = new Map<string, Kept<TargetRow | undefined>>();
  private readonly screens = new Map<string, Kept<string | undefined>>();

  constructor(
    private readonly database: Runner,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Undefined when no such code was ever made, its campaign is gone or cancelled, or leads nowhere any more. Rejects when it cannot be told now. */
  async find(text: string): Promise<ScanTarget | undefined> {
    if (text.length > MAX_CODE_LENGTH) return undefined;
    const code = readCode(text);
    if (code === undefined) return undefined;
    const row = await this.keeping(this.targets, String(code.assetNumber), async () => {
      const [found] = await this.database.run(findScanTarget, { number: code.assetNumber });
      return found;
    });
    if (row === undefined || row.click_url === null || !isGenuine(code, row.code_key)) return undefined;
    const { screenDigest } = code;
    return {
      url: new URL(row.click_url).href,
      campaignId: row.campaign,
      assetId: row.asset,
      assetType: row.asset_type as AssetType,
      deviceId: screenDigest === undefined ? undefined : await this.screenOf(Buffer.from(screenDigest)),
    };
  }

  private screenOf(digest: Buffer): Promise<string | undefined> {
    return this.keeping(this.screens, digest.toString('hex'), async () => {
      const [found] = await this.database.run(findScannedScreen, { digest });
      return found?.device_id;
    });
  }

  private async keeping<Value>(kept: Map<string, Kept<Value>>, key: string, read: () => Promise<Value>): Promise<Value> {
    const known = kept.get(key);
    const now = this.now();
    if (known !== undefined && now - known.askedAt < KEEP_MS) return await known.value;
    const asked: Kept<Value> = { askedAt: now, readAt: now, value: read() };
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(key, asked);
    try {
      const value = await asked.value;
      // What is not there now may be there the next moment; and who guesses, guesses another one each time.
      if (value === undefined) kept.delete(key);
      return value;
    } catch (error) {
      if (known === undefined || now - known.readAt >= KEEP_AWAY_MS) {
        kept.delete(key);
        throw error;
      }
      kept.set(key, { askedAt: now, readAt: known.readAt, value: known.value });
      return await known.value;
    }
  }
}

interface TargetRow {
  asset: string;
  asset_type: string;
  campaign: string;
  click_url: string | null;
  code_key: Buffer;
}
