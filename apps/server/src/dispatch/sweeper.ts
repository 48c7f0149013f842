import { inFlightOf, sweepDeliveries, withdrawOffers } from '../deliveries/deliveries.store.js';
import { cancelExecutions } from '../executions/executions.store.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import type { Fact, Outbox } from '../store/outbox.js';

export interface SweeperOptions {
  pollMs: number;
  onError: OnActorError;
}

const FACTS_A_TURN = 20;
const ROWS_A_STEP = 5000;
/** How soon a campaign is swept again whose last sends are still mid-air. */
const AGAIN_MS = 300;

const ENDINGS = [
  { fact: 'campaign_cancelled', outcome: 'CANCELLED', reason: 'cancelled', revoke: true },
  { fact: 'campaign_completed', outcome: 'FAILED', reason: 'expired', revoke: false },
] as const;

/** Ends what is left of campaigns that are over, again and again until nothing of theirs is in flight. */
export class Sweeper extends Actor {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly options: SweeperOptions,
  ) {
    super('sweeper', options.onError);
  }

  protected override async turn(): Promise<number> {
    let next = this.options.pollMs;
    for (const ending of ENDINGS) {
      const facts = await this.outbox.take(this.database, ending.fact, FACTS_A_TURN);
      for (const fact of facts) await this.sweep(fact, ending);
      next = facts.length === FACTS_A_TURN ? 0 : Math.min(next, await this.outbox.nextIn(this.database, ending.fact, next));
    }
    return next;
  }

  private async sweep(fact: Fact, ending: (typeof ENDINGS)[number]): Promise<void> {
    const campaign = fact.aggregateId;
    // First, so that no targeting adds to what is swept below: it holds the execution's row while it does.
    if (ending.revoke) await this.database.run(cancelExecutions, { campaign });
    // Looked at before the sweep: what is in flight may come back to PENDING after it, and what is not cannot.
    const [inFlight] = await this.database.run(inFlightOf, { campaign });
    await this.steps(
      () => this.database.run(withdrawOffers, { campaign, revoke: ending.revoke, most: ROWS_A_STEP }),
      (row) => row.withdrawn,
    );
    const { outcome, reason } = ending;
    await this.steps(
      () => this.database.run(sweepDeliveries, { campaign, outcome, reason, most: ROWS_A_STEP }),
      (row) => row.swept,
    );
    if ((inFlight?.n ?? 0) > 0) return await this.outbox.postpone(this.database, [fact], AGAIN_MS, 'sends are still mid-air');
    await this.database.transaction(async (transaction) => {
      // What settled between the first step and now is withdrawn by this one: nothing of the campaign is in flight any more.
      await transaction.run(withdrawOffers, { campaign, revoke: ending.revoke, most: 1_000_000 });
      await this.outbox.finish(transaction, [fact]);
    });
  }

  private async steps<Row>(step: () => Promise<Row[]>, doneOf: (row: Row) => number): Promise<void> {
    for (;;) {
      const [row] = await step();
      if (row === undefined || doneOf(row) === 0) return;
    }
  }
}
