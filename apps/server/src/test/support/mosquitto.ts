import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@marquee/testing';

const SHIPPED = fileURLToPath(new URL('../../../../../deploy/mosquitto.conf', import.meta.url));

/** A mosquitto of the test's own, on free loopback ports, with the project's deploy/mosquitto.conf. */
export class Mosquitto {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly program: string,
    private readonly folder: string,
    readonly port: number,
  ) {}

  static async start(program: string): Promise<Mosquitto> {
    const folder = await mkdtemp(join(tmpdir(), 'marquee-mosquitto-'));
    // Started as root it becomes another user before it writes.
    await chmod(folder, 0o777);
    const [port, wsPort] = [await freePort(), await freePort()];
    const shipped = await readFile(SHIPPED, 'utf8');
    const replacements: [string, string][] = [
      ['listener 1883', `listener ${port} 127.0.0.1`],
      ['listener 9001', `listener ${wsPort} 127.0.0.1`],
      ['persistence_location /var/lib/mosquitto/', `persistence_location ${folder}/`],
    ];
    const text = replacements.reduce((conf, [from, to]) => {
      if (!conf.includes(from)) throw new Error(`deploy/mosquitto.conf has no line "${from}"`);
      return conf.replace(from, to);
    }, shipped);
    await writeFile(join(folder, 'mosquitto.conf'), text);
    const mosquitto = new Mosquitto(program, folder, port);
    await mosquitto.run();
    return mosquitto;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async run(): Promise<void> {
    const child = spawn(this.program, ['-c', join(this.folder, 'mosquitto.conf')], { stdio: 'ignore' });
    this.child = child;
    while (!(await accepts(this.port))) {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** SIGTERM keeps its sessions, SIGKILL loses them. */
  async halt(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Ends it and removes what it wrote. */
  async remove(): Promise<void> {
    await this.halt();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket: Socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
