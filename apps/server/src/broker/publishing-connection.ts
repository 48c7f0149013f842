import mqtt, { type MqttClient, Store } from 'mqtt';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { PublishFailed, refusedBy } from './broker.js';
import type { BrokerAddress } from './broker-address.js';

export interface PublishingConnectionOptions {
  address: BrokerAddress;
  /** Publishes without PUBACK at once; further ones wait their turn. */
  window: number;
  /** From the call to PUBACK, ms. */
  timeoutMs: number;
  log: Log;
  onChange: () => void;
}

interface Publish {
  topic: string;
  payload: Buffer;
  mayStart: (() => boolean) | undefined;
  sent: boolean;
  settle: (error?: PublishFailed) => void;
}

/**
 * Keeps nothing: what was in flight when a connection broke is reported as ambiguous, and must not go out by itself when
 * the connection is back, after a pause or a cancel perhaps.
 */
class ForgetfulStore extends Store {
  override put(...[, done]: Parameters<Store['put']>): this {
    done();
    return this;
  }

  override del(...[, done]: Parameters<Store['del']>): this {
    done();
    return this;
  }
}

/** One connection that publishes to an outside broker, and comes back by itself. */
export class PublishingConnection {
  private client: MqttClient | undefined;
  private isConnected = false;
  private readonly waiting = new Set<Publish>();
  private readonly inFlight = new Set<Publish>();

  constructor(private readonly options: PublishingConnectionOptions) {}

  get connected(): boolean {
    return this.isConnected;
  }

  open(): void {
    const { host, port, tls, username, password, unverified = false } = this.options.address;
    const client = mqtt.connect({
      protocol: tls ? 'mqtts' : 'mqtt',
      host,
      port,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(unverified ? { rejectUnauthorized: false } : {}),
      clean: true,
      keepalive: 30,
      reschedulePings: true,
      reconnectPeriod: 1000,
      reconnectOnConnackError: true,
      connectTimeout: 10_000,
      queueQoSZero: false,
      outgoingStore: new ForgetfulStore(),
    });
    this.client = client;
    let lastReason = '';
    client.on('error', (error) => {
      const reason = reasonOf(error);
      if (reason !== lastReason) this.options.log.warn({ host, port, reason }, 'the MQTT broker cannot be reached');
      lastReason = reason;
    });
    client.on('connect', () => {
      lastReason = '';
      this.change(true);
    });
    client.on('close', () => this.lose());
  }

  /** Asks `mayStart` when the message's turn has come, right before it goes to the socket. */
  publish(topic: string, payload: Buffer, mayStart?: () => boolean): Promise<void> {
    if (!this.isConnected) return Promise.reject(new PublishFailed('the MQTT broker is not connected', false));
    return new Promise((resolve, reject) => {
      const publish: Publish = {
        topic,
        payload,
        mayStart,
        sent: false,
        settle: (error) => this.settled(publish, timer, error, resolve, reject),
      };
      const timer = setTimeout(() => this.expire(publish), this.options.timeoutMs);
      this.waiting.add(publish);
      this.pump();
    });
  }

  async close(): Promise<void> {
    const { client } = this;
    if (client === undefined) return;
    this.client = undefined;
    // Once a clean DISCONNECT has gone; a broker that does not answer is not waited for.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => client.end(true, {}, () => resolve()), 1000);
      client.end(!this.isConnected || this.inFlight.size > 0, {}, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.lose();
  }

  private settled(
    publish: Publish,
    timer: NodeJS.Timeout,
    error: PublishFailed | undefined,
    resolve: () => void,
    reject: (error: Error) => void,
  ): void {
    clearTimeout(timer);
    this.waiting.delete(publish);
    if (error === undefined) resolve();
    else reject(error);
  }

  private pump(): void {
    const { client } = this;
    if (client === undefined || !this.isConnected) return;
    for (const publish of this.waiting) {
      if (this.inFlight.size >= this.options.window) return;
      this.waiting.delete(publish);
      const refused = refusedBy(publish.mayStart);
      if (refused !== undefined) {
        publish.settle(refused);
        continue;
      }
      this.inFlight.add(publish);
      publish.sent = true;
      client.publish(publish.topic, publish.payload, { qos: 1 }, (error) => this.answered(publish, error));
    }
  }

  private answered(publish: Publish, error: unknown): void {
    this.inFlight.delete(publish);
    publish.settle(error === undefined || error === null ? undefined : new PublishFailed(reasonOf(error), true));
    this.pump();
  }

  /** Its place in the window stays taken until PUBACK or the end of the connection: the broker still owes the answer. */
  private expire(publish: Publish): void {
    publish.settle(new PublishFailed('the MQTT broker did not acknowledge in time', publish.sent));
  }

  private lose(): void {
    const lost = [...this.inFlight, ...this.waiting];
    this.inFlight.clear();
    this.waiting.clear();
    this.change(false);
    for (const publish of lost) publish.settle(new PublishFailed('the connection to the MQTT broker broke', publish.sent));
  }

  private change(connected: boolean): void {
    if (connected === this.isConnected) return;
    this.isConnected = connected;
    this.options.onChange();
  }
}
