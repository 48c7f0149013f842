import { setTimeout as delay } from 'node:timers/promises';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import { numberFacts } from './feed.store.js';

export interface RelayOptions {
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: OnActorError;
}

const FACTS_A_TURN = 1000;
const GATHER_MS = 25;

/** Numbers facts in the order in which they became visible, so that the feed can be followed and resumed. */
export class Relay extends Actor {
  constructor(
    private readonly database: Database,
    private readonly options: RelayOptions,
  ) {
    super('relay', options.onError);
  }

  protected override async turn(): Promise<number> {
    // Facts come in bursts: those of a moment are numbered together, which costs a reader less than it can see.
    await delay(GATHER_MS);
    const [numbered] = await this.database.run(numberFacts, { most: FACTS_A_TURN });
    return numbered?.n === FACTS_A_TURN ? 0 : this.options.pollMs;
  }
}
