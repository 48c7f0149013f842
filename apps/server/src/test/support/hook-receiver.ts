import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Inbox } from './inbox.js';

export interface HookPost {
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
  /** Epoch ms at which its head was here. */
  at: number;
  socket: Socket;
}

/** What a receiver does with a post: ends the response, or holds or breaks its connection. */
export type Behaviour = (post: HookPost, response: ServerResponse) => void;

export const takes: Behaviour = (_, response) => void response.writeHead(204).end();
export const answers =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_, response) =>
    void response.writeHead(status, headers).end();
export const breaksOff: Behaviour = ({ socket }) => void socket.resetAndDestroy();
export const hangs: Behaviour = () => undefined;

/** A webhook of somebody's that keeps what it is posted, and how many posts and bytes there were. */
export class HookReceiver {
  readonly posts = new Inbox<HookPost>();
  behave: Behaviour = takes;
  /** Posts that were being answered at once, at the most. */
  mostAtOnce = 0;
  /** Connections made so far. */
  connections = 0;
  private atOnce = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((request, response) => {
    const at = Date.now();
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    response.on('close', () => (this.atOnce -= 1));
    void text(request)
      .then((body) => {
        const post = { path: request.url ?? '', headers: request.headers, text: body, at, socket: request.socket };
        this.behave(post, response);
        this.posts.put(post);
      })
      // Who posted went away in the middle.
      .catch(() => undefined);
  });

  static async start(port = 0): Promise<HookReceiver> {
    const receiver = new HookReceiver();
    receiver.server.on('connection', (socket) => {
      receiver.connections += 1;
      receiver.sockets.add(socket);
    });
    receiver.server.listen(port, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** Bytes that came in, over all connections. */
  get bytes(): number {
    return [...this.sockets].reduce((sum, socket) => sum + socket.bytesRead, 0);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
