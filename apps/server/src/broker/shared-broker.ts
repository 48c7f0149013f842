import { Actor, type OnActorError } from '../kit/actor.js';
import { reasonOf, StartError } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { type MessageHandler, PublishFailed, type ScreenBroker } from './broker.js';
import type { BrokerAddress } from './broker-address.js';
import { EmbeddedBroker } from './embedded-broker.js';
import type { TlsMaterial } from './listeners.js';
import { OutsideBroker } from './outside-broker.js';
import type { BrokerPlace, BrokerSeat, Seated } from './seat.js';

export interface SharedBrokerOptions {
  seat: BrokerSeat;
  /** Which database this process works on: a text that is the same for all that work on the same one. */
  database: () => Promise<string>;
  /** This process may run the broker; else it only joins the one that another runs. */
  mayRun: boolean;
  /** Where it listens when this process is the first. */
  host: string;
  port: number;
  wsPort: number;
  tls?: TlsMaterial | undefined;
  /** Done before the first screen is let in by this process; what it rejects with is tried again. */
  beforeScreens: () => Promise<void>;
  onError: OnActorError;
  log: Log;
}

/** How often a process looks whose the broker is while its connection to it stands, ms. One small file is read. */
const CALM_MS = 1000;
/** … and while it does not: its successor is there about this long after it died. */
const SEEKING_MS = 100;

/** Looks after who runs the broker, turn by turn. */
class Succession extends Actor {
  constructor(
    private readonly look: () => Promise<number>,
    onError: OnActorError,
  ) {
    super('succession of the broker', onError);
  }

  protected override turn(): Promise<number> {
    return this.look();
  }
}

/**
 * The embedded broker of all processes on one DATA_DIR. One of them runs it; the others publish to it as clients. When the process that
 * runs it ends, however it does, one that may run it opens the same ports, and the screens reconnect to it. Whoever runs it
 * takes the screens' messages, and nobody else: an acknowledgement reaches exactly the process that writes it.
 */
export class SharedBroker implements ScreenBroker {
  private running: EmbeddedBroker | undefined;
  private joined: { at: Seated; client: OutsideBroker } | undefined;
  private handler: MessageHandler = () => Promise.resolve();
  private readonly succession: Succession;
  private readonly connectionListeners: ((connected: boolean) => void)[] = [];
  private readonly runListeners: (() => void)[] = [];
  private wasConnected = false;
  private stopped = false;
  private complaint = '';

  constructor(private readonly options: SharedBrokerOptions) {
    this.succession = new Succession(() => this.look(), options.onError);
  }

  get connected(): boolean {
    return this.present?.connected ?? false;
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.connectionListeners.push(listener);
  }

  /** Calls the listener once, when this process begins to run the broker; it does until it is stopped. */
  onRun(listener: () => void): void {
    this.runListeners.push(listener);
  }

  /** Where the broker is as far as is known: where it runs, else where it would. */
  async place(): Promise<BrokerPlace> {
    return (await this.options.seat.holder()) ?? this.joined?.at ?? this.ownPlace();
  }

  /**
   * Runs the broker, or joins the one that runs; one that only joins waits for nobody. Rejects with a StartError that names the setting when
   * the ports cannot be had and no process on this DATA_DIR has them, or when one of another database runs the broker.
   */
  async start(handler: MessageHandler): Promise<void> {
    this.handler = handler;
    await this.look(true);
    this.succession.start();
  }

  publish(topic: string, payload: Buffer, mayStart?: () => boolean): Promise<void> {
    const { present } = this;
    if (present !== undefined) return present.publish(topic, payload, mayStart);
    return Promise.reject(new PublishFailed('no process with the role gateway runs the broker', false));
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    await this.succession.stop();
    await this.present?.stop();
  }

  /** Lets another process run the broker: after `stop`, and once all that was taken is written. */
  leave(): Promise<void> {
    return this.options.seat.leave();
  }

  private get present(): ScreenBroker | undefined {
    return this.running ?? this.joined?.client;
  }

  private ownPlace(): BrokerPlace {
    const { host, port, wsPort, tls } = this.options;
    return { host, port, wsPort, tls: tls !== undefined };
  }

  /** Answers in how many ms to look again. */
  private async look(first = false): Promise<number> {
    if (this.running !== undefined || this.stopped) return CALM_MS;
    const holder = await this.options.seat.holder();
    const stranger = holder !== undefined && (await this.isStranger(holder));
    if (stranger && first) throw new StartError(`${otherDatabase(holder)}: set the same DATABASE_URL, or a DATA_DIR of its own`);
    if (stranger) await this.leaveStranger(holder);
    else if (holder !== undefined) await this.join(holder);
    else if (this.options.mayRun) await this.run(first);
    else this.complain('no process with the role gateway runs the broker on this DATA_DIR: screens are not reached until one does');
    return this.connected ? CALM_MS : SEEKING_MS;
  }

  /** Where the one before listened, since that is where the screens are looking for it. */
  private async run(first: boolean): Promise<void> {
    const { seat, host, tls, log, beforeScreens } = this.options;
    const { port, wsPort } = this.joined?.at ?? this.options;
    const broker = new EmbeddedBroker({ host, port, wsPort, tls, log });
    broker.onConnectionChange(() => this.tell());
    const open = async () => {
      await beforeScreens();
      await broker.start(this.handler);
      return { host, ...broker.ports, tls: tls !== undefined, database: await this.options.database() };
    };
    let taken = false;
    try {
      taken = await seat.take(open);
    } catch (error) {
      if (first || !(error instanceof StartError)) throw error;
      this.complain(`the broker cannot be taken over yet: ${reasonOf(error)}`);
    }
    if (taken) await this.became(broker, first);
    // Somebody was quicker.
    else if (first) await this.look(true);
  }

  private async became(broker: EmbeddedBroker, first: boolean): Promise<void> {
    const before = this.joined?.client;
    this.running = broker;
    this.joined = undefined;
    this.tell();
    if (!first) this.options.log.warn(broker.ports, 'the process that ran the broker is gone; this one runs it now');
    for (const listener of this.runListeners) listener();
    await before?.stop();
  }

  /** Its screens and their words are those of another Marquee. */
  private async isStranger({ database }: Seated): Promise<boolean> {
    return database !== undefined && database !== (await this.options.database());
  }

  private async leaveStranger(holder: Seated): Promise<void> {
    const before = this.joined?.client;
    this.joined = undefined;
    this.complain(`${otherDatabase(holder)}: screens are not reached until that process ends`);
    await before?.stop();
    this.tell();
  }

  private async join(holder: Seated): Promise<void> {
    if (this.joined !== undefined && sameSeat(this.joined.at, holder)) return;
    const { log } = this.options;
    const before = this.joined?.client;
    const client = new OutsideBroker({ address: addressOf(holder), receives: false, log });
    client.onConnectionChange((connected) => {
      this.tell();
      // Whoever ran it may be dead.
      if (!connected) this.succession.wake();
    });
    this.joined = { at: holder, client };
    this.complaint = '';
    await before?.stop();
    await client.start(this.handler);
    log.info({ process: holder.process.pid, port: holder.port }, 'joined the broker of another process on this DATA_DIR');
  }

  /** Once, not at every look. */
  private complain(sentence: string): void {
    if (sentence !== this.complaint) this.options.log.warn(sentence);
    this.complaint = sentence;
  }

  private tell(): void {
    const { connected } = this;
    if (connected === this.wasConnected) return;
    this.wasConnected = connected;
    for (const listener of this.connectionListeners) listener(connected);
  }
}

function otherDatabase({ process }: Seated): string {
  return `process ${process.pid} runs the broker of this DATA_DIR for another database than DATABASE_URL names here`;
}

function sameSeat(one: Seated, other: Seated): boolean {
  return one.process.pid === other.process.pid && one.process.started === other.process.started && one.port === other.port;
}

/** Its certificate names the address that screens know, which loopback is not; nobody is between two processes of one machine. */
function addressOf({ host, port, tls }: BrokerPlace): BrokerAddress {
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: everywhere[host] ?? host, port, tls, unverified: true };
}
