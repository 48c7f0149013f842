import type { AssetType, CreatedCampaign, EditCampaign, Page, PlayWindow, ScreenAudience, VersionView } from '@marquee/contracts';
import { canonicalJson } from '../kit/canonical-json.js';
import { ProblemError } from '../kit/errors.js';
import { newId } from '../kit/ids.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import type { Database } from '../store/database.js';
import { assetViews, campaignView } from './campaign-view.js';
import type { CampaignTiming } from './campaign-timing.js';
import type { CampaignRow } from './campaigns.store.js';
import { knownCampaign } from './known-campaign.js';
import { countVersions, editCampaign, findVersion, listVersions, type VersionRow, versionsHeld } from './versions.store.js';

/** What a version says. Two versions that say the same are the same. */
interface Content {
  name: string;
  startAt: number | null;
  expireAt: number | null;
  metadata: Record<string, unknown>;
  audience: ScreenAudience;
  priority: number;
  window: PlayWindow | null;
  clickUrl: string | null;
  assets: { assetType: AssetType; url: string; durationMs: number | null }[];
}

const OVER = new Set(['completed', 'cancelled']);
/** How often a rollback without a precondition is tried again when somebody else's edit came first. */
const TRIES = 5;
const MAX_VERSION = 2_147_483_647;

/** Changes campaigns, version by version; what each of them said stays. */
export class CampaignVersions {
  constructor(
    private readonly database: Database,
    private readonly timing: CampaignTiming,
  ) {}

  /**
   * Makes the next version of a campaign at version `expected`; what changes nothing makes none. PRECONDITION_FAILED (with the present
   * `version`) when it is at another by now, CONFLICT when it is over, NOT_SUPPORTED when the audience of what runs would change,
   * NOT_FOUND when there is none.
   */
  async edit(id: string, expected: number | 'any', body: EditCampaign): Promise<CreatedCampaign> {
    return await this.change(id, expected, null, async (row) => ({
      ...body,
      audience: body.audience ?? (row.audience as ScreenAudience),
      window: body.window ?? null,
      clickUrl: body.clickUrl ?? null,
      assets: body.assets.map(({ assetType, url, durationMs }) => ({ assetType, url, durationMs: durationMs ?? null })),
    }));
  }

  /** Makes the next version with the content of an earlier one, for the present audience. Refused as an edit with that content would be. */
  async rollback(id: string, expected: number | 'any', version: number): Promise<CreatedCampaign> {
    return await this.change(id, expected, version, async (row) => {
      const [earlier] = await this.database.run(findVersion, { campaign: id, version });
      if (earlier === undefined) throw new ProblemError('NOT_FOUND', `there is no version ${version} of campaign ${id}`);
      return { ...contentOf(earlier), audience: row.audience as ScreenAudience };
    });
  }

  /** Newest first; NOT_FOUND when there is no such campaign. */
  async list(id: string, query: { offset: number; limit: number; cursor?: string | undefined }): Promise<Page<VersionView>> {
    const before = decodeCursor(query.cursor, (text) => /^\d{1,9}$/.test(text));
    const place = { before: before === undefined ? MAX_VERSION : Number(before), skip: before === undefined ? query.offset : 0 };
    const [rows, held, [counted]] = await Promise.all([
      this.database.run(listVersions, { campaign: id, ...place, most: query.limit + 1 }),
      this.database.run(versionsHeld, { campaign: id }),
      this.database.run(countVersions, { campaign: id }),
    ]);
    const total = counted?.n ?? 0;
    if (total === 0) throw new ProblemError('NOT_FOUND', `there is no campaign ${id}`);
    const screensOf = new Map(held.map((row) => [row.version, row.n]));
    return pageOf(
      rows,
      { total, offset: query.offset, limit: query.limit },
      (row) => versionView(row, screensOf.get(row.version) ?? 0),
      (row) => String(row.version),
    );
  }

  private async change(
    id: string,
    expected: number | 'any',
    restores: number | null,
    contentFor: (row: CampaignRow) => Promise<Content>,
  ): Promise<CreatedCampaign> {
    for (let attempt = 1; ; attempt += 1) {
      const row = await knownCampaign(this.database, id);
      if (row.channel !== 'screen')
        throw new ProblemError('NOT_SUPPORTED', [`channel: a campaign on channel '${row.channel}' cannot be changed; create another`]);
      if (OVER.has(row.status)) throw new ProblemError('CONFLICT', `the campaign is ${row.status}: it cannot be changed any more`);
      if (expected !== 'any' && row.version !== expected) throw changedMeanwhile(row.version);
      const content = await contentFor(row);
      if (same(content, contentOf(row))) return { ...campaignView(row), warnings: [] };
      this.refuse(row, content);
      const warnings = content.startAt === row.start_at ? [] : await this.timing.warningsFor(content);
      const [made] = await this.database.run(editCampaign, { id, expected: row.version, restores, ...columnsOf(content) });
      if (made !== undefined) return { ...campaignView(await knownCampaign(this.database, id)), warnings };
      if (attempt === TRIES) throw changedMeanwhile((await knownCampaign(this.database, id)).version);
    }
  }

  private refuse(row: CampaignRow, content: Content): void {
    const refusal = this.timing.refusalOf(content, content.startAt === row.start_at);
    if (refusal !== undefined) throw refusal;
    const runs = row.status === 'publishing' || row.status === 'active';
    if (runs && canonicalJson(content.audience) !== canonicalJson(row.audience)) {
      throw new ProblemError('NOT_SUPPORTED', ['audience: cannot be changed once the campaign runs; cancel it and create another']);
    }
  }
}

function changedMeanwhile(version: number): ProblemError {
  return new ProblemError('PRECONDITION_FAILED', `if-match: the campaign is at version ${version} by now`, { version });
}

function contentOf(row: CampaignRow | VersionRow): Content {
  return {
    name: row.name,
    startAt: row.start_at,
    expireAt: row.expire_at,
    metadata: row.metadata as Record<string, unknown>,
    audience: row.audience as ScreenAudience,
    priority: row.priority,
    window: row.play_window as PlayWindow | null,
    clickUrl: row.click_url,
    assets: assetViews(row.assets).map(({ assetType, url, durationMs }) => ({ assetType, url, durationMs })),
  };
}

function same(a: Content, b: Content): boolean {
  return canonicalJson(picked(a)) === canonicalJson(picked(b));
}

/** A body that was put may hold more than content. */
function picked({ name, startAt, expireAt, metadata, audience, priority, window, clickUrl, assets }: Content): Content {
  return { name, startAt, expireAt, metadata, audience, priority, window, clickUrl, assets };
}

function columnsOf(content: Content) {
  return {
    name: content.name,
    startAt: content.startAt,
    expireAt: content.expireAt,
    metadata: JSON.stringify(content.metadata),
    audience: JSON.stringify(content.audience),
    priority: content.priority,
    window: content.window === null ? null : JSON.stringify(content.window),
    clickUrl: content.clickUrl,
    assetIds: content.assets.map(() => newId()),
    assetTypes: content.assets.map((asset) => asset.assetType),
    assetUrls: content.assets.map((asset) => asset.url),
    assetDurations: content.assets.map((asset) => asset.durationMs),
  };
}

function versionView(row: VersionRow, acknowledged: number): VersionView {
  return {
    ...contentOf(row),
    version: row.version,
    createdAt: row.created_at.toISOString(),
    by: row.created_by,
    restores: row.restores,
    liveAt: row.live_at,
    assets: assetViews(row.assets),
    acknowledged,
  };
}
