import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between a client and a server, and is a network that fails in the ways that networks do. */
export class PassingProxy {
  /** Connections that came while it was silent. */
  silent = 0;
  private how: 'passes' | 'refuses' | 'silent' = 'passes';
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
  ) {}

  static async start(url: string): Promise<PassingProxy> {
    // Else a client's goodbye would be answered while it is silent.
    const server = createServer({ allowHalfOpen: true });
    const proxy = new PassingProxy(server, new URL(url));
    server.on('connection', (socket) => proxy.accept(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** The server's URL, by way of this. */
  get url(): string {
    const address = this.server.address();
    const url = new URL(this.target);
    url.host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    return url.href;
  }

  pass(): void {
    this.how = 'passes';
  }

  /** Cuts every connection, and each that comes. */
  refuse(): void {
    this.how = 'refuses';
    for (const socket of this.sockets) socket.destroy();
  }

  /** Accepts, and lets no byte through any more, either way. */
  silence(): void {
    this.how = 'silent';
  }

  async stop(): Promise<void> {
    this.refuse();
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(socket: Socket): void {
    this.keep(socket);
    if (this.how === 'refuses') return void socket.destroy();
    if (this.how === 'silent') {
      this.silent += 1;
      return void socket.resume();
    }
    const upstream = connect({ port: Number(this.target.port), host: this.target.hostname, allowHalfOpen: true });
    this.keep(upstream);
    this.join(socket, upstream);
    this.join(upstream, socket);
  }

  private join(from: Socket, to: Socket): void {
    from.on('data', (chunk) => {
      if (this.how !== 'silent') to.write(chunk);
    });
    from.on('end', () => {
      if (this.how !== 'silent') to.end();
    });
    from.on('close', () => {
      if (this.how !== 'silent') to.destroy();
    });
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}
