/** Claimed deliveries on their way to a consumer. A hint: lost, repeated or late, it costs time and never a delivery. */
export interface BusMessage {
  campaignId: string;
  executionId: string;
  epoch: number;
  claimId: string;
  deliveryIds: string[];
}

/** Calls `started` when all that it will send has started and only results are awaited, if the bus may send it more for that. */
export type BusHandler = (message: BusMessage, started: () => void) => Promise<void>;

/**
 * Whether another message of a campaign can be taken now: `enough`: not before one of its own has ended; `full`: not before one of any
 * campaign has.
 */
export type Room = 'free' | 'enough' | 'full';

/** Carries claims from the dispatcher to consumers. */
export interface Bus {
  /** Hands messages to the handler until `stop`. A handler that throws has dealt with the message: its rows wait for their lease. */
  subscribe(handler: BusHandler): void;
  publish(message: BusMessage): Promise<void>;
  /** Whether a message of this campaign would be taken at once: claim no sooner. */
  room(campaignId: string): Room;
  /** Calls the listener whenever there is room for more. */
  onRoom(listener: () => void): void;
  /** Takes nothing more and resolves when all handlers have ended. */
  stop(): Promise<void>;
}
