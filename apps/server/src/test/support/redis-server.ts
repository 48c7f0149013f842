import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, requireOrSkip } from '@marquee/testing';
import { freePort } from './mosquitto.js';

/** The machine's Redis, or undefined: then skip. */
export function redisOrSkip(): string | undefined {
  return requireOrSkip(findProgram('redis-server'), 'a Redis (redis-server)');
}

/** A Redis of the test's own on a free loopback port, with an append-only file unless it is told otherwise. */
export class RedisServer {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly program: string,
    private readonly folder: string,
    readonly port: number,
    private readonly appendOnly: boolean,
  ) {}

  static async start(program: string, { appendOnly = true } = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'marquee-redis-'));
    const server = new RedisServer(program, folder, await freePort(), appendOnly);
    await server.run();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async run(): Promise<void> {
    const args = [
      '--port',
      `${this.port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      this.folder,
      '--appendonly',
      this.appendOnly ? 'yes' : 'no',
      '--save',
      '',
    ];
    const child = spawn(this.program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.child = child;
    let said = '';
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (said.includes('Ready to accept connections')) break;
    }
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}: ${said}`);
  }

  /** SIGSTOP makes it hang, SIGCONT go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child?.kill(signal);
  }

  async halt(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGCONT');
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Ends it and removes what it wrote. */
  async remove(): Promise<void> {
    await this.halt('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}
