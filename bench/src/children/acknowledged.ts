import { epochNow } from '../epoch.js';

/** Counts what comes back, and nothing else: it runs inside the floors. */
export class Acknowledged {
  private count = 0;
  private expected = Number.POSITIVE_INFINITY;
  private resolve: (at: number) => void = () => undefined;

  add(): void {
    this.count += 1;
    if (this.count === this.expected) this.resolve(epochNow());
  }

  /** Counts anew; resolves with the moment (epoch ms) at which so many had come. */
  all(expected: number): Promise<number> {
    this.count = 0;
    this.expected = expected;
    return new Promise((resolve) => (this.resolve = resolve));
  }
}
