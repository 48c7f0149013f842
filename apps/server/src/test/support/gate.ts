import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '@marquee/testing';

/** A door on the way to a TCP server: shut, it cuts who is through and refuses who comes, as a server that went away does. */
export class Gate {
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  private constructor(
    private readonly to: { host: string; port: number },
    /** On loopback; stays the same, and nobody else is given it while the gate is shut. */
    readonly port: number,
  ) {}

  static async before(host: string, port: number): Promise<Gate> {
    const gate = new Gate({ host, port }, await freePort());
    await gate.open();
    return gate;
  }

  async open(): Promise<void> {
    const server = createServer((socket) => this.pass(socket));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.server = server;
  }

  async shut(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(server, 'close');
  }

  private pass(socket: Socket): void {
    const onward = connect(this.to.port, this.to.host);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
