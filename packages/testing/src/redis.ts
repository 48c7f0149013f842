import { Daemon, type DaemonSpec, daemonFolder } from './daemon.js';
import { freePort } from './free-port.js';
import { findProgram } from './programs.js';
import { requireOrSkip } from './require.js';

const find = (): string | undefined => findProgram('redis-server');

/** The machine's redis-server, or undefined: then skip. With `REQUIRE_ALL=1` it throws. */
export function redisOrSkip(): string | undefined {
  return requireOrSkip(find(), 'redis-server');
}

/** A Redis of the test's own, with its append-only file: after a kill it has what it had answered. */
export class RedisServer extends Daemon {
  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await daemonFolder('redis'), await freePort());
    await server.run();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  protected override spec(): DaemonSpec {
    const options = { port: String(this.port), bind: '127.0.0.1', dir: this.folder, save: '', appendonly: 'yes', daemonize: 'no' };
    return { program: find() ?? 'redis-server', args: Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]) };
  }

  protected override greeting(): string {
    return 'PING\r\n';
  }
}
