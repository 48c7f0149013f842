import { parseDeviceTopic } from '@marquee/contracts';
import type { IPublishPacket } from 'mqtt-packet';
import { backoff } from '../kit/backoff.js';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import type { IncomingMessage, MessageHandler } from './broker.js';
import type { BrokerAddress } from './broker-address.js';
import { SubscriberLink } from './subscriber-link.js';

export interface AcknowledgingSubscriberOptions {
  address: BrokerAddress;
  /** The same at every start, and of this process alone: the broker keeps the session by it and cuts off a double. */
  clientId: string;
  filters: readonly string[];
  handler: MessageHandler;
  log: Log;
  /** Messages with the handler at once; the broker keeps the others. */
  window?: number;
  keepaliveMs?: number;
  connectTimeoutMs?: number;
  /** The first wait before a connection or a refused message is tried again, ms. */
  firstRetryMs?: number;
}

/** One message on its way through the handler. */
interface Delivery {
  link: SubscriberLink;
  message: IncomingMessage;
  /** Absent for QoS 0, which nobody acknowledges. */
  messageId: number | undefined;
  attempts: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Takes messages from an outside broker and acknowledges each when the handler has it safe, many at once and in the order
 * in which they become safe. (MQTT 3.1.1 §4.6 asks for the order of arrival; brokers match by packet id, and in that order
 * one slow message would hold up thousands.) The session outlives the connection, so the broker queues while we are away
 * and repeats what we did not acknowledge. A refused message is tried again here, after a backoff, so that it holds up
 * no other.
 */
export class AcknowledgingSubscriber {
  private link: SubscriberLink | undefined;
  private reconnectTimer: NodeJS.Timeout | undefined;
  private failures = 0;
  private held = 0;
  private readonly refused = new Map<string, Set<Delivery>>();
  private stopped = false;
  private idle: (() => void) | undefined;
  private lastReason = '';

  constructor(private readonly options: AcknowledgingSubscriberOptions) {}

  /** Connects, and again whenever the connection is lost. */
  start(): void {
    const { address, clientId, filters, keepaliveMs = 30_000, connectTimeoutMs = 10_000, log } = this.options;
    const link: SubscriberLink = new SubscriberLink({
      address,
      clientId,
      filters,
      keepaliveMs,
      connectTimeoutMs,
      onReady: () => {
        this.failures = 0;
        this.lastReason = '';
        log.debug({ clientId }, 'subscribed to acknowledgements');
      },
      onMessage: (packet) => this.take(link, packet),
      onEnd: (reason) => this.lost(link, reason),
    });
    this.link = link;
  }

  /** Takes no more, lets the handler end what it has within `withinMs`, acknowledges that, and leaves. */
  async stop(withinMs: number): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    clearTimeout(this.reconnectTimer);
    this.link?.pause();
    this.forgetRefused(() => true);
    if (this.held > 0) await this.untilIdle(withinMs);
    await this.link?.leave();
  }

  private get window(): number {
    return this.options.window ?? 5000;
  }

  private take(link: SubscriberLink, packet: IPublishPacket): void {
    if (this.stopped) return;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const message = { topic: packet.topic, payload, retained: packet.retain };
    this.supersede(message.topic);
    this.held += 1;
    if (this.held >= this.window) link.pause();
    this.hand({ link, message, messageId: packet.qos > 0 ? packet.messageId : undefined, attempts: 0, timer: undefined });
  }

  private hand(delivery: Delivery): void {
    void this.attempt(delivery).then((error) => {
      if (error === undefined) return this.finish(delivery, true);
      // On another connection the broker sends it again by itself.
      if (this.stopped || !delivery.link.open) return this.finish(delivery, false);
      this.tryAgain(delivery, error);
    });
  }

  private async attempt(delivery: Delivery): Promise<Error | undefined> {
    delivery.attempts += 1;
    try {
      await this.options.handler(delivery.message);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(reasonOf(error));
    }
  }

  private tryAgain(delivery: Delivery, error: Error): void {
    const { topic } = delivery.message;
    this.options.log.debug({ topic, attempt: delivery.attempts, reason: error.message }, 'a message could not be taken');
    const others = this.refused.get(topic) ?? new Set();
    this.refused.set(topic, others.add(delivery));
    delivery.timer = setTimeout(
      () => {
        this.removeRefused(delivery);
        this.hand(delivery);
      },
      backoff(delivery.attempts, { firstMs: this.options.firstRetryMs ?? 500, maxMs: 30_000 }),
    );
  }

  /** A newer status makes older ones untrue: one that still waits to be tried again would be taken as the latest. */
  private supersede(topic: string): void {
    const older = this.refused.get(topic);
    if (older === undefined || parseDeviceTopic(topic)?.kind !== 'status') return;
    for (const delivery of older) {
      this.removeRefused(delivery);
      this.finish(delivery, true);
    }
  }

  private removeRefused(delivery: Delivery): void {
    clearTimeout(delivery.timer);
    const { topic } = delivery.message;
    const others = this.refused.get(topic);
    others?.delete(delivery);
    if (others?.size === 0) this.refused.delete(topic);
  }

  private forgetRefused(which: (delivery: Delivery) => boolean): void {
    for (const deliveries of this.refused.values()) {
      for (const delivery of deliveries) {
        if (!which(delivery)) continue;
        this.removeRefused(delivery);
        this.finish(delivery, false);
      }
    }
  }

  private finish(delivery: Delivery, taken: boolean): void {
    if (taken && delivery.messageId !== undefined) delivery.link.acknowledge(delivery.messageId);
    this.held -= 1;
    if (!this.stopped && this.held <= this.window / 2) this.link?.resume();
    if (this.held === 0) this.idle?.();
  }

  private lost(link: SubscriberLink, reason: string): void {
    if (this.link !== link) return;
    this.link = undefined;
    this.forgetRefused((delivery) => delivery.link === link);
    if (this.stopped) return;
    const { log, address, firstRetryMs = 500 } = this.options;
    if (reason !== this.lastReason) log.warn({ host: address.host, port: address.port, reason }, 'acknowledgements cannot be received');
    this.lastReason = reason;
    this.failures += 1;
    this.reconnectTimer = setTimeout(() => this.start(), backoff(this.failures, { firstMs: firstRetryMs, maxMs: 10_000 }));
  }

  private async untilIdle(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
