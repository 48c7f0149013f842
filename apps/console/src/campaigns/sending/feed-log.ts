import type { CampaignStatus, FeedOutcome } from '@marquee/contracts';
import type { Heard } from '../../api/live-feed.js';

/** One line of the live feed: a delivery, some that were told as a number or came in one moment, or the campaign itself. */
export type Line = { key: number; ts: number } & (
  | { kind: 'deliveries'; outcome: FeedOutcome; epoch: number; count: number; deliveryId: string | undefined }
  | { kind: 'campaign'; status: CampaignStatus; paused: boolean | undefined; epoch: number | undefined }
  | { kind: 'missed' }
);

export const FEED_FILTERS = ['all', 'stale', 'trouble'] as const;
export type FeedFilter = (typeof FEED_FILTERS)[number];

/** What a page draws: never changed, replaced at most a few times a second. */
export interface FeedPicture {
  /** Newest first. */
  lines: Record<FeedFilter, Line[]>;
  /** Messages that bounced off the fence since the page was opened. */
  stale: number;
}

const FLUSH_MS = 250;
/** Lines that are kept of each kind; nobody reads further back, and the rows themselves are in the list of deliveries. */
const MOST_LINES = 100;
/** Deliveries of one moment, outcome and epoch that have a line each; more are one line with their number. */
const MOST_SINGLE_LINES = 4;

interface Group {
  outcome: FeedOutcome;
  epoch: number;
  ts: number;
  count: number;
  ids: string[];
}

/** Gathers the feed into lines to read. What it costs goes by time, not by how many events come. */
export class FeedLog {
  private picture: FeedPicture = { lines: { all: [], stale: [], trouble: [] }, stale: 0 };
  private readonly groups = new Map<string, Group>();
  private fresh: Line[] = [];
  private stale = 0;
  private status: CampaignStatus | undefined;
  private keys = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly current = (): FeedPicture => this.picture;

  readonly take = (heard: Heard): void => {
    if (heard.kind === 'delivery') {
      const { outcome, epoch, ts, deliveryId } = heard.event;
      this.count(outcome, epoch, ts, 1, deliveryId);
    } else if (heard.kind === 'summary') {
      const { counts, epoch, ts } = heard.event;
      for (const [outcome, count] of Object.entries(counts)) this.count(outcome as FeedOutcome, epoch, ts, count);
    } else if (this.isNews(heard)) {
      // What became of the campaign stands between what came before and what came after it.
      this.closeGroups();
      this.fresh.push(this.lineOf(heard));
    }
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  };

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private count(outcome: FeedOutcome, epoch: number, ts: number, count: number, id?: string): void {
    const name = `${outcome} ${epoch}`;
    const group = this.groups.get(name) ?? { outcome, epoch, ts, count: 0, ids: [] };
    this.groups.set(name, group);
    group.count += count;
    group.ts = ts;
    if (id !== undefined && group.ids.length < MOST_SINGLE_LINES) group.ids.push(id);
    if (outcome === 'REJECTED_STALE') this.stale += count;
  }

  /** Each run of a recurring campaign says its status again. */
  private isNews(heard: Heard & { kind: 'campaign' | 'reset' }): boolean {
    if (heard.kind === 'reset') return true;
    const { status, paused } = heard.event;
    const news = paused !== undefined || status !== this.status;
    this.status = status;
    return news;
  }

  private lineOf(heard: Heard & { kind: 'campaign' | 'reset' }): Line {
    const key = this.nextKey();
    if (heard.kind === 'reset') return { key, ts: Date.now(), kind: 'missed' };
    const { status, paused, epoch, ts } = heard.event;
    return { key, ts, kind: 'campaign', status, paused, epoch };
  }

  private closeGroups(): void {
    for (const { outcome, epoch, ts, count, ids } of this.groups.values()) {
      const line = { ts, kind: 'deliveries' as const, outcome, epoch };
      if (ids.length === count) this.fresh.push(...ids.map((deliveryId) => ({ ...line, key: this.nextKey(), count: 1, deliveryId })));
      else this.fresh.push({ ...line, key: this.nextKey(), count, deliveryId: undefined });
    }
    this.groups.clear();
  }

  private flush(): void {
    this.timer = undefined;
    this.closeGroups();
    const fresh = this.fresh.toReversed();
    this.fresh = [];
    const { lines } = this.picture;
    const withFresh = (filter: FeedFilter): Line[] => [...fresh.filter(FITS[filter]), ...lines[filter]].slice(0, MOST_LINES);
    this.picture = { lines: { all: withFresh('all'), stale: withFresh('stale'), trouble: withFresh('trouble') }, stale: this.stale };
    for (const listener of this.listeners) listener();
  }

  private nextKey(): number {
    this.keys += 1;
    return this.keys;
  }
}

const TROUBLE: FeedOutcome[] = ['FAILED', 'UNKNOWN', 'INSTALL_FAILED'];
const FITS: Record<FeedFilter, (line: Line) => boolean> = {
  all: () => true,
  stale: (line) => line.kind === 'deliveries' && line.outcome === 'REJECTED_STALE',
  trouble: (line) => line.kind === 'missed' || (line.kind === 'deliveries' && TROUBLE.includes(line.outcome)),
};
