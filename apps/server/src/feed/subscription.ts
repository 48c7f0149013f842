import type { CampaignStatus, FeedOutcome } from '@marquee/contracts';
import {
  alertsEvent,
  countsIn,
  eventsOf,
  type FeedFact,
  isOfAlerts,
  type OutcomeCounts,
  resetEvent,
  statusEvent,
  statusIn,
  summaryOf,
  wireOf,
} from './events.js';

export interface FeedReader {
  write(text: string): void;
  /** True when it can take more without much being buffered. */
  ready(): boolean;
  end(): void;
}

/** What a reader was spared of one campaign while its buffer was full. */
interface Missed {
  counts: OutcomeCounts;
  status?: CampaignStatus;
  ts: number;
}

/** Campaigns of which is remembered what a reader was spared; beyond, it is told to read the state anew. */
const MOST_MISSED = 1000;

/** One reader of the feed. Facts are told in order, each once; a reader that does not keep up is told what it missed as counts. */
export class Subscription {
  private missed = new Map<string, Missed>();
  /** When alerts changed last that it was not told of. */
  private alertsAt: number | undefined;
  private lost = false;

  constructor(
    private readonly reader: FeedReader,
    /** Of this campaign only; undefined: of all. */
    private readonly campaignId: string | undefined,
    /** The number of the last fact that is told, or not for this reader. */
    public told: number,
  ) {}

  /** Tells the events of a fact after the one at `afterIndex`; nothing when it is told already. */
  tell(fact: FeedFact, afterIndex = -1): void {
    if (fact.seq <= this.told) return;
    if (this.campaignId === undefined || this.campaignId === fact.campaignId) {
      if (this.catchUp()) this.write(eventsOf(fact).slice(afterIndex + 1));
      else this.keep(fact);
    }
    this.told = fact.seq;
  }

  /** Says that events are lost to it. */
  reset(): void {
    this.write([resetEvent(this.told)]);
  }

  /** Tells what was missed, when the reader can take it; false while it cannot. */
  catchUp(): boolean {
    if (!this.reader.ready()) return false;
    if (this.lost) this.reset();
    for (const [campaignId, { counts, status, ts }] of this.missed) {
      if (Object.keys(counts).length > 0) this.write([summaryOf(this.told, campaignId, counts, ts)]);
      if (status !== undefined) this.write([statusEvent(this.told, campaignId, status, ts)]);
    }
    if (this.alertsAt !== undefined) this.write([alertsEvent(this.told, this.alertsAt)]);
    this.alertsAt = undefined;
    this.missed.clear();
    this.lost = false;
    return true;
  }

  /** Keeps the connection from being taken for dead. */
  comment(): void {
    if (this.reader.ready()) this.reader.write(':\n\n');
  }

  end(): void {
    this.reader.end();
  }

  private keep(fact: FeedFact): void {
    if (isOfAlerts(fact)) {
      this.alertsAt = fact.ts;
      return;
    }
    const known = this.missed.get(fact.campaignId);
    if (this.lost || (known === undefined && this.missed.size >= MOST_MISSED)) {
      this.lost = true;
      this.missed.clear();
      return;
    }
    const counts = { ...known?.counts };
    for (const [outcome, n] of Object.entries(countsIn(fact)) as [FeedOutcome, number][]) counts[outcome] = (counts[outcome] ?? 0) + n;
    const status = statusIn(fact) ?? known?.status;
    this.missed.set(fact.campaignId, { counts, ts: fact.ts, ...(status === undefined ? {} : { status }) });
  }

  private write(events: Parameters<typeof wireOf>[0][]): void {
    const text = events.map(wireOf).join('');
    if (text !== '') this.reader.write(text);
  }
}
