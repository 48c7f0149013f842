import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { parseDeviceTopic } from '@marquee/contracts';
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import { reasonOf } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import { DRAIN_MS, MAX_PAYLOAD_BYTES, type MessageHandler, PublishFailed, refusedBy, type ScreenBroker } from './broker.js';
import { CleanSessions } from './clean-sessions.js';
import { FrameGuard } from './frame-guard.js';
import { HeldAcknowledgements } from './held-acknowledgements.js';
import { LastWords } from './last-words.js';
import { Listeners, type TlsMaterial } from './listeners.js';
import { PacedReading } from './paced-reading.js';

/** A packet is payload, topic, packet id; topics of ours have some 150 bytes. */
const MAX_REMAINING_LENGTH = MAX_PAYLOAD_BYTES + 1024;

export interface EmbeddedBrokerOptions {
  host: string;
  /** MQTT over TCP; 0 takes any free port. */
  port: number;
  /** MQTT over WebSocket; 0 takes any free port. */
  wsPort: number;
  /** Both ports speak TLS with it. */
  tls?: TlsMaterial | undefined;
  log: Log;
  /** After this long a client that reads nothing is cut off, ms. */
  drainTimeoutMs?: number;
  /** A publish that aedes has not finished by then is rejected as ambiguous, ms. */
  publishTimeoutMs?: number;
  /** How long after a refused message its sender is cut off, ms. */
  refusalMs?: number;
}

/** The broker inside the process (aedes): MQTT 3.1.1 over TCP and WebSocket. Every session is a clean one. */
export class EmbeddedBroker implements ScreenBroker {
  private running: { aedes: Aedes; listeners: Listeners; intake: HeldAcknowledgements } | undefined;
  private readonly pacedReading = new PacedReading();
  private readonly clients = new Map<string, Client>();
  private readonly lastWords = new LastWords<Client>();
  private readonly connectionListeners: ((connected: boolean) => void)[] = [];

  constructor(private readonly options: EmbeddedBrokerOptions) {}

  get connected(): boolean {
    return this.running !== undefined;
  }

  /** The ports that are open; 0 where none is. */
  get ports(): { port: number; wsPort: number } {
    return this.running?.listeners.ports ?? { port: 0, wsPort: 0 };
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.connectionListeners.push(listener);
  }

  async start(handler: MessageHandler): Promise<void> {
    const { host, port, wsPort, tls, log, refusalMs = 1000 } = this.options;
    const intake = new HeldAcknowledgements({
      handler,
      refusalMs,
      log,
      replaced: (client) => this.isReplaced(client),
      onStatus: (client, topic, payload) => this.lastWords.note(client, topic, payload),
    });
    const aedes = await Aedes.createBroker(this.aedesOptions(intake));
    this.watch(aedes, intake);
    try {
      const listeners = new Listeners({ host, port, wsPort, tls, accept: (connection) => this.accept(aedes, connection) });
      await listeners.open();
      this.running = { aedes, listeners, intake };
    } catch (error) {
      await new Promise<void>((resolve) => aedes.close(resolve));
      throw error;
    }
    this.tell(true);
  }

  publish(topic: string, payload: Buffer, mayStart?: () => boolean): Promise<void> {
    const { running } = this;
    if (running === undefined) return Promise.reject(new PublishFailed('the broker is not running', false));
    const refused = refusedBy(mayStart);
    if (refused !== undefined) return Promise.reject(refused);
    return new Promise((resolve, reject) => {
      const late = () => reject(new PublishFailed('the broker did not finish in time', true));
      const timer = setTimeout(late, this.options.publishTimeoutMs ?? 15_000);
      running.aedes.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, (error) => {
        clearTimeout(timer);
        if (error) reject(new PublishFailed(reasonOf(error), false));
        else resolve();
      });
    });
  }

  async stop(): Promise<void> {
    if (this.running === undefined) return;
    const { aedes, listeners, intake } = this.running;
    this.running = undefined;
    this.tell(false);
    listeners.refuseNew();
    await intake.stop(DRAIN_MS);
    // The last acknowledgements are corked until the end of this turn.
    await setImmediate();
    await new Promise<void>((resolve) => aedes.close(resolve));
    await listeners.close();
  }

  private aedesOptions(intake: HeldAcknowledgements): ConstructorParameters<typeof Aedes>[0] {
    return {
      // No bound: with one, subscribers that stopped reading hold every slot until they are cut off, and all wait.
      concurrency: 0,
      drainTimeout: this.options.drainTimeoutMs ?? 5000,
      connectTimeout: 10_000,
      // Packets sent ahead of CONNACK (MQTT 3.1.1 §3.1.4).
      queueLimit: 1000,
      // MQTT 3.1 allowed 23 bytes; device ids are longer.
      maxClientsIdLength: 65_535,
      maxTopicLevels: 16,
      persistence: new CleanSessions(),
      preConnect: startCleanSession,
      authorizePublish: (client, packet, done) => intake.authorize(client, packet, done),
    };
  }

  private accept(aedes: Aedes, connection: Duplex): void {
    const guard = new FrameGuard(MAX_REMAINING_LENGTH);
    this.pacedReading.pace(connection);
    aedes.handle(connection);
    // aedes reads on 'readable', and every read is also told by 'data', before it returns.
    connection.on('data', (chunk: Buffer) => {
      if (!connection.destroyed && !guard.admits(chunk)) connection.destroy(new Error('packet too large'));
    });
  }

  private watch(aedes: Aedes, intake: HeldAcknowledgements): void {
    const { log } = this.options;
    aedes.on('client', (client) => this.clients.set(client.id, client));
    aedes.on('clientDisconnect', (client) => {
      if (this.clients.get(client.id) === client) this.clients.delete(client.id);
      for (const topic of this.lastWords.ended(client)) sayOffline(aedes, intake, client, topic);
    });
    aedes.on('clientError', (client, error) => log.debug({ clientId: client.id, reason: error.message }, 'mqtt client cut off'));
    aedes.on('connectionError', (_client, error) => log.debug({ reason: error.message }, 'mqtt connection cut off'));
    aedes.addListener('error', (error: unknown) => log.error({ reason: reasonOf(error) }, 'mqtt broker error'));
  }

  private isReplaced(client: Client): boolean {
    const present = this.clients.get(client.id);
    return present !== undefined && present !== client;
  }

  private tell(connected: boolean): void {
    for (const listener of this.connectionListeners) listener(connected);
  }
}

/** What the will of a client that left a device online would have said, by the way that a will goes. */
function sayOffline(aedes: Aedes, intake: HeldAcknowledgements, client: Client, topic: string): void {
  const deviceId = parseDeviceTopic(topic)?.deviceId;
  const payload = Buffer.from(JSON.stringify({ deviceId, status: 'offline', timestamp: Date.now() }));
  const packet: PublishPacket = { cmd: 'publish', topic, payload, qos: 1, retain: true, dup: false };
  intake.authorize(client, packet, (error) => {
    if (!error) aedes.publish(packet, () => undefined);
  });
}

/** Sessions kept in memory would be gone at a restart and have no bound until then. */
function startCleanSession(_client: Client, packet: ConnectPacket, done: (error: Error | null, success: boolean) => void): void {
  packet.clean = true;
  done(null, true);
}
