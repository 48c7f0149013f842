import { z } from 'zod';
import { deviceId } from './screens.js';
import { DELIVERY_STATES, SCREEN_STATUSES } from './states.js';

/**
 * Every reason for which a campaign is or is not playing on a screen, and what it means. In the order in which they are asked: the first that
 * holds is the reason, the others that hold are told beside it.
 */
export const WHY_REASONS = {
  unknown_screen: 'No screen of this id is registered.',
  revoked: 'The campaign was cancelled, and the screen has confirmed that it took it off.',
  cancelled: 'The campaign was cancelled; the screen has not confirmed it, or never had it.',
  expired: 'The time of the campaign is over.',
  playing: 'The screen is online and has said that it shows the campaign.',
  its_turn_comes: 'The campaign shares the screen with others of its priority, and it is the turn of another one.',
  not_targeted: 'The audience of the campaign does not mean the screen.',
  build_failed: 'The page that screens show could not be built.',
  not_started: 'The campaign starts later.',
  building: 'The page that screens show is being built.',
  waiting_for_dispatch: 'The campaign is built and waits for somebody to dispatch it.',
  paused: 'The campaign is paused, and the screen had not got it before.',
  joining: 'The campaign means the screen, and is about to be given to it.',
  not_sent_yet: 'The delivery waits to be sent, or is being sent.',
  send_failed: 'The delivery was given up.',
  send_unknown: 'Whether the delivery was sent is not known.',
  send_cancelled: 'The delivery was cancelled before it was sent.',
  offline: 'The screen is offline. What it has installed it plays by itself.',
  storage_full: 'The screen says that it has no room for the campaign.',
  not_installed: 'The screen said why it could not install the campaign.',
  not_acknowledged: 'The campaign was handed over, and the screen has not answered yet.',
  older_version: 'The screen has an older version of the campaign.',
  window_closed: 'It is outside of the hours in which the campaign may play.',
  outranked: 'A campaign of higher priority has the screen.',
  missing_assets: 'The screen plays the campaign without an asset that it could not have.',
  clock_off: 'The clock of the screen is too far from the time of the server.',
  should_play: 'All is right as far as known; the screen has not said yet that it shows the campaign.',
} as const;
export type WhyReason = keyof typeof WHY_REASONS;
const CODES = Object.keys(WHY_REASONS) as WhyReason[];

export const whyQuery = z.object({ deviceId });

export const whyView = z.object({
  campaignId: z.uuid(),
  deviceId: z.string(),
  /** True only when the screen is connected and has said that it shows the campaign, and it is no other's turn. */
  playing: z.boolean(),
  reason: z.enum(CODES),
  /** For a person. Times in it are in `facts.timeZone`. */
  sentence: z.string(),
  /** Epoch ms since when the reason holds; null where nobody knows. */
  since: z.int().nullable(),
  /** Epoch ms at which the reason ends or is tried again by itself; null when it does not or nobody knows. */
  next: z.int().nullable(),
  facts: z.object({
    campaign: z.string(),
    version: z.int(),
    /** The version that the screen acknowledged last. */
    heldVersion: z.int().nullable(),
    screenStatus: z.enum(SCREEN_STATUSES).nullable(),
    deliveryId: z.uuid().nullable(),
    deliveryStatus: z.enum(DELIVERY_STATES).nullable(),
    /** Who has the screen at this moment by what is known, when it is another campaign. */
    rival: z.object({ campaignId: z.uuid(), name: z.string(), priority: z.int() }).nullable(),
    timeZone: z.string(),
    /** What else stands in the way or should be known, a sentence each. */
    also: z.array(z.string()),
  }),
});
export type WhyView = z.infer<typeof whyView>;
