import { endClaim, giveBackClaim } from '../deliveries/deliveries.store.js';
import { backoff } from '../kit/backoff.js';
import { type Database, isUnavailable } from '../store/database.js';

/** Gives back claims that this process cannot go on with, as soon as the database can be reached. */
export class Claims {
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopped = false;

  constructor(
    private readonly database: Database,
    /** How long a claim is held; after it there is nothing left to give back. */
    private readonly leaseMs: number,
    /** Told of what a database that is there refused: that claim waits for its lease. */
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Returns at once. Only of a claim of which nothing was started, and nothing will be. */
  giveBack(claimId: string): void {
    this.attempt(claimId, 1, performance.now() + this.leaseMs);
  }

  /** Ends a claim of which everything is settled. One that is not ended so is by the rescuer, who finds nothing in it. */
  async end(claimId: string): Promise<void> {
    await this.database.run(endClaim, { claim: claimId });
  }

  /** What is not given back by now waits for its lease. */
  stop(): void {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  private attempt(claim: string, attempt: number, until: number): void {
    if (this.stopped || performance.now() > until) return;
    this.database.run(giveBackClaim, { claim }).catch((error: unknown) => {
      if (this.stopped) return;
      if (!isUnavailable(error)) return this.onError(error);
      const timer = setTimeout(
        () => {
          this.timers.delete(timer);
          this.attempt(claim, attempt + 1, until);
        },
        backoff(attempt, { firstMs: 100, maxMs: 500 }),
      );
      this.timers.add(timer);
    });
  }
}
