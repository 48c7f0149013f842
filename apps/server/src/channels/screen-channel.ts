import { deviceTopic } from '@marquee/contracts';
import { reasonOf } from '../kit/errors.js';
import { type Channel, type OutgoingBatch, REDELIVERY, type Send, type StartGate } from './channel.js';

/**
 * Publishes QoS 1; rejects when it could not be handed over, `ambiguous` when it may have been. Asks the gate in the turn in which the message goes
 * out, which may be long after the call where others are before it, and rejects when it is closed.
 */
export type Publish = (topic: string, payload: Buffer, mayStart?: StartGate) => Promise<void>;

/** The manifest of a campaign as it is now, or undefined when it has none. */
export type ManifestOf = (campaignId: string) => Promise<Buffer | undefined>;

const RETRY_MS = 1000;

/** Screens: one manifest a screen on its own topic. SUCCESS means handed to the broker, which also answers when nobody listens. */
export class ScreenChannel implements Channel {
  readonly name = 'screen';
  readonly redelivery = REDELIVERY.screen;
  /** The broker takes them as they come, and says when it has too many. */
  readonly slots = Number.POSITIVE_INFINITY;
  /** A broker that is away for long is no reason to give a screen up. */
  readonly maxAttempts = 1000;

  constructor(
    private readonly publish: Publish,
    private readonly manifestOf: ManifestOf,
  ) {}

  async prepare({ campaignId }: Pick<OutgoingBatch, 'campaignId'>): Promise<Send | undefined> {
    const manifest = await this.manifestOf(campaignId);
    if (manifest === undefined) return undefined;
    return async (delivery, mayStart) => {
      let closed = false;
      const gate: StartGate = () => {
        closed = !mayStart();
        return !closed;
      };
      try {
        await this.publish(deviceTopic(delivery.recipient, 'notifications'), manifest, gate);
        return { outcome: 'SUCCESS' };
      } catch (error) {
        if (closed) return { outcome: 'NOT_STARTED' };
        const ambiguous = !(error instanceof Error && 'ambiguous' in error) || error.ambiguous !== false;
        return { outcome: 'RETRY', reason: reasonOf(error), afterMs: RETRY_MS, ambiguous };
      }
    };
  }
}
