import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a bench has open: processes, connections and a temporary folder, closed in reverse order whatever happens. */
export class Scratch {
  private readonly closing: (() => Promise<unknown> | undefined)[] = [];
  private closed: Promise<void> | undefined;
  /** Those of this process: one may be used within another. */
  private static readonly open = new Set<Scratch>();

  private constructor(readonly folder: string) {}

  /** Runs the work with a new scratch; Ctrl-C and SIGTERM close it too, and end the process. */
  static async during<Result>(work: (scratch: Scratch) => Promise<Result>): Promise<Result> {
    const scratch = new Scratch(await mkdtemp(join(tmpdir(), 'marquee-bench-')));
    Scratch.open.add(scratch);
    const interrupt = (): void =>
      void scratch.close().finally(() => {
        Scratch.open.delete(scratch);
        if (Scratch.open.size === 0) process.exit(130);
      });
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
    try {
      return await work(scratch);
    } finally {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      await scratch.close();
      Scratch.open.delete(scratch);
    }
  }

  /** To be called when the work is over, before what was deferred earlier. */
  defer(close: () => Promise<unknown> | undefined): void {
    this.closing.push(close);
  }

  /** Once, also when Ctrl-C makes the work fail at the same moment: the folder must outlive the processes in it. */
  private close(): Promise<void> {
    this.closed ??= this.closeAll();
    return this.closed;
  }

  private async closeAll(): Promise<void> {
    for (let close = this.closing.pop(); close !== undefined; close = this.closing.pop()) {
      await Promise.resolve(close()).catch((error: unknown) => process.stderr.write(`closing failed: ${String(error)}\n`));
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
