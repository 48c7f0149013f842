import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';
import { eventsOf, type FeedFact, parseEventId, wireOf } from './events.js';
import { factsAfter, feedBounds } from './feed.store.js';

export interface FeedReader {
  /** Takes text of the stream; false when its buffer is full (then it is told summaries until `ready`). */
  write(text: string): boolean;
  /** True when it can take more without buffering. */
  ready(): boolean;
  end(): void;
}

export interface HubOptions {
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: OnActorError;
}

interface Subscription {
  reader: FeedReader;
  campaignId: string | undefined;
}

const FACTS_A_TURN = 500;
/** How far back a reader may resume; beyond, it is told to read the state anew. */
const MOST_RESUMED = 10_000;
const KEEP_ALIVE_MS = 15_000;

/** Tells every connected reader what happens, from the numbered facts: the same stream whichever process it is connected to. */
export class FeedHub extends Actor {
  private readonly subscriptions = new Set<Subscription>();
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
    for (const { reader } of this.subscriptions) reader.end();
    this.subscriptions.clear();
  }

  /**
   * Starts telling a reader, from after `lastEventId` where it is given and not too old (else `event: reset` comes first). Answers
   * how to stop. A slow reader costs the others nothing: it gets counts in place of lines, and nothing while its buffer is full.
   */
  async subscribe(reader: FeedReader, campaignId: string | undefined, lastEventId: string | undefined): Promise<() => void> {
    const subscription = { reader, campaignId };
    const resumeAt = parseEventId(lastEventId);
    if (lastEventId !== undefined) await this.resume(subscription, resumeAt);
    this.subscriptions.add(subscription);
    super.wake();
    return () => {
      this.subscriptions.delete(subscription);
    };
  }

  private async resume(subscription: Subscription, from: { seq: number; index: number } | undefined): Promise<void> {
    const [bounds] = await this.database.run(feedBounds, {});
    const last = this.last ?? bounds?.last ?? 0;
    if (from === undefined || from.seq > last || from.seq < (bounds?.first ?? 0) - 1 || last - from.seq > MOST_RESUMED) {
      subscription.reader.write(wireOf({ id: `${last}.0`, event: 'reset', data: '{}' }));
      return;
    }
    for (let after = from.seq - 1; after < last; ) {
      const facts = (await this.database.run(factsAfter, { after, most: FACTS_A_TURN })).map(factOf).filter((fact) => fact.seq <= last);
      if (facts.length === 0) return;
      for (const fact of facts) this.tell(subscription, fact, fact.seq === from.seq ? from.index : -1);
      after = facts.at(-1)?.seq ?? last;
    }
  }

  protected override async turn(): Promise<number> {
    if (this.subscriptions.size === 0) {
      // Nobody listens: nothing is read, and whoever comes next starts at the present.
      this.last = undefined;
      return this.options.pollMs;
    }
    if (this.last === undefined) {
      const [bounds] = await this.database.run(feedBounds, {});
      this.last = bounds?.last ?? 0;
    }
    const facts = (await this.database.run(factsAfter, { after: this.last, most: FACTS_A_TURN })).map(factOf);
    for (const fact of facts) {
      for (const subscription of this.subscriptions) this.tell(subscription, fact, -1);
      this.last = fact.seq;
    }
    return facts.length === FACTS_A_TURN ? 0 : this.options.pollMs;
  }

  private tell({ reader, campaignId }: Subscription, fact: FeedFact, afterIndex: number): void {
    if (campaignId !== undefined && campaignId !== fact.campaignId) return;
    const behind = !reader.ready();
    // A full buffer takes status changes only: they are few, and the counts are read anew when the reader is back.
    if (behind && fact.eventType === 'deliveries_moved') return;
    const text = eventsOf(fact, behind)
      .slice(afterIndex + 1)
      .map(wireOf)
      .join('');
    if (text !== '') reader.write(text);
  }

  private comment(): void {
    for (const { reader } of this.subscriptions) if (reader.ready()) reader.write(':\n\n');
  }
}

function factOf(row: ValuesOf<typeof factsAfter.gives>): FeedFact {
  return { seq: row.feed_seq, campaignId: row.aggregate_id, eventType: row.event_type, payload: row.payload, ts: row.ts };
}
