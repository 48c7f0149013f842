import { z } from 'zod';
import { ASSET_TYPES, CAMPAIGN_STATUSES, DELIVERY_STATES, EXECUTION_STATES, SCREEN_COUNTS } from './states.js';
import { epochMs, freeObject, httpUrl, label, storableText } from './text.js';
import { DEVICE_ID_PATTERN } from './topics.js';

export const MAX_ASSETS = 100;
export const MAX_AUDIENCE_IDS = 20_000;
export const DEFAULT_SLIDE_MS = 10_000;
/** `metadata` keys that the template understands; any other key is text for `{{metadata.key}}`. */
export const FITS = ['contain', 'cover', 'fill'] as const;
export const TRANSITIONS = ['none', 'fade', 'slide'] as const;

export const assetInput = z.object({
  assetType: z.enum(ASSET_TYPES),
  url: httpUrl,
  /** How long its slide is shown; a video without one plays to its end. */
  durationMs: z.int().min(100).max(86_400_000).optional(),
});

const tagList = z.array(label(128)).min(1).max(100);
export const tagFilter = z
  .strictObject({ any: tagList.optional(), all: tagList.optional(), none: tagList.optional() })
  .refine((tags) => tags.any !== undefined || tags.all !== undefined || tags.none !== undefined, 'must name any, all or none');

/** Which screens a campaign is meant for; `groups` and `tags` together mean both. */
export const screenAudience = z.union([
  z.strictObject({ all: z.literal(true) }),
  z.strictObject({ ids: z.array(z.string().regex(DEVICE_ID_PATTERN)).min(1).max(MAX_AUDIENCE_IDS) }),
  z
    .strictObject({ groups: z.array(label(128)).min(1).max(1000).optional(), tags: tagFilter.optional() })
    .refine((audience) => audience.groups !== undefined || audience.tags !== undefined, 'must name all, ids, groups or tags'),
]);
export type ScreenAudience = z.infer<typeof screenAudience>;

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM');
export const ianaZone = z
  .string()
  .max(64)
  .refine((zone) => {
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone });
      return true;
    } catch {
      return false;
    }
  }, 'must be an IANA time zone');
export const playWindow = z.strictObject({
  days: z.array(z.int().min(1).max(7)).min(1).max(7),
  from: timeOfDay,
  to: timeOfDay,
  timeZone: ianaZone,
});

/** Fields that belong to channels or features this server does not have yet; naming one is a 422, not silence. */
const notYet = (why: string) => z.undefined({ error: why }).optional();

const refused = {
  schedule: notYet("is not supported on channel 'screen'"),
  rate: notYet('is not supported yet'),
  limits: notYet('is not supported yet'),
  content: notYet("is not supported on channel 'screen'"),
};

export const createCampaign = z
  .object({
    name: label(200),
    startAt: epochMs,
    expireAt: epochMs,
    assets: z.array(assetInput).min(1).max(MAX_ASSETS),
    metadata: freeObject(65_536).default({}),
    idempotencyKey: z.uuid().transform((key) => key.toLowerCase()),
    channel: z.literal('screen', { error: "must be 'screen'" }).default('screen'),
    audience: screenAudience.default({ all: true }),
    priority: z.int().min(-10).max(10).default(0),
    window: playWindow.optional(),
    dispatch: z.enum(['auto', 'manual']).default('auto'),
    ...refused,
  })
  .refine((body) => body.expireAt > body.startAt, { path: ['expireAt'], error: 'must be after startAt' });
export type CreateCampaign = z.infer<typeof createCampaign>;
export type CreateCampaignInput = z.input<typeof createCampaign>;

/**
 * What an edit replaces, all of it: what is absent gets the default of create, only an absent audience stays as it is. What GET answers
 * may be put back as it came; its other fields are not looked at.
 */
export const editCampaign = z
  .object({
    name: label(200),
    startAt: epochMs,
    expireAt: epochMs,
    assets: z
      .array(assetInput.extend({ durationMs: assetInput.shape.durationMs.nullable() }))
      .min(1)
      .max(MAX_ASSETS),
    metadata: freeObject(65_536).default({}),
    audience: screenAudience.optional(),
    priority: z.int().min(-10).max(10).default(0),
    window: playWindow.nullish(),
    ...refused,
  })
  .refine((body) => body.expireAt > body.startAt, { path: ['expireAt'], error: 'must be after startAt' });
export type EditCampaign = z.infer<typeof editCampaign>;
export type EditCampaignInput = z.input<typeof editCampaign>;

export const rollbackBody = z.object({ version: z.int().min(1).max(2_147_483_647) });

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
  startAt: z.int(),
  expireAt: z.int(),
  metadata: z.record(z.string(), z.unknown()),
  audience: z.record(z.string(), z.unknown()),
  priority: z.int(),
  window: playWindow.nullable(),
  dispatch: z.enum(['auto', 'manual']),
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
  startAt: z.int(),
  expireAt: z.int(),
  metadata: z.record(z.string(), z.unknown()),
  audience: z.record(z.string(), z.unknown()),
  priority: z.int(),
  window: playWindow.nullable(),
  assets: z.array(assetView),
  /** How many screens have it, by their own word: each counts for the newest version that it acknowledged. */
  acknowledged: z.int(),
});
export type VersionView = z.infer<typeof versionView>;

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

export const executionView = z.object({
  id: z.uuid(),
  campaignId: z.uuid(),
  state: z.enum(EXECUTION_STATES),
  scheduledFor: z.int(),
  startedAt: z.int().nullable(),
  endedAt: z.int().nullable(),
  reason: z.string().nullable(),
});
export type ExecutionView = z.infer<typeof executionView>;

export const deliveryView = z.object({
  id: z.uuid(),
  campaignId: z.uuid(),
  executionId: z.uuid(),
  recipient: z.string(),
  status: z.enum(DELIVERY_STATES),
  epoch: z.int(),
  attempt: z.int(),
  offers: z.int(),
  lastError: z.string().nullable(),
  installError: z.string().nullable(),
  settledAt: z.int().nullable(),
  acknowledgedAt: z.int().nullable(),
  acknowledgedVersion: z.int().nullable(),
  onAir: z.boolean(),
  revokeAckedAt: z.int().nullable(),
});
export type DeliveryView = z.infer<typeof deliveryView>;

export const dispatched = z.object({ started: z.literal(true), executionId: z.uuid(), epoch: z.int() });
export const audienceCountBody = z.object({ channel: z.literal('screen').default('screen'), audience: screenAudience });
export const audienceCount = z.object({ count: z.int() });

export const campaignQuery = { status: z.enum(CAMPAIGN_STATUSES).optional() };
export const deliveryQuery = { status: z.enum(DELIVERY_STATES).optional() };
export const executionQuery = { status: z.enum(EXECUTION_STATES).optional() };
export const searchText = storableText(200);
