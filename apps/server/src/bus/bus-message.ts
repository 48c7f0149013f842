import { z } from 'zod';
import { reasonOf } from '../kit/errors.js';
import type { BusMessage } from './bus.js';

/** Largest body that is read: far beyond any batch that can be claimed. */
export const MOST_BYTES = 1_048_576;
/** What of a body is kept with a dead letter. */
export const DEAD_BYTES = 16_384;
/** Most of a reason. */
export const MOST_REASON = 500;
/** How often a message is handed out until it is a dead letter, and the pauses before it comes again. */
export interface BusPatience {
  tries: number;
  again: { firstMs: number; maxMs: number };
}

/** Together longer than a claim’s lease, after which a message is worth nothing. */
export const PATIENCE: BusPatience = { tries: 20, again: { firstMs: 250, maxMs: 10_000 } };
/** Most dead letters that are kept; the oldest go first. */
export const MOST_DEAD = 10_000;

/** The form that is written here. One without a number is of this form, too. */
const VERSION = 1;

const shape = z.object({
  campaignId: z.guid(),
  executionId: z.guid(),
  epoch: z.int().min(0).max(2_147_483_647),
  claimId: z.guid(),
  deliveryIds: z.array(z.guid()).min(1).max(10_000),
});

export function encodeMessage(message: BusMessage): string {
  return JSON.stringify({ v: VERSION, ...message });
}

/** Whatever came off a bus, as a message; or why it is none. */
export function decodeMessage(body: string | Buffer): { message: BusMessage } | { poison: string } {
  const bytes = Buffer.byteLength(body);
  if (bytes > MOST_BYTES) return { poison: `${bytes} bytes, more than the ${MOST_BYTES} of the largest message` };
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch (error) {
    return { poison: `not JSON: ${reasonOf(error)}`.slice(0, MOST_REASON) };
  }
  if (typeof value !== 'object' || value === null) return { poison: 'not an object' };
  const { v = VERSION, deliveryId, ...fields } = value as Record<string, unknown>;
  if (v !== VERSION) return { poison: `of version ${JSON.stringify(v)}, which is not known here`.slice(0, MOST_REASON) };
  const parsed = shape.safeParse(deliveryId === undefined ? fields : { deliveryIds: [deliveryId], ...fields });
  if (parsed.success) return { message: parsed.data };
  const [issue] = parsed.error.issues;
  return { poison: `not a claim: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.slice(0, MOST_REASON) };
}
