import { setTimeout as delay } from 'node:timers/promises';
import { nullContent } from '@marquee/contracts';
import { type Channel, type OutgoingBatch, REDELIVERY, type Send, type SendResult } from './channel.js';

/** Reads a campaign's content; undefined when there is no such campaign. */
export type ContentOf = (campaignId: string) => Promise<unknown>;

/**
 * Sends nothing, to nobody: for rehearsals and measurements. Everything around it is real, so what it costs is what the engine costs.
 * Pretends the latency and the part of failures that the campaign asks for.
 */
export class NullChannel implements Channel {
  readonly name = 'null';
  readonly redelivery = REDELIVERY.null;
  readonly slots = Number.POSITIVE_INFINITY;
  readonly maxAttempts = 1;

  constructor(
    private readonly contentOf: ContentOf,
    private readonly random: () => number = Math.random,
  ) {}

  async prepare({ campaignId }: OutgoingBatch): Promise<Send | undefined> {
    const content = await this.contentOf(campaignId);
    if (content === undefined) return undefined;
    const { latencyMs, failureRate } = nullContent.parse(content);
    const result = (): SendResult =>
      failureRate > 0 && this.random() < failureRate
        ? { outcome: 'FAILED', reason: 'a failure as the rehearsal asked for' }
        : { outcome: 'SUCCESS' };
    return async (_, mayStart) => {
      if (!mayStart()) return { outcome: 'NOT_STARTED' };
      if (latencyMs > 0) await delay(latencyMs);
      return result();
    };
  }
}
