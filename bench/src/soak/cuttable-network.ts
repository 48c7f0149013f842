import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** `up` carries; `cut` refuses and resets, as an unplugged cable at the screen; `dark` swallows, as a router that died: nobody is told. */
export type NetworkState = 'up' | 'cut' | 'dark';

/** A way between a screen and its server that can be taken away. TCP on the loopback, byte for byte. */
export class CuttableNetwork {
  private readonly servers: Server[] = [];
  private readonly pairs = new Set<[Socket, Socket]>();
  private current: NetworkState = 'up';

  get state(): NetworkState {
    return this.current;
  }

  /** Opens a way to a port of this machine; answers the port at its other end. */
  async wayTo(port: number): Promise<number> {
    const server = createServer((near) => this.join(near, port));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.servers.push(server);
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    return address.port;
  }

  set(state: NetworkState): void {
    this.current = state;
    for (const [near, far] of this.pairs) {
      if (state === 'dark') {
        near.pause();
        far.pause();
      } else {
        // What stood still in the dark is dead when the light comes back: a router that restarts knows no connection.
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    }
  }

  async close(): Promise<void> {
    this.set('cut');
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  private join(near: Socket, port: number): void {
    near.on('error', () => undefined);
    if (this.current === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    const pair: [Socket, Socket] = [near, far];
    this.pairs.add(pair);
    far.on('error', () => near.destroy());
    const gone = (): void => {
      this.pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on('close', gone);
    far.on('close', gone);
    near.pipe(far);
    far.pipe(near);
    if (this.current === 'dark') {
      near.pause();
      far.pause();
    }
  }
}
