import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { IncomingMessage, MessageHandler, ScreenBroker } from '../../broker/broker.js';
import { parseBrokerAddress } from '../../broker/broker-address.js';
import { EmbeddedBroker } from '../../broker/embedded-broker.js';
import { OutsideBroker } from '../../broker/outside-broker.js';
import { silentLog } from '../../kit/log.js';
import { Inbox } from './inbox.js';
import { freePort } from '@marquee/testing';
import { Mosquitto } from './mosquitto.js';

/** One kind of broker under test. Every `start` is another server on the same broker address. */
export class BrokerHarness {
  private readonly screens: MqttClient[] = [];
  private readonly servers: ScreenBroker[] = [];

  private constructor(
    readonly port: number,
    /** Absent where the broker is the server itself. */
    readonly mosquitto: Mosquitto | undefined,
    private readonly create: () => ScreenBroker,
  ) {}

  static async embedded(): Promise<BrokerHarness> {
    const [port, wsPort] = [await freePort(), await freePort()];
    return new BrokerHarness(
      port,
      undefined,
      () => new EmbeddedBroker({ host: '127.0.0.1', port, wsPort, log: silentLog, refusalMs: 20, drainTimeoutMs: 500 }),
    );
  }

  static async outside(program: string): Promise<BrokerHarness> {
    const mosquitto = await Mosquitto.start(program);
    return new BrokerHarness(
      mosquitto.port,
      mosquitto,
      () =>
        new OutsideBroker({
          address: parseBrokerAddress(mosquitto.url),
          clientId: 'intake',
          connections: 2,
          log: silentLog,
          firstRetryMs: 20,
        }),
    );
  }

  /** A server whose broker is connected and takes messages. */
  async start(handler: MessageHandler): Promise<ScreenBroker> {
    const broker = this.create();
    this.servers.push(broker);
    const connected = new Promise<void>((resolve) => broker.onConnectionChange((up) => up && resolve()));
    const greeted = new Inbox<string>();
    await broker.start(async (message: IncomingMessage) => {
      if (!message.topic.startsWith('devices/harness-')) return await handler(message);
      greeted.put(message.topic);
    });
    await connected;
    await this.untilItTakes(greeted);
    return broker;
  }

  /** A screen of mqtt.js, as the player and the simulator are. */
  async screen(options: IClientOptions = {}): Promise<MqttClient> {
    const client = mqtt.connect({ host: '127.0.0.1', port: this.port, reconnectPeriod: 50, ...options });
    client.on('error', () => undefined);
    this.screens.push(client);
    if (!client.connected) await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    return client;
  }

  /** A bare connection, for what no library would send. */
  async socket(): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  async close(): Promise<void> {
    for (const client of this.screens.splice(0)) await client.endAsync(true);
    for (const server of this.servers.splice(0)) await server.stop();
  }

  async remove(): Promise<void> {
    await this.close();
    await this.mosquitto?.remove();
  }

  /** The intake of an outside broker subscribes on a connection of its own: a message shows when it is there. */
  private async untilItTakes(greeted: Inbox<string>): Promise<void> {
    const screen = await this.screen();
    const topic = `devices/harness-${this.servers.length}/acks`;
    const knock = setInterval(() => screen.publish(topic, '', { qos: 1 }), 20);
    await greeted.first((each) => each === topic);
    clearInterval(knock);
    await screen.endAsync(true);
  }
}
