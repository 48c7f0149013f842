import { everyDevice } from '@marquee/contracts';
import { reasonOf } from '../kit/errors.js';

/** The most bytes a payload may have, either way; larger packets are refused. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;

/** What the server listens to: every screen's acknowledgements and presence. */
export const INTAKE_FILTERS: readonly string[] = [everyDevice('acks'), everyDevice('status')];

export interface IncomingMessage {
  topic: string;
  payload: Buffer;
  /** The broker had it in store when we subscribed, so it may be old (MQTT 3.1.1 §3.3.1.3). Never true on the embedded broker. */
  retained: boolean;
  /** Who published, where the broker can say (embedded): the client id. */
  clientId?: string;
}

/**
 * Takes one message. PUBACK for a QoS 1 message is sent only when the returned promise resolved; after a rejection there is
 * none and the message comes again (MQTT 3.1.1 §4.4), so a handler must bear the same message twice. Handlers run side by
 * side: called in order of arrival, acknowledged in the order in which they resolve.
 */
export type MessageHandler = (message: IncomingMessage) => Promise<void>;

/** The screens' MQTT broker, as the server sees it. */
export interface ScreenBroker {
  /**
   * Takes `devices/+/acks` and `devices/+/status` for the handler and starts listening or connecting. Embedded: rejects
   * with a StartError that names MQTT_PORT or MQTT_WS_PORT when the port cannot be had. Outside: resolves although the
   * broker is not reachable yet, and (re)connects by itself.
   */
  start(handler: MessageHandler): Promise<void>;
  /**
   * QoS 1, not retained. Resolves when handed over: embedded, it was written to whoever is subscribed (also to nobody);
   * outside, the broker's PUBACK came. Rejects with PublishFailed when it could not be within its time. `mayStart` is asked once at most, in the
   * turn in which the message is handed over, however long it waited before: with false nothing goes out, and it rejects as not ambiguous.
   */
  publish(topic: string, payload: Buffer, mayStart?: () => boolean): Promise<void>;
  /** Whether publishes can be taken now. */
  readonly connected: boolean;
  /** Calls the listener at every change of `connected`. */
  onConnectionChange(listener: (connected: boolean) => void): void;
  /** Takes no more messages, lets those with the handler end (for 2 s), ends clients, closes ports. Nothing stays open. */
  stop(): Promise<void>;
}

/** A message that was not handed over. */
export class PublishFailed extends Error {
  override readonly name = 'PublishFailed';

  constructor(
    message: string,
    /** It may have gone out all the same: only its acknowledgement is missing. */
    readonly ambiguous: boolean,
  ) {
    super(message);
  }
}

/** What becomes of a message whose gate is closed, or cannot be asked; undefined: it may go out. */
export function refusedBy(mayStart: (() => boolean) | undefined): PublishFailed | undefined {
  try {
    return mayStart === undefined || mayStart() ? undefined : new PublishFailed('it may not start any more', false);
  } catch (error) {
    return new PublishFailed(reasonOf(error), false);
  }
}

/** How long `stop` lets messages end that the handler holds, ms. */
export const DRAIN_MS = 2000;
