import type { AssetView, CampaignSchedule, CampaignStatus, CampaignView, OnUnknown, PlayWindow } from '@marquee/contracts';
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
    clickUrl: row.click_url,
    dispatch: row.dispatch as 'auto' | 'manual',
    content: shownContent(row.content as Record<string, unknown> | null),
    rate: row.rate_per_second === null ? null : { perSecond: row.rate_per_second },
    onUnknown: row.on_unknown as OnUnknown,
    schedule: row.schedule as CampaignSchedule | null,
    nextRunAt: row.next_slot_at,
    assets: assetViews(row.assets),
    epoch: row.epoch,
    paused: row.paused,
    buildError: row.build_error,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

const HIDDEN = '***';

/** What a campaign sends, without the secret that signs it and the values of its headers: those were told once and are not told again. */
export function shownContent(content: Record<string, unknown> | null): Record<string, unknown> | null {
  if (content === null) return null;
  const { secret: _, headers, ...shown } = content;
  if (typeof headers !== 'object' || headers === null) return shown;
  // A header is where a receiver's own password goes.
  return { ...shown, headers: Object.fromEntries(Object.keys(headers).map((name) => [name, HIDDEN])) };
}

/** The assets of a campaign or version, as its row lists them. */
export function assetViews(assets: unknown): AssetView[] {
  return assets as AssetView[];
}
