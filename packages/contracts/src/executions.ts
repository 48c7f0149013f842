import { z } from 'zod';
import { contactAudience, rehearsalAudience, screenAudience } from './audience.js';
import { withChannel } from './create-campaign.js';
import { DELIVERY_STATES, EXECUTION_KINDS, EXECUTION_STATES } from './states.js';

export const executionView = z.object({
  id: z.uuid(),
  campaignId: z.uuid(),
  state: z.enum(EXECUTION_STATES),
  scheduledFor: z.int(),
  startedAt: z.int().nullable(),
  endedAt: z.int().nullable(),
  reason: z.string().nullable(),
  /** Who asked for it: a person, the campaign's start, or its schedule. */
  kind: z.enum(EXECUTION_KINDS),
  /** Starts that were tried; a failed one is tried again. */
  attempts: z.int(),
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
/** The body of pause, resume and retry answers. */
export const paused = z.object({
  paused: z.literal(true),
  epoch: z.int(),
  /** Sends that had started and whose outcome is not known yet. */
  draining: z.int(),
  /** Sessions of workers that were ended by force for it. */
  forced: z.int().optional(),
});
export const resumed = z.object({ resumed: z.literal(true), epoch: z.int(), rewound: z.int() });
export const RETRY_SCOPES = ['failed', 'unknown', 'ids'] as const;
export const retryBody = z
  .strictObject({ scope: z.enum(RETRY_SCOPES), ids: z.array(z.uuid()).min(1).max(10_000).optional() })
  .refine((body) => (body.scope === 'ids') === (body.ids !== undefined), {
    path: ['ids'],
    error: "must be given with scope 'ids', and only then",
  });
export type RetryBody = z.infer<typeof retryBody>;
export const retried = z.object({ retried: z.int(), executionId: z.uuid() });

/** The audience as a campaign of that channel has it; `screen` where none is named. */
export const audienceCountBody = z.preprocess(
  withChannel,
  z.discriminatedUnion(
    'channel',
    [
      z.object({ channel: z.literal('screen'), audience: screenAudience }),
      z.object({ channel: z.literal('webhook'), audience: contactAudience }),
      z.object({ channel: z.literal('null'), audience: rehearsalAudience }),
    ],
    { error: "must be 'screen', 'webhook' or 'null'" },
  ),
);
export type AudienceCountBody = z.infer<typeof audienceCountBody>;
export const audienceCount = z.object({ count: z.int() });

export const deliveryQuery = { status: z.enum(DELIVERY_STATES).optional() };
export const executionQuery = { status: z.enum(EXECUTION_STATES).optional() };
