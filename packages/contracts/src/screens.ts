import { z } from 'zod';
import { deliveryView } from './executions.js';
import { CAMPAIGN_STATUSES, SCREEN_EVENT_TYPES, SCREEN_LACKS, SCREEN_STATUSES, type ScreenLack } from './states.js';
import { epochMs, freeObject, label } from './text.js';
import { DEVICE_ID_PATTERN } from './topics.js';

export const deviceId = z.string().regex(DEVICE_ID_PATTERN, 'must match ^[A-Za-z0-9._:-]{1,128}$');

/** `PUT /screens/:id`: what is absent is set to its default. */
export const putScreen = z.object({
  groupId: label(128).nullable().default(null),
  tags: z.array(label(128)).max(100).default([]),
  metadata: freeObject(16_384).default({}),
});
export type PutScreen = z.infer<typeof putScreen>;

/** One line of an import; in CSV `tags` is separated by `;` or `|` and `metadata` is JSON. */
export const importScreen = putScreen.extend({ deviceId });
export type ImportScreen = z.infer<typeof importScreen>;

export const screenStorage = z.object({ usedBytes: z.int().min(0), quotaBytes: z.int().min(0) });
/** What a screen says of itself beside presence and clock. */
export interface ScreenReport {
  lacks: ScreenLack[];
  storage: z.output<typeof screenStorage> | null;
}

export const screenView = z.object({
  deviceId: z.string(),
  groupId: z.string().nullable(),
  tags: z.array(z.string()),
  status: z.enum(SCREEN_STATUSES),
  lastSeen: z.int().nullable(),
  /** The campaign that the screen last said it shows. */
  nowPlaying: z.object({ campaignId: z.uuid(), name: z.string(), since: z.int() }).nullable(),
  /** Server minus screen, as the screen estimated it last. */
  clockOffsetMs: z.int().nullable(),
  /** Epoch ms since when `status` is what it is. */
  statusSince: z.int(),
  lacks: z.array(z.enum(SCREEN_LACKS)),
  storage: screenStorage.nullable(),
  metadata: z.record(z.string(), z.unknown()),
});
export type ScreenView = z.infer<typeof screenView>;

/** One screen with what only its own page shows. */
export const screenDetail = screenView.extend({
  /** What is known of its numbered events; null where it never gave a number. */
  events: z
    .object({
      /** Numbers that the server waits for, and those that are lost for good. */
      missing: z.int(),
      lost: z.int(),
      /** When it is asked for what is missing; null: nothing is, or it is away. */
      nextAskAt: z.int().nullable(),
    })
    .nullable(),
  /** Epoch ms of the picture that `GET /screens/:id/screenshot` answers; null: there is none. */
  screenshotAt: z.int().nullable(),
});
export type ScreenDetail = z.infer<typeof screenDetail>;

/** The answer to what a screen is asked: it is on its way. */
export const controlAsked = z.object({ asked: z.literal(true) });

/** One campaign on one screen's own page, the newest execution first. */
export const screenDelivery = deliveryView.extend({
  campaign: z.string(),
  campaignStatus: z.enum(CAMPAIGN_STATUSES),
  startAt: z.int(),
  expireAt: z.int(),
});
export type ScreenDelivery = z.infer<typeof screenDelivery>;

/** An event as the server stored it. */
export const storedEvent = z.object({
  eventId: z.uuid(),
  eventType: z.enum(SCREEN_EVENT_TYPES),
  campaignId: z.uuid(),
  campaign: z.string(),
  version: z.int(),
  /** Epoch ms, by the screen's word and by the server's. */
  occurredAt: z.int().nullable(),
  storedAt: z.int(),
  /** Of an ERROR: what the screen said. */
  reason: z.string().nullable(),
  /** Of a PLAY_LOG: how many plays it lists. */
  plays: z.int().nullable(),
});
export type StoredEvent = z.infer<typeof storedEvent>;

export const importReport = z.object({
  imported: z.int(),
  updated: z.int(),
  /** The first of them; how many there were says `rejectedTotal`. */
  rejected: z.array(z.object({ line: z.int(), reason: z.string() })),
  rejectedTotal: z.int(),
});
export type ImportReport = z.infer<typeof importReport>;

export const screenQuery = {
  groupId: label(128).optional(),
  tag: label(128).optional(),
  status: z.enum(SCREEN_STATUSES).optional(),
  q: label(128).optional(),
  /** `off`: screens that say their clock is off by more than CLOCK_OFF_MS. */
  clock: z.enum(['off']).optional(),
};

const eventWithPayload = (most: number) =>
  z.object({
    eventId: z.uuid().transform((id) => id.toLowerCase()),
    eventType: z.enum(SCREEN_EVENT_TYPES),
    deviceId,
    campaignId: z.uuid().transform((id) => id.toLowerCase()),
    version: z.int().min(0).max(2_147_483_647),
    timestamp: epochMs,
    payload: freeObject(most).optional(),
  });

/** `devices/{id}/acks`. */
export const screenEvent = eventWithPayload(65_536);
/** The same of an event that lists what was shown: as large as a message may be. */
export const playLogEvent = eventWithPayload(262_144);

/** `devices/{id}/status`, retained, and the will. */
export const statusMessage = z.object({
  deviceId,
  status: z.enum(SCREEN_STATUSES),
  timestamp: epochMs,
  installed: z
    .array(z.object({ campaignId: z.string().max(128), version: z.int() }))
    .max(1000)
    .optional(),
  clockOffsetMs: z.number().min(-1e12).max(1e12).optional(),
  // Newer players may lack what this server has no word for.
  lacks: z
    .array(z.string().max(64))
    .max(32)
    .transform((lacks) => SCREEN_LACKS.filter((lack) => lacks.includes(lack)))
    .optional(),
  storage: screenStorage.optional(),
  events: z.object({ series: z.string().min(1).max(64), first: z.int().min(0), last: z.int().min(0) }).optional(),
});

export const storedAsset = z.object({ url: z.string(), sha256: z.string(), sizeBytes: z.int(), type: z.string() });
export type StoredAsset = z.infer<typeof storedAsset>;
export const serverTime = z.object({ now: z.int() });
/** What a page of ours needs to reach this server's other ports. */
export const clientConfig = z.object({ apiBaseUrl: z.string(), brokerUrl: z.string(), authOff: z.boolean() });
export type ClientConfig = z.infer<typeof clientConfig>;
