import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface DaemonSpec {
  program: string;
  args: string[];
  env?: Record<string, string>;
}

const LOOK_MS = 50;

/** A server of the system's packages, of a test's own: on a free port of loopback, with what it writes in a folder of its own. */
export abstract class Daemon {
  private child: ChildProcess | undefined;

  protected constructor(
    protected readonly folder: string,
    readonly port: number,
  ) {}

  /** Resolves when it answers. */
  async run(): Promise<void> {
    const { program, args, env } = this.spec();
    const output = createWriteStream(join(this.folder, 'output'), { flags: 'a' });
    await once(output, 'open');
    // A group of its own, so that all that it starts can be ended with it.
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', output, output],
      env: { PATH: process.env['PATH'], LANG: 'C.UTF-8', HOME: this.folder, ...env },
    });
    output.destroy();
    this.child = child;
    await once(child, 'spawn');
    while (!(await answers(this.port, this.greeting()))) {
      if (!isAlive(child)) throw new Error(`${program} ended: ${(await readFile(join(this.folder, 'output'), 'utf8')).slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** By SIGTERM in good order, by SIGKILL as when the power goes. `run` starts it again with what it kept. */
  async halt(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { child } = this;
    if (child === undefined || child.pid === undefined || !isAlive(child)) return;
    const gone = once(child, 'exit');
    process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal);
    await gone;
  }

  /** Ends it, and removes what it wrote. */
  async remove(): Promise<void> {
    await this.halt('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  protected abstract spec(): DaemonSpec;

  /** What a client says first, to be answered. */
  protected abstract greeting(): string;
}

/** A folder for one daemon. */
export function daemonFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `marquee-${name}-`));
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function answers(port: number, greeting: string): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write(greeting, 'latin1');
    await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => Promise.reject(new Error('closed')))]);
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
