import { endClaim } from '../deliveries/claims.store.js';
import { giveBackClaim } from '../deliveries/deliveries.store.js';
import { backoff } from '../kit/backoff.js';
import { type Database, isUnavailable } from '../store/database.js';

/** How long a claim is looked for that may not have been committed, ms; a statement that lost its client ends sooner. */
const LOST_MS = 10_000;

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

  /**
   * Gives back what was not begun of a claim and will not be by this process; others may claim it after `afterMs`. Resolves when it is
   * given back, or when the database is away: then it is tried again while the lease lasts. Never rejects.
   */
  giveBack(claimId: string, afterMs = 0): Promise<void> {
    return this.attempt({ claim: claimId, afterMs }, 1, performance.now() + this.leaseMs);
  }

  /**
   * The same of a claim of which it is not known whether it was committed, and nothing of which will be begun: its connection was lost, and the database
   * may commit it yet. So it is looked for again for some seconds.
   */
  giveBackLost(claimId: string): Promise<void> {
    return this.attempt({ claim: claimId, afterMs: 0 }, 1, performance.now() + Math.min(this.leaseMs, LOST_MS), true);
  }

  /** Ends a claim of which everything is settled; else it stays for whoever settles the rest of it. */
  async end(claimId: string): Promise<void> {
    await this.database.run(endClaim, { claim: claimId });
  }

  /** What is not given back by now waits for its lease. */
  stop(): void {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  private async attempt(what: { claim: string; afterMs: number }, attempt: number, until: number, lost = false): Promise<void> {
    if (this.stopped || performance.now() > until) return;
    try {
      const [row] = await this.database.run(giveBackClaim, what);
      if (!lost || (row?.returned ?? 0) > 0 || this.stopped) return;
    } catch (error) {
      if (this.stopped) return;
      if (!isUnavailable(error)) return this.onError(error);
    }
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        void this.attempt(what, attempt + 1, until, lost);
      },
      backoff(attempt, { firstMs: 100, maxMs: 500 }),
    );
    this.timers.add(timer);
  }
}
