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

/** Takes claims from the dispatcher on their way to consumers. */
export interface Bus {
  /** Resolves when the bus has taken it on. What becomes of it afterwards is the bus' to see to: nobody hears of it again. */
  publish(message: BusMessage): Promise<void>;
  /** Whether a message of this campaign would be taken at once: claim no sooner. */
  room(campaignId: string): Room;
  /** Calls the listener whenever there is room for more. */
  onRoom(listener: () => void): void;
}

/**
 * The ways through an outside bus: what keeps a rate waits for its moments on one of its own, where it takes no room from what only waits
 * for room.
 */
export const LANES = ['plain', 'paced'] as const;
export type Lane = (typeof LANES)[number];

/** How many messages wait for a consumer, and how many are dead letters. */
export interface BusDepths {
  waiting: number;
  dead: number;
}

export interface BusMetrics {
  /**
   * `published`: the bus has it. `unpublished`: perhaps it has it, perhaps not. `done`: a handler dealt with it. `again`: one could not, and
   * it comes again. `dead`: it went to the dead letters.
   */
  message(result: 'published' | 'unpublished' | 'done' | 'again' | 'dead'): void;
}

/**
 * A bus between processes, by which those who claim reach those who send: at least once, in no order that anybody may rely on. Several
 * consumers of a lane share its messages. It keeps trying to connect for as long as it is open, and says in the log when it is cut off and
 * when it is there again, a line each.
 */
export interface OutsideBus {
  readonly kind: 'rabbitmq' | 'redis';
  /** False while a publish would fail at once. */
  readonly connected: boolean;
  /** Resolves when the bus keeps the message. Rejects, within some seconds, when that is not certain: it may come all the same. */
  publish(lane: Lane, message: BusMessage): Promise<void>;
  /**
   * Hands messages to the handler until it is stopped, at most `prefetch` at a time; one is out until the handler has resolved or called
   * `started`, and then it is gone. When the handler rejects, or whoever has the message goes away, it comes again, to any consumer; after
   * some tries, or when it cannot be read, it goes to the dead letters with its reason. A bus that lost the connection meanwhile may hand out
   * again what is still being handled. `stop` resolves when all handlers have ended; what was not begun is the bus' again.
   */
  consume(lane: Lane, prefetch: number, handler: BusHandler): { stop(): Promise<void> };
  /** Rejects when it cannot be told now. */
  depths(): Promise<BusDepths>;
  onConnectionChange(listener: (connected: boolean) => void): void;
  /** Stops what consumes, and closes. */
  close(): Promise<void>;
}
