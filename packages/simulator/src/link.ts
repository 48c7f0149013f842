import { deviceTopic, type ScreenStatus } from '@marquee/contracts/player';
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt';

/** One SUBSCRIBE names at most so many topics; larger ones made brokers answer late to everybody else. */
const TOPICS_A_SUBSCRIBE = 200;
const STOP_MS = 5000;

export interface LinkOptions {
  broker: string;
  /** Device ids that share this connection. */
  screens: readonly string[];
  /** The connection belongs to one screen, which has a will. */
  own: boolean;
  /** Says whether a screen is switched on. */
  isOn: (deviceId: string) => boolean;
  /** A screen's status message. */
  statusOf: (deviceId: string, status: ScreenStatus) => string;
  /** How long a lost connection waits before it tries again, ms. */
  reconnectMs: number;
  onMessage: (topic: string, payload: Buffer) => void;
  onConnect: () => void;
  onClose: () => void;
  /** An attempt to connect or to subscribe failed; the next follows by itself. */
  onTrouble: (error: Error) => void;
}

interface Unanswered {
  topic: string;
  payload: string;
  accepted: (() => void) | undefined;
  /** Over which it was sent last. */
  connection: number;
}

/**
 * One MQTT 3.1.1 connection for one or many screens: clean session, QoS 1, subscribed before the screens say that they are online, and
 * again after each reconnect. mqtt.js is fast enough as the receiver: 44,000 manifests and as many acknowledgements a second in one
 * process (a thin client on mqtt-packet took half of its processor time, 11 against 22 µs a pair, and was not faster: the broker bounds both).
 */
export class Link {
  /** Resolves when all screens are subscribed and the broker has their status, however many attempts that takes. */
  readonly ready: Promise<void>;
  private readonly client: MqttClient;
  private connected = false;
  /** Counts connections. */
  private connection = 0;
  private readonly unanswered = new Set<Unanswered>();
  /** Packet ids that the broker has not acknowledged. */
  private readonly inFlight = new Set<number>();

  constructor(private readonly options: LinkOptions) {
    // Not with `manualConnect`: a client that is ended before its CONNACK would then come back to life.
    this.client = connect(options.broker, clientOptions(options));
    this.client.on('message', (topic, payload) => options.onMessage(topic, payload));
    this.client.on('error', options.onTrouble);
    this.client.on('close', () => this.closed());
    this.ready = new Promise((resolve) => {
      this.client.on('connect', () => {
        this.connected = true;
        this.connection += 1;
        options.onConnect();
        this.appear().then(resolve, options.onTrouble);
      });
    });
  }

  /** Sends with QoS 1, again after each reconnect until the broker has answered; then calls `accepted`, once. */
  publish(topic: string, payload: string, accepted?: () => void): void {
    const unanswered: Unanswered = { topic, payload, accepted, connection: this.connection };
    this.unanswered.add(unanswered);
    this.send(unanswered);
  }

  /** False while the connection is lost. */
  get isUp(): boolean {
    return this.connected;
  }

  /** Drops the connection without a word, as a screen does that loses power: the broker publishes its will, if it has one. It comes back by itself. */
  cut(): void {
    this.client.stream.destroy();
  }

  /** Says that the screens are offline, then disconnects. Bounded: a broker that does not answer is left after 5 s. */
  async stop(announce: boolean): Promise<void> {
    const said = announce && this.client.connected && (await within(STOP_MS, this.announce('offline')));
    if (said && (await within(STOP_MS, this.client.endAsync()))) return;
    // Once an end has begun another does nothing, not even a forced one.
    if (this.client.disconnecting) this.client.stream.destroy();
    else await this.client.endAsync(true);
  }

  private closed(): void {
    if (!this.connected) {
      this.options.onTrouble(new Error('the connection was closed'));
      return;
    }
    this.connected = false;
    this.forgetFlying();
    this.options.onClose();
  }

  /**
   * Screens that were switched on subscribe and say that they are online; those switched off do what their will would. Does nothing while
   * the connection is lost: each tells as it comes back.
   */
  async turn(screens: readonly string[], on: boolean): Promise<void> {
    if (!this.connected) return;
    if (on) return await this.appear(screens);
    await this.client.unsubscribeAsync(topicsOf(screens));
    // Some may be on again by now, and were subscribed before this was done.
    const { isOn } = this.options;
    await this.announce(
      'offline',
      screens.filter((id) => !isOn(id)),
    );
    await this.appear(screens.filter(isOn));
  }

  private async appear(screens: readonly string[] = this.options.screens): Promise<void> {
    const { isOn } = this.options;
    const on = screens.filter(isOn);
    if (on.length > 0) await this.client.subscribeAsync(topicsOf(on), { qos: 1 });
    await this.announce('online', on.filter(isOn));
    // What an earlier connection left unsaid may say otherwise of those that are off.
    await this.announce(
      'offline',
      screens.filter((id) => !isOn(id)),
    );
    for (const each of [...this.unanswered].filter(({ connection }) => connection < this.connection)) {
      each.connection = this.connection;
      this.send(each);
    }
  }

  private send(unanswered: Unanswered): void {
    this.fly(unanswered.topic, unanswered.payload, false, (error) => {
      if (!error && this.unanswered.delete(unanswered)) unanswered.accepted?.();
    });
  }

  private fly(topic: string, payload: string, retain: boolean, done: (error?: Error) => void): void {
    let id = 0;
    this.client.publish(topic, payload, { qos: 1, retain }, (error) => {
      this.inFlight.delete(id);
      done(error ?? undefined);
    });
    id = this.client.getLastMessageId();
    this.inFlight.add(id);
  }

  /**
   * mqtt.js would send what was in flight again at the next connection, one after the other, each after the acknowledgement of the last, and
   * subscribe only then: with hundreds of events in flight the screens were deaf for ten seconds. What matters is sent again by `appear`.
   */
  private forgetFlying(): void {
    const ids = [...this.inFlight];
    this.inFlight.clear();
    for (const id of ids) this.client.removeOutgoingMessage(id);
  }

  private async announce(status: ScreenStatus, screens: readonly string[] = this.options.screens): Promise<void> {
    const { statusOf } = this.options;
    await Promise.all(
      screens.map(
        (id) =>
          new Promise<void>((resolve, reject) => {
            this.fly(deviceTopic(id, 'status'), statusOf(id, status), true, (error) => (error === undefined ? resolve() : reject(error)));
          }),
      ),
    );
  }
}

function topicsOf(screens: readonly string[]): string[] {
  return screens.flatMap((id) => [deviceTopic(id, 'notifications'), deviceTopic(id, 'control')]);
}

/** Leaves the retained status `offline` for screens that are switched off. */
export async function announceAbsent(broker: string, screens: readonly string[]): Promise<void> {
  const client = await connectAsync(broker, { protocolVersion: 4, clean: true, reconnectPeriod: 0, connectTimeout: 10_000 });
  await Promise.all(screens.map((id) => client.publishAsync(deviceTopic(id, 'status'), offlineStatus(id), { qos: 1, retain: true })));
  await client.endAsync();
}

function offlineStatus(deviceId: string): string {
  return JSON.stringify({ deviceId, status: 'offline', timestamp: Date.now() });
}

function clientOptions({ screens, own, reconnectMs, statusOf }: LinkOptions): IClientOptions {
  const [first = ''] = screens;
  const common: IClientOptions = {
    protocolVersion: 4,
    clean: true,
    keepalive: 30,
    reschedulePings: true,
    connectTimeout: 10_000,
    reconnectPeriod: reconnectMs,
    resubscribe: false,
    subscribeBatchSize: TOPICS_A_SUBSCRIBE,
    clientId: own ? first : `fleet-${process.pid}-${first}`,
  };
  if (!own) return common;
  return {
    ...common,
    will: { topic: deviceTopic(first, 'status'), payload: Buffer.from(statusOf(first, 'offline')), qos: 1, retain: true },
  };
}

/** True when the work was done in time and without an error. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = work.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
