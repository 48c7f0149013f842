import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import { type FeedFact, parseEventId } from './events.js';
import { factsAfter, feedBounds } from './feed.store.js';
import { type FeedReader, Subscription } from './subscription.js';

export interface HubOptions {
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: OnActorError;
}

const FACTS_A_TURN = 500;
const KEEP_ALIVE_MS = 15_000;

/** Tells every connected reader what happens, from the numbered facts: the same stream whichever process it is connected to. */
export class FeedHub extends Actor {
  private readonly subscriptions = new Set<Subscription>();
  /** The last fact that every subscription was told; undefined while nobody listens. */
  private last: number | undefined;
  private keepAlive: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly options: HubOptions,
  ) {
    super('feed', options.onError);
  }

  get readers(): number {
    return this.subscriptions.size;
  }

  override start(): void {
    super.start();
    this.keepAlive = setInterval(() => this.comment(), KEEP_ALIVE_MS);
  }

  override wake(): void {
    if (this.subscriptions.size > 0) super.wake();
  }

  /** Ends every reader's stream; they reconnect elsewhere with their last id. */
  override async stop(): Promise<void> {
    clearInterval(this.keepAlive);
    await super.stop();
    for (const subscription of this.subscriptions) subscription.end();
    this.subscriptions.clear();
  }

  /**
   * Starts telling a reader what happens from now on, or from after `lastEventId`; when that is unknown or too old (more than
   * 10,000 facts and more than 60 s ago), `event: reset` comes first. Once this has resolved nothing is passed over and nothing told twice. Answers how to stop. A slow reader costs
   * the others nothing: it gets nothing while its buffer is full, and then counts in place of lines.
   */
  async subscribe(reader: FeedReader, campaignId: string | undefined, lastEventId: string | undefined): Promise<() => void> {
    const from = parseEventId(lastEventId);
    const [bounds] = await this.database.run(feedBounds, { after: from?.seq ?? 0 });
    const present = Math.max(bounds?.last ?? 0, this.last ?? 0);
    const resumable = from !== undefined && from.seq <= present && bounds?.reachable === true;
    const subscription = new Subscription(reader, campaignId, resumable ? from.seq - 1 : present);
    if (resumable) await this.resume(subscription, from);
    else if (lastEventId !== undefined) subscription.reset();
    // From the last look at `this.last` to here nothing else ran: what the hub tells from now on continues what was told.
    this.last ??= subscription.told;
    this.subscriptions.add(subscription);
    this.wake();
    return () => {
      this.subscriptions.delete(subscription);
    };
  }

  /** Tells what came after `from` until the reader is where the others are. */
  private async resume(subscription: Subscription, from: { seq: number; index: number }): Promise<void> {
    for (;;) {
      const reached = this.last ?? 0;
      const facts = await this.factsAfter(subscription.told);
      for (const fact of facts) subscription.tell(fact, fact.seq === from.seq ? from.index : -1);
      if (facts.length === FACTS_A_TURN) continue;
      // All up to there could be read just now; what was not there is deleted.
      subscription.told = Math.max(subscription.told, reached);
      if (subscription.told >= (this.last ?? 0)) return;
    }
  }

  protected override async turn(): Promise<number> {
    if (this.subscriptions.size === 0) {
      // Nobody listens: nothing is read, and whoever comes next starts at the present.
      this.last = undefined;
      return this.options.pollMs;
    }
    const facts = await this.factsAfter(this.last ?? 0);
    for (const fact of facts) {
      for (const subscription of this.subscriptions) subscription.tell(fact);
      this.last = fact.seq;
    }
    for (const subscription of this.subscriptions) subscription.catchUp();
    return facts.length === FACTS_A_TURN ? 0 : this.options.pollMs;
  }

  private async factsAfter(after: number): Promise<FeedFact[]> {
    const rows = await this.database.run(factsAfter, { after, most: FACTS_A_TURN });
    return rows.map((row) => ({
      seq: row.feed_seq,
      campaignId: row.aggregate_id,
      eventType: row.event_type,
      payload: row.payload,
      ts: row.ts,
    }));
  }

  private comment(): void {
    for (const subscription of this.subscriptions) subscription.comment();
  }
}
