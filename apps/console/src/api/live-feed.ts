import {
  FEED_EVENTS,
  type FeedCampaign,
  feedCampaign,
  type FeedDelivery,
  feedDelivery,
  type FeedSummary,
  feedSummary,
  ROUTES,
} from '@marquee/contracts';
import { parseJson } from './problem.js';
import type { Hint } from './refresher.js';

/** `resting`: closed on purpose while nobody looks. */
export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'resting';

/** What the stream says, as a page may show it. */
export type Heard =
  | { kind: 'delivery'; event: FeedDelivery }
  | { kind: 'summary'; event: FeedSummary }
  | { kind: 'campaign'; event: FeedCampaign }
  | { kind: 'reset' };

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 20_000;

/**
 * The page's one connection to the feed. Browsers allow six connections to a host over HTTP/1.1 and every event stream holds one,
 * so a tab has a single stream, of all campaigns or of the one it shows, and none while it is hidden.
 *
 * The browser reconnects by itself (with Last-Event-ID) after a dropped connection, but gives up for good on an error reply, as a
 * restarting proxy sends: then this opens anew, with backoff. Whenever a stream opens, `everything` is hinted once.
 */
export class LiveFeed {
  private source: EventSource | undefined;
  private path: string = ROUTES.allEvents;
  private opened: string | undefined;
  private running = false;
  private state: LiveState = 'connecting';
  private retry: ReturnType<typeof setTimeout> | undefined;
  private retryMs = FIRST_RETRY_MS;
  private readonly listeners = new Set<() => void>();
  private readonly hearers = new Set<(heard: Heard) => void>();

  constructor(private readonly hint: (hint: Hint) => void) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly current = (): LiveState => this.state;

  /** Tells every event from now on; answers how to stop. */
  hear(hearer: (heard: Heard) => void): () => void {
    this.hearers.add(hearer);
    return () => this.hearers.delete(hearer);
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.open();
  }

  rest(): void {
    this.running = false;
    this.close();
    this.become('resting');
  }

  /** Follows another stream from now on. Going from one page to the next leaves a stream and enters another: one is opened. */
  follow(path: string): void {
    this.path = path;
    queueMicrotask(() => {
      if (this.running && this.opened !== this.path) this.open();
    });
  }

  private open(): void {
    this.close();
    this.become(this.state === 'reconnecting' ? 'reconnecting' : 'connecting');
    const source = new EventSource(this.path);
    this.source = source;
    this.opened = this.path;
    source.onopen = () => {
      this.retryMs = FIRST_RETRY_MS;
      this.become('live');
      // What happened between the page's last read and this moment was heard by nobody.
      this.hint({ kind: 'everything' });
    };
    source.onerror = () => {
      this.become('reconnecting');
      if (source.readyState === EventSource.CLOSED) this.openLater();
    };
    source.onmessage = (event: MessageEvent<string>) => this.onDelivery(event.data);
    source.addEventListener(FEED_EVENTS.summary, (event) => this.onSummary(event.data));
    source.addEventListener(FEED_EVENTS.campaign, (event) => this.onCampaign(event.data));
    source.addEventListener(FEED_EVENTS.alerts, () => this.hint({ kind: 'alerts' }));
    source.addEventListener(FEED_EVENTS.reset, () => {
      this.tell({ kind: 'reset' });
      this.hint({ kind: 'everything' });
    });
  }

  private close(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = undefined;
    this.opened = undefined;
  }

  private openLater(): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), this.retryMs * (0.75 + Math.random() / 2));
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }

  private become(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    for (const listener of this.listeners) listener();
  }

  private onDelivery(data: string): void {
    const parsed = feedDelivery.safeParse(parseJson(data));
    if (!parsed.success) return;
    this.tell({ kind: 'delivery', event: parsed.data });
    const { campaignId, outcome } = parsed.data;
    this.hint({ kind: 'deliveries', campaignId, air: outcome === 'ON_AIR' || outcome === 'OFF_AIR' });
  }

  private onSummary(data: string): void {
    const parsed = feedSummary.safeParse(parseJson(data));
    if (!parsed.success) return;
    this.tell({ kind: 'summary', event: parsed.data });
    const { campaignId, counts } = parsed.data;
    this.hint({ kind: 'deliveries', campaignId, air: counts.ON_AIR !== undefined || counts.OFF_AIR !== undefined });
  }

  private onCampaign(data: string): void {
    const parsed = feedCampaign.safeParse(parseJson(data));
    if (!parsed.success) return;
    this.tell({ kind: 'campaign', event: parsed.data });
    this.hint({ kind: 'campaign', campaignId: parsed.data.campaignId });
  }

  private tell(heard: Heard): void {
    for (const hearer of this.hearers) hearer(heard);
  }
}
