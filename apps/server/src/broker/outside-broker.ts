import { createHash } from 'node:crypto';
import { parseDeviceTopic } from '@marquee/contracts';
import type { Log } from '../kit/log.js';
import { AcknowledgingSubscriber } from './acknowledging-subscriber.js';
import { DRAIN_MS, INTAKE_FILTERS, type MessageHandler, PublishFailed, type ScreenBroker } from './broker.js';
import { parseBrokerAddress } from './broker-address.js';
import { PublishingConnection } from './publishing-connection.js';

export interface OutsideBrokerOptions {
  /** MQTT_URL. */
  url: string;
  /** MQTT_CONNECTIONS: connections that publish, devices spread over them; one more receives. */
  connections?: number;
  /**
   * Names the session in which the broker keeps acknowledgements while we are away: the same at every start, another one
   * for each process that takes acknowledgements from this broker.
   */
  clientId: string;
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
  private readonly connectionListeners: ((connected: boolean) => void)[] = [];
  private wasConnected = false;

  /** Throws a StartError when MQTT_URL is none that can be used. */
  constructor(options: OutsideBrokerOptions) {
    const {
      url,
      connections = 1,
      clientId,
      log,
      publishTimeoutMs = 10_000,
      publishWindow = 1000,
      intakeWindow = 5000,
      firstRetryMs = 500,
    } = options;
    const address = parseBrokerAddress(url);
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
    this.subscriber = this.subscriberFor(handler);
    this.subscriber.start();
    for (const connection of this.connections) connection.open();
  }

  async publish(topic: string, payload: Buffer): Promise<void> {
    const connection = this.connections[this.placeOf(topic)];
    if (connection === undefined) throw new PublishFailed('there is no connection to publish on', false);
    await connection.publish(topic, payload);
  }

  async stop(): Promise<void> {
    await Promise.all([this.subscriber?.stop(DRAIN_MS), ...this.connections.map((connection) => connection.close())]);
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
