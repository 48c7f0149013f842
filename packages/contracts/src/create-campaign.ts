import { z } from 'zod';
import { contactAudience, rehearsalAudience, screenAudience } from './audience.js';
import { ASSET_TYPES } from './states.js';
import { campaignSchedule, ianaZone } from './recurrence.js';
import { epochMs, freeObject, httpUrl, label, storableText } from './text.js';

export const MAX_ASSETS = 100;
export const DEFAULT_SLIDE_MS = 10_000;
/** `metadata` keys that the template understands; any other key is text for `{{metadata.key}}`. */
export const FITS = ['contain', 'cover', 'fill'] as const;
export const TRANSITIONS = ['none', 'fade', 'slide'] as const;
/** Where the QR code of a campaign with a `clickUrl` is drawn; `none` draws none. */
export const QR_PLACES = ['bottom-right', 'bottom-left', 'top-right', 'top-left', 'none'] as const;

export const assetInput = z.object({
  assetType: z.enum(ASSET_TYPES),
  url: httpUrl,
  /** How long its slide is shown; a video without one plays to its end. */
  durationMs: z.int().min(100).max(86_400_000).optional(),
});

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM');
export const playWindow = z.strictObject({
  days: z.array(z.int().min(1).max(7)).min(1).max(7),
  from: timeOfDay,
  to: timeOfDay,
  timeZone: ianaZone,
});

export const CHANNELS = ['screen', 'webhook', 'null'] as const;
export type ChannelName = (typeof CHANNELS)[number];

/**
 * What becomes of a send whose outcome nobody knows, on a channel that cannot tell a repetition: it is held for a person to decide, sent
 * again, or taken for failed.
 */
export const ON_UNKNOWN = ['hold', 'retry', 'fail'] as const;
export type OnUnknown = (typeof ON_UNKNOWN)[number];

/** Most sends of a campaign that start in any one second, over all processes. */
export const sendRate = z.strictObject({ perSecond: z.int().min(1).max(1_000_000) });

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Headers that say how the request is framed, or that Marquee signs with; a campaign cannot set them. */
const KEPT_HEADERS =
  /^(host|connection|content-length|content-type|transfer-encoding|expect|upgrade|te|trailer|keep-alive|user-agent|idempotency-key|x-marquee-.*)$/i;

/** Where a webhook campaign posts to: `data` goes to every recipient as it is, `secret` signs the body. */
export const webhookContent = z.strictObject({
  url: httpUrl,
  secret: storableText(1024).min(1).optional(),
  headers: z
    .record(
      z.string().regex(HEADER_NAME, 'must be a header name'),
      z
        .string()
        .max(2048)
        .regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII'),
    )
    .refine((headers) => Object.keys(headers).length <= 50, 'must be at most 50')
    .refine((headers) => !Object.keys(headers).some((name) => KEPT_HEADERS.test(name)), 'must not name a header that is set for you')
    .optional(),
  data: freeObject(65_536).optional(),
});
export type WebhookContent = z.infer<typeof webhookContent>;

/**
 * What is sent longer than its lease is rescued meanwhile and sent again. A lease outlives the start of a send by 10 s beyond the time that a
 * send may take, however short that is set.
 */
export const MAX_REHEARSED_LATENCY_MS = 10_000;

/** How a rehearsal pretends: how long a send takes, and which part of them fails for good. */
export const nullContent = z.strictObject({
  latencyMs: z.int().min(0).max(MAX_REHEARSED_LATENCY_MS).default(0),
  failureRate: z.number().min(0).max(1).default(0),
});
export type NullContent = z.infer<typeof nullContent>;

/** How a refusal begins of a field that belongs to another channel, or to what this server does not have: a 422, not silence. */
export const UNSUPPORTED = 'is not supported';
const notYet = z.undefined({ error: `${UNSUPPORTED} yet` }).optional();

/** Null, as the answers of screen campaigns hold it, says nothing. */
const noneOnScreens = z.null({ error: `${UNSUPPORTED} on channel 'screen'` }).optional();
const refusedOnScreens = { schedule: noneOnScreens, rate: noneOnScreens, content: noneOnScreens, limits: notYet };

/** What is asked of every campaign, whatever its channel. */
const ofEveryChannel = {
  name: label(200),
  metadata: freeObject(65_536).default({}),
  idempotencyKey: z.uuid().transform((key) => key.toLowerCase()),
  priority: z.int().min(-10).max(10).default(0),
};

/** Says which channels there are where none of them is named; other errors speak for themselves. */
export function notAChannel(issue: { code?: string }): string | undefined {
  return issue.code === 'invalid_union' ? "must be 'screen', 'webhook' or 'null'" : undefined;
}

/** The channel of a body that names none. */
export const screenChannel = z
  .literal('screen')
  .optional()
  .transform((): 'screen' => 'screen');

const createScreenCampaign = z.object({
  ...ofEveryChannel,
  startAt: epochMs,
  expireAt: epochMs,
  assets: z.array(assetInput).min(1).max(MAX_ASSETS),
  channel: screenChannel,
  audience: screenAudience.default({ all: true }),
  window: playWindow.optional(),
  /** Where the QR code leads that is drawn over its slides; without it none is drawn. */
  clickUrl: httpUrl.optional(),
  dispatch: z.enum(['auto', 'manual']).default('auto'),
  ...refusedOnScreens,
});

/** What is asked of campaigns that are sent to recipients one by one. */
const ofRecipients = {
  ...ofEveryChannel,
  startAt: epochMs.optional(),
  expireAt: epochMs.optional(),
  /** `manual` unless given; a schedule dispatches by itself. */
  dispatch: z.enum(['auto', 'manual']).optional(),
  rate: sendRate.optional(),
  onUnknown: z.enum(ON_UNKNOWN).default('hold'),
  schedule: campaignSchedule.optional(),
  window: z.undefined({ error: `${UNSUPPORTED} on this channel` }).optional(),
  clickUrl: z.undefined({ error: `${UNSUPPORTED} on this channel` }).optional(),
  limits: notYet,
};
const createWebhookCampaign = z.object({
  ...ofRecipients,
  channel: z.literal('webhook'),
  audience: contactAudience,
  content: webhookContent,
});
const createNullCampaign = z.object({
  ...ofRecipients,
  channel: z.literal('null'),
  audience: rehearsalAudience,
  content: nullContent.default({ latencyMs: 0, failureRate: 0 }),
});

function endsAfterStart({ startAt, expireAt }: { startAt?: number | undefined; expireAt?: number | undefined }): boolean {
  return startAt === undefined || expireAt === undefined || expireAt > startAt;
}
const ENDS_AFTER_START = { path: ['expireAt'], error: 'must be after startAt' };

type Dispatched<Body> = Body extends unknown ? Omit<Body, 'dispatch'> & { dispatch: 'auto' | 'manual' } : never;

/** Says who starts it, where the body does not. */
function dispatched<Body extends { dispatch?: 'auto' | 'manual' | undefined; schedule?: unknown }>(body: Body): Dispatched<Body> {
  const dispatch = body.dispatch ?? (body.schedule === undefined || body.schedule === null ? 'manual' : 'auto');
  return { ...body, dispatch } as Dispatched<Body>;
}

/** The body of a campaign for screens alone. */
export const createForScreens = createScreenCampaign.refine(endsAfterStart, ENDS_AFTER_START);

export const createCampaign = z
  .discriminatedUnion('channel', [createScreenCampaign, createWebhookCampaign, createNullCampaign], {
    error: notAChannel,
  })
  .refine(endsAfterStart, ENDS_AFTER_START)
  .refine(({ schedule, dispatch }) => schedule === undefined || schedule === null || dispatch !== 'manual', {
    path: ['dispatch'],
    error: "must be 'auto', or absent, with a schedule",
  })
  .transform(dispatched);
export type CreateCampaign = z.infer<typeof createCampaign>;
export type CreateCampaignInput = Omit<z.input<typeof createScreenCampaign>, 'channel'> & { channel?: 'screen' };
export type CreateRecipientCampaignInput = z.input<typeof createWebhookCampaign> | z.input<typeof createNullCampaign>;

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
    clickUrl: httpUrl.nullish(),
    ...refusedOnScreens,
  })
  .refine(endsAfterStart, ENDS_AFTER_START);
export type EditCampaign = z.infer<typeof editCampaign>;
export type EditCampaignInput = z.input<typeof editCampaign>;

export const rollbackBody = z.object({ version: z.int().min(1).max(2_147_483_647) });
