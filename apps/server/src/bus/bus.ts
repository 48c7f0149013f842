/** Claimed deliveries on their way to a consumer. A hint: lost, repeated or late, it costs time and never a delivery. */
export interface BusMessage {
  campaignId: string;
  executionId: string;
  epoch: number;
  claimId: string;
  deliveryIds: string[];
}

export type BusHandler = (message: BusMessage) => Promise<void>;

/** Carries claims from the dispatcher to consumers. */
export interface Bus {
  /** Hands messages to the handler until `stop`. A handler that throws has dealt with the message: its rows wait for their lease. */
  subscribe(handler: BusHandler): void;
  publish(message: BusMessage): Promise<void>;
  /** Resolves when another message can be taken at once: claim no sooner. */
  room(): Promise<void>;
  /** Takes nothing more and resolves when all handlers have ended. */
  stop(): Promise<void>;
}
