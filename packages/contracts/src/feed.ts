import { z } from 'zod';
import { clickCounts } from './clicks.js';
import { CAMPAIGN_STATUSES, DELIVERY_STATES } from './states.js';

/** What may become of a delivery, as the live feed names it. */
export const FEED_OUTCOMES = [
  ...DELIVERY_STATES,
  'REJECTED_STALE',
  'ACKNOWLEDGED',
  'INSTALL_FAILED',
  'ON_AIR',
  'OFF_AIR',
  'REVOKED',
] as const;
export type FeedOutcome = (typeof FEED_OUTCOMES)[number];

/** An unnamed SSE message: one delivery. */
export const feedDelivery = z.object({
  campaignId: z.uuid(),
  deliveryId: z.uuid(),
  outcome: z.enum(FEED_OUTCOMES),
  epoch: z.int(),
  ts: z.int(),
});
export type FeedDelivery = z.infer<typeof feedDelivery>;

/** `event: summary`: what the flow was too heavy to say one by one, of one epoch. */
export const feedSummary = z.object({
  campaignId: z.uuid(),
  counts: z.partialRecord(z.enum(FEED_OUTCOMES), z.int()),
  epoch: z.int(),
  ts: z.int(),
});
export type FeedSummary = z.infer<typeof feedSummary>;

/** `event: campaign`: a campaign changed its status, or was paused or resumed; `paused` and `epoch` are there when that changed. */
export const feedCampaign = z.object({
  campaignId: z.uuid(),
  status: z.enum(CAMPAIGN_STATUSES),
  paused: z.boolean().optional(),
  epoch: z.int().optional(),
  ts: z.int(),
});
export type FeedCampaign = z.infer<typeof feedCampaign>;

/** `event: alerts`: an outage, a notice, a rule or a snooze changed; only on the stream of all campaigns. */
export const feedAlerts = z.object({ ts: z.int() });
export type FeedAlerts = z.infer<typeof feedAlerts>;

/** `event: clicks`: how many clicks were counted since the one before, of some campaigns by name; only on the stream of all campaigns. */
export const feedClicks = z.object({
  ...clickCounts,
  /** Of the campaigns with the most. Clicks of others, or of none, are in the counts above. */
  campaigns: z.array(z.object({ campaignId: z.uuid(), ...clickCounts })),
  ts: z.int(),
});
export type FeedClicks = z.infer<typeof feedClicks>;

/** `event: reset`: events were missed for good; read the state anew. */
export const FEED_EVENTS = {
  delivery: 'message',
  summary: 'summary',
  campaign: 'campaign',
  alerts: 'alerts',
  clicks: 'clicks',
  reset: 'reset',
} as const;
