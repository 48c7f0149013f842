import { randomUUID } from 'node:crypto';
import { type ControlMessage, deviceTopic, type Manifest, type ScreenEvent, type ScreenEventType } from '@marquee/contracts';
import mqtt, { type MqttClient } from 'mqtt';
import { Inbox } from './inbox.js';

export interface TestScreenOptions {
  /** Answers each manifest with INSTALL_ACK and each revoke with REVOKE_ACK, as a player does. */
  answers?: boolean;
  /** What its first status lists; absent: it does not say. */
  installed?: { campaignId: string; version: number }[];
  /** Says that it is online. False: connected and silent. */
  greets?: boolean;
}

/** A screen on the wire: mqtt.js as the player has it, with every message kept as it came. */
export class TestScreen {
  /** Manifests, and the texts they came as. */
  readonly manifests = new Inbox<Manifest>();
  readonly manifestTexts: string[] = [];
  readonly controls = new Inbox<ControlMessage>();
  readonly controlTexts: string[] = [];

  private constructor(
    readonly deviceId: string,
    private readonly client: MqttClient,
    private readonly answers: boolean,
  ) {}

  /** Connected, subscribed and (unless told otherwise) said to be online. */
  static async connect(url: string, deviceId: string, options: TestScreenOptions = {}): Promise<TestScreen> {
    const { answers = true, installed, greets = true } = options;
    const will = { topic: deviceTopic(deviceId, 'status'), payload: statusOf(deviceId, 'offline'), qos: 1, retain: true } as const;
    const client = mqtt.connect(url, { clientId: `screen-${deviceId}`, clean: true, reconnectPeriod: 50, will: greets ? will : undefined });
    client.on('error', () => undefined);
    const screen = new TestScreen(deviceId, client, answers);
    client.on('message', (topic, payload) => screen.receive(topic, payload));
    if (!client.connected) await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    await screen.subscribe();
    if (greets) {
      await screen.online(installed);
      client.on('connect', () => screen.comeBack());
    }
    return screen;
  }

  /** Resolves when the broker has acknowledged it. */
  async online(installed?: { campaignId: string; version: number }[]): Promise<void> {
    await this.publish('status', statusOf(this.deviceId, 'online', installed), true);
  }

  /** Says an event; resolves with it when the broker has acknowledged it. */
  async say(eventType: ScreenEventType, campaignId: string, more: Partial<ScreenEvent> = {}): Promise<ScreenEvent> {
    const event: ScreenEvent = {
      eventId: randomUUID(),
      eventType,
      deviceId: this.deviceId,
      campaignId,
      version: 1,
      timestamp: Date.now(),
      ...more,
    };
    await this.publish('acks', JSON.stringify(event));
    return event;
  }

  /** Publishes whatever it is told, QoS 1; resolves at the PUBACK. */
  async publish(kind: 'acks' | 'status', payload: string | Buffer, retain = false): Promise<void> {
    await this.client.publishAsync(deviceTopic(this.deviceId, kind), payload, { qos: 1, retain });
  }

  /** How many manifests of a campaign came so far. */
  offersOf(campaignId: string): number {
    return this.manifests.all.filter((manifest) => manifest.campaignId === campaignId).length;
  }

  revokesOf(campaignId: string): number {
    return this.controls.all.filter((message) => message.type === 'revoke' && message.campaignId === campaignId).length;
  }

  /** Goes without a word: its will is published. */
  async vanish(): Promise<void> {
    const gone = new Promise<void>((resolve) => this.client.once('close', () => resolve()));
    this.client.options.reconnectPeriod = 0;
    this.client.stream.destroy();
    await gone;
    await this.client.endAsync(true);
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }

  private receive(topic: string, payload: Buffer): void {
    const text = payload.toString('utf8');
    if (topic === deviceTopic(this.deviceId, 'notifications')) {
      const manifest = JSON.parse(text) as Manifest;
      this.manifestTexts.push(text);
      this.manifests.put(manifest);
      if (this.answers) this.sayLater('INSTALL_ACK', manifest.campaignId, manifest.version);
    } else {
      const control = JSON.parse(text) as ControlMessage;
      this.controlTexts.push(text);
      this.controls.put(control);
      if (this.answers && control.type === 'revoke') this.sayLater('REVOKE_ACK', control.campaignId, 1);
    }
  }

  private async subscribe(): Promise<void> {
    await this.client.subscribeAsync([deviceTopic(this.deviceId, 'notifications'), deviceTopic(this.deviceId, 'control')], { qos: 1 });
  }

  /**
   * Says that it is online whenever it is connected again, as every screen does: its will has said that it is gone, and who is gone is not offered
   * what it missed. The connection may be gone by then: there will be another.
   */
  private comeBack(): void {
    this.subscribe()
      .then(() => this.online())
      .catch(() => undefined);
  }

  /** The connection may be gone by then: the answer is asked for again. */
  private sayLater(eventType: ScreenEventType, campaignId: string, version: number): void {
    this.say(eventType, campaignId, { version }).catch(() => undefined);
  }
}

function statusOf(deviceId: string, status: 'online' | 'offline', installed?: { campaignId: string; version: number }[]): string {
  return JSON.stringify({ deviceId, status, timestamp: Date.now(), ...(installed === undefined ? {} : { installed }) });
}
