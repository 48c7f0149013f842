import { parseDeviceTopic } from '@marquee/contracts';
import type { Client, PublishPacket } from 'aedes';
import { backoff } from '../kit/backoff.js';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { type IncomingMessage, MAX_PAYLOAD_BYTES, type MessageHandler } from './broker.js';

const WILL_RETRIES = 12;

export interface HeldAcknowledgementsOptions {
  handler: MessageHandler;
  /** Told of each status that a client publishes, its will included, before it is handed over. */
  onStatus?: (client: Client, topic: string, payload: Buffer) => void;
  /** Whether another connection goes by this client id now. */
  replaced: (client: Client) => boolean;
  /** A refused message costs its sender the connection, this long after (ms, half of it random). */
  refusalMs: number;
  log: Log;
}

/**
 * Stands before every message that a client publishes. aedes writes PUBACK as soon as a message is authorised, so the
 * authorisation of an acknowledgement or status is held until the handler has it safe.
 */
export class HeldAcknowledgements {
  private readonly timers = new Set<NodeJS.Timeout>();
  private held = 0;
  private stopped = false;
  private idle: (() => void) | undefined;

  constructor(private readonly options: HeldAcknowledgementsOptions) {}

  /** aedes' `authorizePublish`: `done()` lets the message pass and be acknowledged, `done(error)` ends its client without. */
  authorize(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    if (packet.topic.startsWith('$')) return done(new Error('topics that begin with $ belong to the broker'));
    if (packet.payload.length > MAX_PAYLOAD_BYTES) return done(new Error('payload too large'));
    packet.retain &&= parseDeviceTopic(packet.topic)?.kind === 'status';
    if (!isIntake(packet.topic)) return done();
    // Neither taken nor acknowledged: its sender has it still and sends it again after the restart.
    if (this.stopped) return;
    // Only a will is published for a client that is closed already (MQTT 3.1.1 §3.1.2.5).
    const lastWill = client === null || client.closed;
    const message: IncomingMessage = { topic: packet.topic, payload: toBuffer(packet.payload), retained: false };
    if (client !== null) {
      message.clientId = client.id;
      this.options.onStatus?.(client, message.topic, message.payload);
    }
    void this.hand(message).then((error) => {
      if (error === undefined) return done();
      if (lastWill) return this.repeatWill(client, message, 1, done);
      if (packet.qos === 0) return done();
      this.refuse(error, done);
    });
  }

  /** Gives nothing to the handler any more; resolves when what it holds has ended, or after `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    if (this.held === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async hand(message: IncomingMessage): Promise<Error | undefined> {
    this.held += 1;
    try {
      await this.options.handler(message);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(reasonOf(error));
    } finally {
      this.held -= 1;
      if (this.held === 0) this.idle?.();
    }
  }

  /** Not at once: a database that is away would make every screen reconnect and send in a tight circle. */
  private refuse(error: Error, done: (error: Error) => void): void {
    this.later(this.options.refusalMs * (0.5 + Math.random() / 2), () => done(error));
  }

  /** A will has no sender that could send it again. It is repeated, but not once its client is back: then it is untrue. */
  private repeatWill(client: Client | null, message: IncomingMessage, attempt: number, done: (error?: Error) => void): void {
    this.later(backoff(attempt, { firstMs: this.options.refusalMs, maxMs: 30_000 }), () => {
      if (client !== null && this.options.replaced(client)) return done(new Error('the client is back'));
      void this.hand(message).then((error) => {
        if (error === undefined) return done();
        if (attempt < WILL_RETRIES) return this.repeatWill(client, message, attempt + 1, done);
        this.options.log.warn({ topic: message.topic, reason: error.message }, 'a last will could not be taken');
        done();
      });
    });
  }

  private later(ms: number, then: () => void): void {
    if (this.stopped) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      then();
    }, ms);
    this.timers.add(timer);
  }
}

/** The same topics that `devices/+/acks` and `devices/+/status` match: a bad device id is the handler's to count. */
function isIntake(topic: string): boolean {
  return /^devices\/[^/]*\/(?:acks|status)$/.test(topic);
}

function toBuffer(payload: string | Buffer): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
