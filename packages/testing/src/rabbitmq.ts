import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Daemon, type DaemonSpec, daemonFolder } from './daemon.js';
import { freePort } from './free-port.js';
import { findProgram } from './programs.js';
import { requireOrSkip } from './require.js';

/** The package's own scripts: the wrappers along PATH become another user, who may not read the test's folder. */
const SCRIPTS = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/sbin', '/usr/local/sbin'];
const script = (name: string): string | undefined => findProgram(...SCRIPTS.map((folder) => `${folder}/${name}`));

/** The machine's rabbitmq-server, or undefined: then skip. With `REQUIRE_ALL=1` it throws. */
export function rabbitmqOrSkip(): string | undefined {
  return requireOrSkip(script('rabbitmq-server'), 'rabbitmq-server');
}

/** A RabbitMQ of the test's own, with a name server of its own. Takes about 10 s to start, on a busy machine far longer. */
export class RabbitServer extends Daemon {
  private names: ChildProcess | undefined;

  private constructor(
    folder: string,
    port: number,
    private readonly distributionPort: number,
    private readonly namesPort: number,
  ) {
    super(folder, port);
  }

  static async start(): Promise<RabbitServer> {
    const folder = await daemonFolder('rabbitmq');
    await mkdir(join(folder, 'mnesia'));
    await mkdir(join(folder, 'log'));
    await writeFile(join(folder, 'plugins'), '[].');
    // What the tests publish is small; a full disk of the machine's is not what they are about.
    await writeFile(join(folder, 'rabbitmq.conf'), 'disk_free_limit.absolute = 1MB\n');
    await writeFile(join(folder, '.erlang.cookie'), 'marqueetests');
    await chmod(join(folder, '.erlang.cookie'), 0o400);
    const server = new RabbitServer(folder, await freePort(), await freePort(), await freePort());
    await server.run();
    return server;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}`;
  }

  override async run(): Promise<void> {
    if (this.names === undefined) {
      this.names = spawn('epmd', ['-port', String(this.namesPort), '-address', '127.0.0.1'], { stdio: 'ignore' });
      await once(this.names, 'spawn');
    }
    await super.run();
  }

  override async remove(): Promise<void> {
    await super.remove();
    const { names } = this;
    this.names = undefined;
    if (names === undefined || names.exitCode !== null) return;
    const gone = once(names, 'exit');
    names.kill('SIGKILL');
    await gone;
  }

  /** While it is on, the server reads nothing from a connection that publishes, and says so to it (connection.blocked). */
  async memoryAlarm(on: boolean): Promise<void> {
    await this.control('set_vm_memory_high_watermark', on ? '0' : '0.4');
  }

  /** Runs rabbitmqctl; answers what it printed. Takes a second or two. */
  async control(...args: string[]): Promise<string> {
    const program = script('rabbitmqctl') ?? 'rabbitmqctl';
    const { stdout } = await promisify(execFile)(program, args, { env: { PATH: process.env['PATH'], ...this.environment() } });
    return stdout;
  }

  protected override spec(): DaemonSpec {
    return { program: script('rabbitmq-server') ?? 'rabbitmq-server', args: [], env: this.environment() };
  }

  protected override greeting(): string {
    return 'AMQP\u0000\u0000\u0009\u0001';
  }

  private get node(): string {
    return `marquee${this.port}@localhost`;
  }

  private environment(): Record<string, string> {
    return {
      HOME: this.folder,
      LANG: 'C.UTF-8',
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(this.namesPort),
      RABBITMQ_NODENAME: this.node,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(this.port),
      RABBITMQ_DIST_PORT: String(this.distributionPort),
      RABBITMQ_MNESIA_BASE: join(this.folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(this.folder, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(this.folder, 'plugins'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: join(this.folder, 'rabbitmq.conf'),
      // Its schedulers wait by spinning, which on a small machine is time taken from what is tested.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
    };
  }
}
