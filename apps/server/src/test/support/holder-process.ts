import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./hold-postgres.ts', import.meta.url));
const RUNNER = fileURLToPath(new URL('./run-typescript.mjs', import.meta.url));

/** A Node process of its own that holds a PostgreSQL. */
export class HolderProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
  ) {}

  /** A process that has loaded everything and waits for `start`; in a group of its own when detached. */
  static async load(dataDir: string, binaries: string, { detached = false } = {}): Promise<HolderProcess> {
    const child = spawn(process.execPath, ['--import', RUNNER, SCRIPT, dataDir, binaries], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached,
    });
    // Its end closes the pipe under what is written to it.
    child.stdin.on('error', () => undefined);
    const holder = new HolderProcess(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    await holder.lines.next();
    return holder;
  }

  async start(): Promise<{ role: string; url: string }> {
    this.child.stdin?.write('start\n');
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error('the process ended without a server');
    return JSON.parse(value) as { role: string; url: string };
  }

  /** Lets go in good order. */
  async stop(): Promise<void> {
    this.child.stdin?.write('stop\n');
    await this.ended();
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended();
  }

  /** It stands still, alive. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  /** What Ctrl-C in its terminal does. */
  async interruptGroup(): Promise<void> {
    process.kill(-(this.child.pid ?? 0), 'SIGINT');
    await this.ended();
  }

  private async ended(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }
}
