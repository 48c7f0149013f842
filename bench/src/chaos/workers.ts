import type { ChildProcess } from 'node:child_process';
import { Api } from '../api.js';
import { killProcess, until } from '../processes.js';
import type { Scratch } from '../scratch.js';
import { type ServerProcess, startServer, startWorker } from '../server-process.js';

const READY_MS = 60_000;

/** A server with everything but the worker's part, and so many workers beside it, on the database of the first. */
export class Workers {
  private readonly workers: ChildProcess[] = [];

  private constructor(
    private readonly scratch: Scratch,
    private readonly environment: Record<string, string>,
    /** Another process after a restart. */
    public server: ServerProcess,
    readonly api: Api,
  ) {}

  static async start(scratch: Scratch, count: number, environment: Record<string, string>): Promise<Workers> {
    const server = await startServer(scratch, { ...environment, ROLES: 'api,dispatch,gateway' });
    const workers = new Workers(scratch, environment, server, new Api(server.api));
    for (let index = 0; index < count; index += 1) workers.workers.push(await startWorker(scratch, server, environment));
    return workers;
  }

  get count(): number {
    return this.workers.length;
  }

  /** Kills a worker without a word and starts another in its place. */
  async killWorker(index: number): Promise<void> {
    const worker = this.workers[index];
    if (worker === undefined) return;
    await killProcess(worker);
    this.workers[index] = await startWorker(this.scratch, this.server, this.environment);
  }

  async killServer(): Promise<void> {
    await this.server.kill();
    this.server = await startServer(this.scratch, { ...this.environment, ROLES: 'api,dispatch,gateway' }, this.server.place);
  }

  /** Kills the database; the server that keeps it starts it again. */
  async killDatabase(): Promise<void> {
    process.kill(await this.server.postmasterPid(), 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await until('the server', READY_MS, () => this.api.isReady());
  }
}
