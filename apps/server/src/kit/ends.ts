import type { Log } from './log.js';

/** Ends what was started, last first; each end is tried whatever became of the one before. */
export class Ends {
  private readonly ends: { name: string; end: () => Promise<void> }[] = [];

  constructor(private readonly log: Log) {}

  add(name: string, end: () => Promise<unknown> | void): void {
    this.ends.push({ name, end: async () => void (await end()) });
  }

  async run(): Promise<void> {
    for (const { name, end } of this.ends.splice(0).reverse()) {
      await end().catch((error: unknown) => this.log.error({ err: error }, `${name} did not stop cleanly`));
    }
  }
}
