import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { errorCode, reasonOf, StartError } from '../kit/errors.js';

/**
 * What is read of a connection at once. Its next part is read when all of this one is acknowledged, so it bounds what one
 * connection can have waiting for the handler: with batches of 50 ms a single connection carries 5,600 acknowledgements
 * a second at 64 kB and 19,000 at this.
 */
const BUFFER_BYTES = 256 * 1024;

/** Certificate and key, PEM. */
export interface TlsMaterial {
  cert: string | Buffer;
  key: string | Buffer;
}

export interface ListenersOptions {
  host: string;
  /** MQTT over TCP (TLS); 0 takes any free port. */
  port: number;
  /** MQTT over WebSocket, on any path; 0 takes any free port. */
  wsPort: number;
  tls?: TlsMaterial | undefined;
  /** Takes each connection, as a stream of MQTT bytes. */
  accept: (connection: Duplex) => void;
}

/** The two ports that screens connect to. */
export class Listeners {
  private readonly sockets = new Set<Socket>();
  private readonly tcp: Server;
  private readonly http: Server;
  private readonly webSockets: WebSocketServer;

  /** Throws a StartError when the certificate or the key cannot be used. */
  constructor(private readonly options: ListenersOptions) {
    const { accept, tls } = options;
    const onSocket = (socket: Socket) => {
      socket.setNoDelay(true);
      accept(socket);
    };
    [this.tcp, this.http] = tls === undefined ? plainServers(onSocket) : tlsServers(tls, onSocket);
    this.webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      // A message may hold many packets (MQTT 3.1.1 §6.0); their own size is bounded elsewhere.
      maxPayload: 1024 * 1024,
      handleProtocols: (offered) => ['mqtt', 'mqttv3.1'].find((name) => offered.has(name)) ?? false,
    });
    this.http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) => accept(streamOf(webSocket)));
    });
    for (const server of [this.tcp, this.http]) server.on('connection', (socket: Socket) => this.track(socket));
  }

  /** Opens both ports or none. Rejects with a StartError that names the setting. */
  async open(): Promise<void> {
    try {
      await listen(this.tcp, this.options.host, this.options.port, 'MQTT_PORT');
      await listen(this.http, this.options.host, this.options.wsPort, 'MQTT_WS_PORT');
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  get ports(): { port: number; wsPort: number } {
    return { port: portOf(this.tcp), wsPort: portOf(this.http) };
  }

  /** No new connections; those that are open stay. */
  refuseNew(): void {
    for (const server of [this.tcp, this.http]) if (server.listening) server.close();
  }

  /** Cuts every connection and closes the ports. */
  async close(): Promise<void> {
    const closed = [this.tcp, this.http].map(
      (server) => new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
    );
    for (const socket of this.sockets) socket.destroy();
    await Promise.all([...closed, new Promise<void>((resolve) => this.webSockets.close(() => resolve()))]);
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    // For clients without an MQTT keepalive: a peer that vanished would be kept for ever.
    socket.setKeepAlive(true, 60_000);
    socket.once('close', () => this.sockets.delete(socket));
  }
}

/** As a stream of bytes. What was written in one turn of the event loop goes out as one frame, not five for each packet. */
function streamOf(webSocket: WebSocket): Duplex {
  return createWebSocketStream(webSocket, {
    highWaterMark: BUFFER_BYTES,
    writev: (chunks, done) => webSocket.send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done),
  });
}

const onlyWebSockets: RequestListener = (_request, response) => {
  response.writeHead(426, { Connection: 'Upgrade', Upgrade: 'websocket', 'Content-Type': 'text/plain' });
  response.end('MQTT over WebSocket is spoken here.\n');
};

type OnSocket = (socket: Socket) => void;

function plainServers(onSocket: OnSocket): [Server, Server] {
  return [createServer({ highWaterMark: BUFFER_BYTES }, onSocket), createHttpServer(onlyWebSockets)];
}

function tlsServers(tls: TlsMaterial, onSocket: OnSocket): [Server, Server] {
  try {
    return [createTlsServer({ ...tls, highWaterMark: BUFFER_BYTES }, onSocket), createHttpsServer({ ...tls }, onlyWebSockets)];
  } catch (error) {
    throw new StartError(`TLS_CERT and TLS_KEY cannot be used: ${reasonOf(error)}.`);
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function listen(server: Server, host: string, port: number, setting: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error) => reject(new StartError(whyNot(error, host, port, setting)));
    server.once('error', onError);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', onError);
      // Running out of file descriptors refuses a connection; it must not end the process.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

function whyNot(error: unknown, host: string, port: number, setting: string): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return `Port ${port} is taken: set ${setting} to a free port, or stop what listens there.`;
    case 'EACCES':
      return `Port ${port} may not be opened by this user: set ${setting} to a port above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${setting} ${port} cannot be opened on ${host}, which is no address of this machine: check HOST.`;
    default:
      return `${setting} ${port} cannot be opened: ${reasonOf(error)}.`;
  }
}
