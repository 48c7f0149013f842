import type { FeedClicks, FeedOutcome } from '@marquee/contracts';
import {
  alertsEvent,
  type CampaignChange,
  changeEvent,
  changeIn,
  clicksEvent,
  clicksIn,
  countsIn,
  eventsOf,
  type FeedFact,
  isOfAlerts,
  type OutcomeCounts,
  resetEvent,
  sumOfClicks,
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
  /** By epoch, so that what bounced off an older one is told as such. */
  counts: Map<number, OutcomeCounts>;
  change?: CampaignChange;
  ts: number;
}

/** Campaigns of which is remembered what a reader was spared; beyond, it is told to read the state anew. */
const MOST_MISSED = 1000;
/** Epochs of one campaign that are told apart; beyond, nobody is helped by it. */
const MOST_EPOCHS = 20;

/** One reader of the feed. Facts are told in order, each once; a reader that does not keep up is told what it missed as counts. */
export class Subscription {
  private missed = new Map<string, Missed>();
  /** When alerts changed last that it was not told of. */
  private alertsAt: number | undefined;
  /** Clicks that it was not told of. */
  private clicks: FeedClicks | undefined;
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
    for (const [campaignId, { counts, change, ts }] of this.missed) {
      this.write([...counts].map(([epoch, each]) => summaryOf(this.told, { campaignId, counts: each, epoch, ts })));
      if (change !== undefined) this.write([changeEvent(this.told, { campaignId, ...change, ts })]);
    }
    if (this.alertsAt !== undefined) this.write([alertsEvent(this.told, this.alertsAt)]);
    if (this.clicks !== undefined) this.write([clicksEvent(this.told, this.clicks)]);
    this.alertsAt = undefined;
    this.clicks = undefined;
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
    const clicks = clicksIn(fact);
    if (clicks !== undefined) {
      this.clicks = sumOfClicks(this.clicks, clicks);
      return;
    }
    const known = this.missed.get(fact.campaignId);
    const moved = countsIn(fact);
    const beyond = known === undefined ? this.missed.size >= MOST_MISSED : moved !== undefined && isOneTooMany(known.counts, moved.epoch);
    if (this.lost || beyond) {
      this.lost = true;
      this.missed.clear();
      return;
    }
    const counts = known?.counts ?? new Map<number, OutcomeCounts>();
    if (moved !== undefined) counts.set(moved.epoch, sum(counts.get(moved.epoch) ?? {}, moved.counts));
    const change = { ...known?.change, ...changeIn(fact) };
    this.missed.set(fact.campaignId, { counts, ts: fact.ts, ...('status' in change ? { change: change as CampaignChange } : {}) });
  }

  private write(events: Parameters<typeof wireOf>[0][]): void {
    const text = events.map(wireOf).join('');
    if (text !== '') this.reader.write(text);
  }
}

function isOneTooMany(counts: Map<number, OutcomeCounts>, epoch: number): boolean {
  return counts.size >= MOST_EPOCHS && !counts.has(epoch);
}

function sum(one: OutcomeCounts, other: OutcomeCounts): OutcomeCounts {
  const counts = { ...one };
  for (const [outcome, n] of Object.entries(other) as [FeedOutcome, number][]) counts[outcome] = (counts[outcome] ?? 0) + n;
  return counts;
}
