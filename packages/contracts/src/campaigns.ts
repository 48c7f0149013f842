import { z } from 'zod';
import { ON_UNKNOWN, playWindow, sendRate } from './create-campaign.js';
import { campaignSchedule } from './recurrence.js';
import { deviceId } from './screens.js';
import { ASSET_TYPES, CAMPAIGN_STATUSES, DELIVERY_STATES, SCREEN_COUNTS } from './states.js';
import { storableText } from './text.js';

export const assetView = z.object({
  id: z.uuid(),
  assetType: z.enum(ASSET_TYPES),
  url: z.string(),
  checksum: z.string(),
  durationMs: z.int().nullable(),
  sizeBytes: z.int(),
  /** `pending` until the server tried to keep it, `stored` once it did, `failed` with the reason when it could not. */
  state: z.enum(['pending', 'stored', 'failed']),
  reason: z.string().nullable(),
});
export type AssetView = z.infer<typeof assetView>;

export const campaignView = z.object({
  id: z.uuid(),
  name: z.string(),
  version: z.int(),
  /** The version that screens are offered: behind `version` while an edit is being built, null before the first is built. */
  liveVersion: z.int().nullable(),
  status: z.enum(CAMPAIGN_STATUSES),
  channel: z.string(),
  /** Null on channels other than screen where none was given. */
  startAt: z.int().nullable(),
  expireAt: z.int().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  audience: z.record(z.string(), z.unknown()),
  priority: z.int(),
  window: playWindow.nullable(),
  /** Where the QR codes on its slides lead; null when it has none. */
  clickUrl: z.string().nullable(),
  dispatch: z.enum(['auto', 'manual']),
  /** What is sent, but for the secret that signs it; null on screens. */
  content: z.record(z.string(), z.unknown()).nullable(),
  rate: sendRate.nullable(),
  onUnknown: z.enum(ON_UNKNOWN),
  schedule: campaignSchedule.nullable(),
  /** Epoch ms at which it runs next by itself; null when it does not. */
  nextRunAt: z.int().nullable(),
  assets: z.array(assetView),
  epoch: z.int(),
  paused: z.boolean(),
  /** Why the last build failed; null while it did not. */
  buildError: z.string().nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type CampaignView = z.infer<typeof campaignView>;

/** The answer to create: the campaign as it was stored first, and what the planner should know. */
export const createdCampaign = campaignView.extend({ warnings: z.array(z.string()) });
export type CreatedCampaign = z.infer<typeof createdCampaign>;

export const campaignCounts = z.object(
  Object.fromEntries([...DELIVERY_STATES, ...SCREEN_COUNTS].map((name) => [name, z.int()])) as Record<
    (typeof DELIVERY_STATES)[number] | (typeof SCREEN_COUNTS)[number],
    z.ZodInt
  >,
);
export type CampaignCounts = z.infer<typeof campaignCounts>;

export const campaignDetail = campaignView.extend({ counts: campaignCounts });
export type CampaignDetail = z.infer<typeof campaignDetail>;

/** One version of a campaign, as it was written; the newest is the campaign's present one. */
export const versionView = z.object({
  version: z.int(),
  createdAt: z.iso.datetime(),
  /** Who made it; null where accounts are off. */
  by: z.string().nullable(),
  /** The earlier version whose content it has, when it came from a rollback. */
  restores: z.int().nullable(),
  /** Since when screens are offered it (epoch ms); null while it is not built, or was replaced before it was. */
  liveAt: z.int().nullable(),
  name: z.string(),
  startAt: z.int().nullable(),
  expireAt: z.int().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  audience: z.record(z.string(), z.unknown()),
  priority: z.int(),
  window: playWindow.nullable(),
  clickUrl: z.string().nullable(),
  assets: z.array(assetView),
  /** How many screens have it, by their own word: each counts for the newest version that it acknowledged. */
  acknowledged: z.int(),
});
export type VersionView = z.infer<typeof versionView>;

/** Query of `GET /campaigns/:id/codes`: of which screen; without one the codes name the slide alone. */
export const codesQuery = z.object({ deviceId: deviceId.optional() });

/** Answer of `GET /campaigns/:id/codes`: what stands in the QR codes of the present version, as that screen draws them or as none does. */
export const campaignCodes = z.object({
  clickUrl: z.string().nullable(),
  /** In the order of the assets; none without a clickUrl. */
  codes: z.array(z.object({ assetId: z.uuid(), link: z.string() })),
});
export type CampaignCodes = z.infer<typeof campaignCodes>;

export const clearanceView = z.object({
  /** Screens that answered the revoke, or were never offered the campaign. */
  clean: z.int(),
  /** Screens that are reachable and have not answered yet. */
  dirty: z.int(),
  /** Screens that are offline and have not answered. */
  unreachable: z.int(),
  /** Epoch ms at which the last copy that may still be out there ends by itself; null when all are clean. */
  latestEnd: z.int().nullable(),
});
export type Clearance = z.infer<typeof clearanceView>;

/** A screen that may still have a cancelled campaign. */
export const unclearScreen = z.object({
  deviceId: z.string(),
  /** `dirty`: reachable and not answered yet; `unreachable`: offline, or not registered any more. */
  state: z.enum(['dirty', 'unreachable']),
  /** Since when it is offline (epoch ms); null when it is online or not registered any more. */
  offlineSince: z.int().nullable(),
  /** The newest version that it acknowledged; null when it acknowledged none. */
  version: z.int().nullable(),
  /** Epoch ms at which its copy ends by itself at the latest: the end of the version that it has, or of a later one that may have reached it. */
  endsAt: z.int(),
});
export type UnclearScreen = z.infer<typeof unclearScreen>;

export const campaignQuery = { status: z.enum(CAMPAIGN_STATUSES).optional() };
export const searchText = storableText(200);
