import { deviceTopic, type ScreenEvent, type StatusMessage } from '@marquee/contracts/player';
import mqtt, { type MqttClient } from 'mqtt';
import { isNews, type Report } from './lacks.js';

const KEEPALIVE_S = 30;
const CONNECT_TIMEOUT_MS = 5_000;
/** Spread, so that a fleet that lost its broker at once does not come back at once; short, so that it is back within seconds. */
const RECONNECT_MIN_MS = 500;
const RECONNECT_SPREAD_MS = 1_500;
/** Larger messages are no message of ours. */
const MAX_MESSAGE_BYTES = 512 * 1024;

export interface LinkTaps {
  /** What the status message says beside device, state and time. */
  report(): Report;
  onManifest(text: string): void;
  onControl(text: string): void;
  /** True once connected and subscribed, false when the connection is gone or could not be made. */
  onConnected(connected: boolean): void;
}

function reconnectPeriod(): number {
  return RECONNECT_MIN_MS + Math.random() * RECONNECT_SPREAD_MS;
}

/**
 * The screen's MQTT connection over WebSocket: MQTT 3.1.1, clean session, QoS 1. The will, offline and retained, is left
 * with the broker (§3.1.2.5); online, retained, is said once both topics are subscribed, so that whoever hears it can
 * offer at once. Comes back by itself, for ever.
 */
export class Link {
  readonly #client: MqttClient;
  /** Undefined until the first attempt has ended. */
  #connected: boolean | undefined;
  #said: Report | undefined;
  /** The number of the last event when it was last looked whether there is news. */
  #lastSeen = 0;

  constructor(
    brokerUrl: string,
    private readonly deviceId: string,
    private readonly taps: LinkTaps,
  ) {
    this.#client = mqtt.connect(brokerUrl, {
      protocolVersion: 4,
      clean: true,
      // One session a device: a connection that died without a word is taken over (§3.1.4-2), not waited for.
      clientId: deviceId,
      keepalive: KEEPALIVE_S,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectPeriod: reconnectPeriod(),
      resubscribe: false,
      will: { topic: deviceTopic(deviceId, 'status'), payload: this.#will(), qos: 1, retain: true },
    });
    this.#client.on('connect', () => this.#subscribe());
    this.#client.on('reconnect', () => {
      // The will's time is that of its own connect.
      if (this.#client.options.will !== undefined) this.#client.options.will.payload = this.#will();
    });
    this.#client.on('close', () => {
      this.#client.options.reconnectPeriod = reconnectPeriod();
      this.#set(false);
    });
    this.#client.on('error', (error) => console.warn('link:', error.message));
    this.#client.on('message', (topic, payload) => this.#hear(topic, payload));
  }

  /** Resolves with the PUBACK; after a lost connection it is sent again by itself once the link is back. */
  async publishEvent(event: ScreenEvent): Promise<void> {
    await this.#client.publishAsync(deviceTopic(this.deviceId, 'acks'), JSON.stringify(event), { qos: 1 });
  }

  /** Says the status anew when it is news; nothing while the screen is not connected. */
  refreshStatus(): void {
    const report = this.taps.report();
    const quiet = report.events.last === this.#lastSeen;
    this.#lastSeen = report.events.last;
    if (this.#connected && this.#said !== undefined && isNews(this.#said, report, quiet)) this.#publishStatus(report);
  }

  #publishStatus(report: Report): void {
    const status: StatusMessage = { deviceId: this.deviceId, status: 'online', timestamp: Date.now(), ...report };
    this.#said = report;
    this.#client
      .publishAsync(deviceTopic(this.deviceId, 'status'), JSON.stringify(status), { qos: 1, retain: true })
      .catch((error: unknown) => console.warn('link: the status was not taken', error));
  }

  #will(): string {
    const offline: StatusMessage = { deviceId: this.deviceId, status: 'offline', timestamp: Date.now() };
    return JSON.stringify(offline);
  }

  #subscribe(): void {
    const topics = [deviceTopic(this.deviceId, 'notifications'), deviceTopic(this.deviceId, 'control')];
    this.#client
      .subscribeAsync(topics, { qos: 1 })
      .then((granted) => {
        // 0x80 is a refusal (§3.9.3).
        if (granted.some(({ qos }) => qos > 2)) throw new Error('the broker refused the subscription');
        this.#set(true);
        this.#publishStatus(this.taps.report());
      })
      .catch((error: unknown) => {
        console.warn('link: not subscribed', error);
        this.#client.stream?.destroy();
      });
  }

  #set(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.taps.onConnected(connected);
  }

  #hear(topic: string, payload: Uint8Array): void {
    if (payload.byteLength > MAX_MESSAGE_BYTES) return;
    const text = new TextDecoder().decode(payload);
    if (topic === deviceTopic(this.deviceId, 'notifications')) this.taps.onManifest(text);
    else if (topic === deviceTopic(this.deviceId, 'control')) this.taps.onControl(text);
  }
}
