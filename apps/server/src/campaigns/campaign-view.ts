import type { AssetView, CampaignStatus, CampaignView, PlayWindow } from '@marquee/contracts';
import type { CampaignRow } from './campaigns.store.js';

/** A campaign as the API shows it. */
export function campaignView(row: CampaignRow): CampaignView {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    liveVersion: row.status === 'draft' || row.status === 'building' ? null : row.live_version,
    status: row.status as CampaignStatus,
    channel: row.channel,
    startAt: row.start_at,
    expireAt: row.expire_at,
    metadata: row.metadata as Record<string, unknown>,
    audience: row.audience as Record<string, unknown>,
    priority: row.priority,
    window: row.play_window as PlayWindow | null,
    dispatch: row.dispatch as 'auto' | 'manual',
    assets: assetViews(row.assets),
    epoch: row.epoch,
    paused: row.paused,
    buildError: row.build_error,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** The assets of a campaign or version, as its row lists them. */
export function assetViews(assets: unknown): AssetView[] {
  return assets as AssetView[];
}
