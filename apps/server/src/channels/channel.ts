import type { ChannelName } from '@marquee/contracts';

/**
 * `safe`: sending again under the same delivery id does no harm, so what ended without a word is simply repeated. Read by the channels, and by
 * whoever decides on sends of workers that are gone.
 */
export const REDELIVERY: Readonly<Record<ChannelName, 'safe' | 'unsafe'>> = {
  // A manifest's id is a function of campaign and version, and a player installs it once.
  screen: 'safe',
  // A receiver is told to treat a key that it has seen as the same message.
  webhook: 'safe',
  // Nothing is sent, so nothing is sent twice.
  null: 'safe',
};

/** One delivery as its channel is asked to send it. */
export interface OutgoingDelivery {
  id: string;
  recipient: string;
  /** Which beginning of it this is, from 1. */
  attempt: number;
  /** How many earlier ones started nothing, and count as none. */
  unstarted: number;
}

/** What the deliveries of one claim have in common. */
export interface OutgoingBatch {
  campaignId: string;
  executionId: string;
  epoch: number;
  deliveryIds: readonly string[];
}

export type SendResult =
  | { outcome: 'SUCCESS' }
  /** Final: the recipient or its address will not take it. */
  | { outcome: 'FAILED'; reason: string }
  /** Worth another attempt. `ambiguous`: it may have been delivered all the same. */
  | { outcome: 'RETRY'; reason: string; afterMs: number; ambiguous: boolean }
  /** The gate was closed: nothing was sent. */
  | { outcome: 'NOT_STARTED' };

/**
 * Asked once for each delivery, right before its first byte is handed over. False: the batch's time is over or its lock is lost;
 * send nothing and answer NOT_STARTED.
 */
export type StartGate = () => boolean;

/** Sends one delivery of the prepared batch. Answers outcomes as values; throwing is taken for an ambiguous failure. */
export type Send = (delivery: OutgoingDelivery, mayStart: StartGate) => Promise<SendResult>;

/** A way to reach recipients. */
export interface Channel {
  readonly name: string;
  /** Its word in REDELIVERY. */
  readonly redelivery: 'safe' | 'unsafe';
  /** Most sends of one process that are under way at once; no more than that are begun. */
  readonly slots: number;
  /** Attempts after which a delivery that keeps failing is FAILED. */
  readonly maxAttempts: number;
  /** Reads what the sends of a batch have in common; undefined when there is nothing to send. */
  prepare(batch: OutgoingBatch): Promise<Send | undefined>;
}
