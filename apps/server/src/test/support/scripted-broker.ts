import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { generate, type Packet, parser } from 'mqtt-packet';
import { Inbox } from './inbox.js';

/** A packet that came in, on which connection (counted from 1). */
export interface Received {
  connection: number;
  packet: Packet;
  /** Sends a packet back on the same connection. */
  reply: (packet: Packet) => void;
  /** Cuts the connection. */
  cut: () => void;
}

/** Stands in for an outside broker whose misbehaviour a real one would not show at will: it does what `answer` says. */
export class ScriptedBroker {
  readonly received = new Inbox<Received>();
  readonly closed = new Inbox<number>();
  private readonly sockets = new Set<Socket>();
  private connections = 0;

  private constructor(
    private readonly server: Server,
    private readonly answer: (received: Received) => void,
  ) {}

  static async start(answer: (received: Received) => void): Promise<ScriptedBroker> {
    const server = createServer();
    const broker = new ScriptedBroker(server, answer);
    server.on('connection', (socket) => broker.accept(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return broker;
  }

  get url(): string {
    const address = this.server.address();
    return `mqtt://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(socket: Socket): void {
    this.connections += 1;
    const connection = this.connections;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.closed.put(connection);
    });
    const reader = parser();
    reader.on('error', () => socket.destroy());
    reader.on('packet', (packet) => {
      const received: Received = {
        connection,
        packet,
        reply: (reply) => {
          if (!socket.destroyed) socket.write(generate(reply));
        },
        cut: () => socket.destroy(),
      };
      this.received.put(received);
      this.answer(received);
    });
    socket.on('data', (chunk) => reader.parse(chunk));
  }
}

/** What any broker does: accepts, grants QoS 1, answers pings. Publishes are left to the script. */
export function politely({ packet, reply }: Received): void {
  if (packet.cmd === 'connect') reply({ cmd: 'connack', returnCode: 0, sessionPresent: false });
  else if (packet.cmd === 'subscribe')
    reply({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: packet.subscriptions.map(() => 1) });
  else if (packet.cmd === 'pingreq') reply({ cmd: 'pingresp' });
}
