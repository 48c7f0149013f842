import { Loop } from '../kit/loop.js';
import type { Database } from '../store/database.js';
import { numberFacts } from './feed.store.js';

export interface RelayOptions {
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: (error: unknown, actor: string) => void;
}

const FACTS_A_TURN = 1000;

/** Numbers facts in the order in which they became visible, so that the feed can be followed and resumed. */
export class Relay {
  private readonly loop: Loop;

  constructor(
    private readonly database: Database,
    private readonly options: RelayOptions,
  ) {
    this.loop = new Loop({ name: 'relay', turn: () => this.turn(), onError: options.onError });
  }

  start(): void {
    this.loop.start();
  }

  wake(): void {
    this.loop.wake();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  private async turn(): Promise<number> {
    const [numbered] = await this.database.run(numberFacts, { most: FACTS_A_TURN });
    return numbered?.n === FACTS_A_TURN ? 0 : this.options.pollMs;
  }
}
