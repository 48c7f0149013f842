import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { generate, type IConnackPacket, type IPublishPacket, type ISubackPacket, type Packet, parser } from 'mqtt-packet';
import { reasonOf } from '../kit/errors.js';
import type { BrokerAddress } from './broker-address.js';
import { FrameGuard } from './frame-guard.js';

const CONNACK_REASONS = [
  '',
  'unacceptable protocol version',
  'client id refused',
  'server unavailable',
  'bad user name or password',
  'not authorised',
];
/** Brokers may allow more than we do; beyond this the stream is taken as broken. */
const MAX_REMAINING_LENGTH = 16 * 1024 * 1024;

export interface SubscriberLinkOptions {
  address: BrokerAddress;
  clientId: string;
  filters: readonly string[];
  keepaliveMs: number;
  /** From opening to SUBACK, ms. */
  connectTimeoutMs: number;
  /** Subscribed; messages may have come before (MQTT 3.1.1 §3.8.4). */
  onReady: () => void;
  onMessage: (packet: IPublishPacket) => void;
  /** Called once, whatever the reason. */
  onEnd: (reason: string) => void;
}

/** One connection of the acknowledging subscriber, from CONNECT to its end; it does not come back. */
export class SubscriberLink {
  private readonly socket: Socket;
  private readonly parser = parser({ protocolVersion: 4 });
  private readonly guard = new FrameGuard(MAX_REMAINING_LENGTH);
  private readonly connectTimer: NodeJS.Timeout;
  private readonly pingTimer: NodeJS.Timeout;
  private heardSincePing = true;
  private acknowledged: number[] = [];
  private ended = false;

  constructor(private readonly options: SubscriberLinkOptions) {
    const { host, port, tls } = options.address;
    this.socket = tls
      ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}) }, () => this.greet())
      : connectTcp({ host, port }, () => this.greet());
    this.socket.setNoDelay(true);
    this.connectTimer = setTimeout(() => this.answerIsLate(), options.connectTimeoutMs);
    // Three pings within what the broker allows, which is 1.5 keepalives (MQTT 3.1.1 §3.1.2.10).
    this.pingTimer = setInterval(() => this.ping(), options.keepaliveMs / 2);
    this.parser.on('packet', (packet) => this.take(packet));
    this.parser.on('error', (error) => this.destroy(`the broker sent no MQTT: ${reasonOf(error)}`));
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', (error) => this.destroy(reasonOf(error)));
    this.socket.on('close', () => this.destroy('the broker closed the connection'));
  }

  get open(): boolean {
    return !this.ended;
  }

  /** Sends PUBACK, together with the others of this turn of the event loop. Without effect once the link has ended. */
  acknowledge(messageId: number): void {
    if (this.ended) return;
    this.acknowledged.push(messageId);
    if (this.acknowledged.length === 1) setImmediate(() => this.flush());
  }

  /** Reads no more: the broker keeps what comes until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    if (!this.socket.isPaused()) return;
    this.heardSincePing = true;
    this.socket.resume();
  }

  /** Leaves in good order; the broker keeps the session (clean session 0). */
  async leave(): Promise<void> {
    if (this.ended) return;
    this.flush();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 500);
      this.socket.end(generate({ cmd: 'disconnect' }), () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.destroy('we left');
  }

  destroy(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.connectTimer);
    clearInterval(this.pingTimer);
    this.socket.destroy();
    this.options.onEnd(reason);
  }

  private greet(): void {
    const { clientId, keepaliveMs, address } = this.options;
    this.socket.write(
      generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        // The broker queues for us while we are away (MQTT 3.1.1 §3.1.2.4).
        clean: false,
        clientId,
        keepalive: Math.ceil(keepaliveMs / 1000),
        ...(address.username === undefined ? {} : { username: address.username }),
        ...(address.password === undefined ? {} : { password: Buffer.from(address.password) }),
      }),
    );
  }

  private read(chunk: Buffer): void {
    this.heardSincePing = true;
    if (!this.guard.admits(chunk)) return this.destroy('the broker sent a packet that is too large');
    try {
      this.parser.parse(chunk);
    } catch (error) {
      // Whatever a broker sends, it must not end this process.
      this.destroy(`the broker sent no MQTT: ${reasonOf(error)}`);
    }
  }

  private take(packet: Packet): void {
    if (this.ended) return;
    if (packet.cmd === 'publish') this.options.onMessage(packet);
    else if (packet.cmd === 'connack') this.subscribe(packet);
    else if (packet.cmd === 'suback') this.begin(packet);
  }

  /** At every connection, also when the broker kept the session: its filters may be those of an older version. */
  private subscribe({ returnCode = 0 }: IConnackPacket): void {
    if (returnCode !== 0) return this.destroy(`the broker refuses us: ${CONNACK_REASONS[returnCode] ?? `code ${returnCode}`}`);
    const subscriptions = this.options.filters.map((topic) => ({ topic, qos: 1 as const }));
    this.socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions }));
  }

  private begin({ granted }: ISubackPacket): void {
    // 0x80 is a refusal, and QoS 0 would lose messages (MQTT 3.1.1 §3.9.3).
    const refused = this.options.filters.filter((_, index) => granted[index] !== 1);
    if (refused.length > 0) return this.destroy(`the broker refuses our subscription to ${refused.join(' and ')} with QoS 1`);
    clearTimeout(this.connectTimer);
    this.options.onReady();
  }

  /** Messages of a resumed session come ahead of SUBACK: while we do not read, it may well be there. */
  private answerIsLate(): void {
    if (this.socket.isPaused()) this.connectTimer.refresh();
    else this.destroy('the broker did not answer in time');
  }

  private ping(): void {
    // While we do not read, its answers wait with everything else.
    if (!this.heardSincePing && !this.socket.isPaused()) return this.destroy('the broker fell silent');
    this.heardSincePing = false;
    if (!this.socket.connecting) this.socket.write(generate({ cmd: 'pingreq' }));
  }

  private flush(): void {
    if (this.ended || this.acknowledged.length === 0) return;
    const packets = Buffer.allocUnsafe(this.acknowledged.length * 4);
    for (const [index, messageId] of this.acknowledged.entries()) {
      packets.writeUInt16BE(0x4002, index * 4);
      packets.writeUInt16BE(messageId, index * 4 + 2);
    }
    this.acknowledged = [];
    this.socket.write(packets);
  }
}
