import { nextNewExecution, startExecution, takeNewExecution } from '../executions/executions.store.js';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';

export interface StarterOptions {
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: OnActorError;
}

/** Runs new executions: each is taken under its row's lock, in a transaction of its own, so any number of processes may. */
export class Starter extends Actor {
  constructor(
    private readonly database: Database,
    private readonly options: StarterOptions,
  ) {
    super('starter', options.onError);
  }

  protected override async turn(): Promise<number> {
    if (await this.startOne()) return 0;
    const [next] = await this.database.run(nextNewExecution, {});
    return Math.min(this.options.pollMs, Math.ceil(next?.wait_ms ?? this.options.pollMs));
  }

  private async startOne(): Promise<boolean> {
    return await this.database.transaction(async (transaction) => {
      const [taken] = await transaction.run(takeNewExecution, {});
      if (taken === undefined) return false;
      await transaction.run(startExecution, { id: taken.id });
      return true;
    });
  }
}
