import { createHash } from 'node:crypto';
import { parseDeviceTopic } from '@marquee/contracts';
import type { Log } from '../kit/log.js';
import { AcknowledgingSubscriber } from './acknowledging-subscriber.js';
import { DRAIN_MS, INTAKE_FILTERS, type MessageHandler, PublishFailed, type ScreenBroker } from './broker.js';
import type { BrokerAddress } from './broker-address.js';
import { PublishingConnection } from './publishing-connection.js';

/** The one fixed client id of ours: all others are new with each connection. */
const INTAKE_SESSION = 'marquee-intake';

export interface OutsideBrokerOptions {
  /** MQTT_URL, or where it leads. */
  address: BrokerAddress;
  /** MQTT_CONNECTIONS: connections that publish, devices spread over them; one more receives. */
  connections?: number;
  /** Names the session in which the broker keeps acknowledgements while nobody takes them: the same for whoever takes them. */
  clientId?: string;
  /** Whether it takes what screens say from its start on; else it does when `receive` says so. */
  receives?: boolean;
  log: Log;
  /** From a publish to its PUBACK, ms. */
  publishTimeoutMs?: number;
  /** Publishes without PUBACK at once, on each connection. */
  publishWindow?: number;
  /** Messages with the handler at once. */
  intakeWindow?: number;
  /** The first wait before the intake connects again, or tries a refused message again, ms. */
  firstRetryMs?: number;
}

/** A broker that runs elsewhere, such as mosquitto with `deploy/mosquitto.conf`. */
export class OutsideBroker implements ScreenBroker {
  private readonly connections: readonly PublishingConnection[];
  private readonly subscriberFor: (handler: MessageHandler) => AcknowledgingSubscriber;
  private subscriber: AcknowledgingSubscriber | undefined;
  private handler: MessageHandler | undefined;
  private turning: Promise<void> = Promise.resolve();
  private readonly connectionListeners: ((connected: boolean) => void)[] = [];
  private wasConnected = false;
  private stopped = false;

  constructor(private readonly options: OutsideBrokerOptions) {
    const {
      address,
      connections = 1,
      clientId = INTAKE_SESSION,
      log,
      publishTimeoutMs = 10_000,
      publishWindow = 1000,
      intakeWindow = 5000,
      firstRetryMs = 500,
    } = options;
    const onChange = () => this.tell();
    this.connections = Array.from(
      { length: connections },
      () => new PublishingConnection({ address, window: publishWindow, timeoutMs: publishTimeoutMs, log, onChange }),
    );
    this.subscriberFor = (handler) =>
      new AcknowledgingSubscriber({ address, clientId, filters: INTAKE_FILTERS, handler, log, window: intakeWindow, firstRetryMs });
  }

  /** True while every publishing connection is up: a device has its own, so that its messages keep their order. */
  get connected(): boolean {
    return this.connections.every((connection) => connection.connected);
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.connectionListeners.push(listener);
  }

  async start(handler: MessageHandler): Promise<void> {
    this.handler = handler;
    for (const connection of this.connections) connection.open();
    if (this.options.receives !== false) await this.receive(true);
  }

  /**
   * From now on takes what screens say, or leaves it to another process. The broker keeps the session of whoever takes it: what nobody
   * acknowledged goes to the next. Of two that take at the same time the broker cuts one off, again and again. After `stop` it takes nothing
   * any more, whatever is said here.
   */
  receive(on: boolean): Promise<void> {
    this.turning = this.turning.then(async () => {
      const { handler, subscriber } = this;
      if (handler === undefined || on === (subscriber !== undefined) || (on && this.stopped)) return;
      this.subscriber = on ? this.subscriberFor(handler) : undefined;
      this.subscriber?.start();
      await subscriber?.stop(DRAIN_MS);
    });
    return this.turning;
  }

  async publish(topic: string, payload: Buffer, mayStart?: () => boolean): Promise<void> {
    const connection = this.connections[this.placeOf(topic)];
    if (connection === undefined) throw new PublishFailed('there is no connection to publish on', false);
    await connection.publish(topic, payload, mayStart);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all([this.receive(false), ...this.connections.map((connection) => connection.close())]);
  }

  private placeOf(topic: string): number {
    if (this.connections.length < 2) return 0;
    const key = parseDeviceTopic(topic)?.deviceId ?? topic;
    return createHash('sha256').update(key).digest().readUInt32BE(0) % this.connections.length;
  }

  private tell(): void {
    const { connected } = this;
    if (connected === this.wasConnected) return;
    this.wasConnected = connected;
    for (const listener of this.connectionListeners) listener(connected);
  }
}
