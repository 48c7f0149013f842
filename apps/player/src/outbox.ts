import type { Play, ScreenEvent, ScreenEventType } from '@marquee/contracts/player';
import type { Clock } from './clock.js';
import { uuid } from './ids.js';
import type { Showing, Store } from './store.js';

/** Events in flight at once; more wait for the PUBACK of an earlier one. */
const WINDOW = 16;
/**
 * No more events than this are kept, so that months without a connection do not fill the storage: of those that the server has the
 * oldest go first, then of the others. By number, because a clock may jump.
 */
const MAX_KEPT = 50_000;
/** What the server has is kept for this long after it said so, to be sent again when it asks. */
const KEEP_MS = 7 * 24 * 3_600_000;
/** The server keeps no longer text. */
const MAX_REASON = 500;

/** Hands one event over; resolves with its PUBACK, and only then. */
export type Publish = (event: ScreenEvent) => Promise<void>;

interface Waiting {
  /** 0 for an event that the storage did not take: it is sent all the same, but does not survive a reload. */
  seq: number;
  /** Absent of one that is sent again because the server asked: it is read when its turn comes. */
  event?: ScreenEvent;
}

export interface Subject {
  campaignId: string;
  version: number;
}

type EventStore = Pick<Store, 'series' | 'append' | 'events' | 'dropEvents' | 'keepEvent' | 'keptSeqs' | 'keptEvent' | 'keptBefore'>;

/**
 * The events of this screen: sent in the order in which they were recorded, each under one eventId for ever, so that a repeat is no
 * second event, and kept for 7 days after the server has them. `payload.seq` numbers them by device, in one `payload.series`
 * for as long as the storage lasts.
 */
export class Outbox {
  #waiting: Waiting[] = [];
  /** Numbers of what the server has, rising. */
  #kept: number[] = [];
  readonly #inFlight = new Set<number>();
  #sending = 0;
  #pumping = false;
  /** The highest number so far. */
  #last = 0;
  #publish: Publish | undefined;

  constructor(
    private readonly deviceId: string,
    private readonly store: EventStore,
    private readonly clock: Clock,
    private readonly maxKept = MAX_KEPT,
  ) {}

  /** Takes up what an earlier life of the page left. Call once, before the first `record`. */
  async load(): Promise<void> {
    const [events, kept] = await Promise.all([this.store.events(), this.store.keptSeqs()]);
    this.#waiting.push(...events);
    this.#kept = kept;
    this.#last = Math.max(0, kept.at(-1) ?? 0, events.at(-1)?.seq ?? 0);
    this.#trim();
    this.#start();
  }

  /** How many events the server does not have yet. */
  get size(): number {
    return this.#waiting.length + this.#sending;
  }

  /** Which numbers are kept, the ends included; `first` above `last`: none. */
  get range(): { series: string; first: number; last: number } {
    let first = Math.min(this.#kept[0] ?? Number.POSITIVE_INFINITY, this.#last + 1);
    for (const seq of this.#inFlight) if (seq > 0 && seq < first) first = seq;
    for (const { seq } of this.#waiting) if (seq > 0 && seq < first) first = seq;
    return { series: this.store.series, first, last: this.#last };
  }

  /** While there is a `publish`, events are handed to it; undefined while the screen is not connected. */
  connect(publish: Publish | undefined): void {
    this.#publish = publish;
    this.#start();
  }

  /** Records what happened; resolves once it is stored. Never rejects: what cannot be stored is still sent. */
  async record(eventType: ScreenEventType, subject: Subject, payload?: Record<string, unknown>, onAir?: Showing[]): Promise<void> {
    const event = this.#event(eventType, subject, payload);
    const seq = await this.store.append(event, onAir).catch((error: unknown) => {
      console.error('outbox: not stored', error);
      return 0;
    });
    this.#add(seq, event);
  }

  /** True while events are handed over. */
  get connected(): boolean {
    return this.#publish !== undefined;
  }

  /**
   * Records plays as one event; from then on they are no longer in the store under `keys`. Rejects when that could not be
   * stored: then nothing has changed, and nothing is sent.
   */
  async recordPlays(plays: Play[], keys: number[]): Promise<void> {
    const [first] = plays;
    if (first === undefined) return;
    const event = this.#event('PLAY_LOG', first, { plays });
    const seq = await this.store.append(event, undefined, keys);
    this.#add(seq, event);
  }

  /** What went wrong with a campaign, as the operator is to read it. */
  recordError(subject: Subject, reason: string): Promise<void> {
    return this.record('ERROR', subject, { reason: reason.slice(0, MAX_REASON) });
  }

  #event(eventType: ScreenEventType, subject: Subject, payload?: Record<string, unknown>): ScreenEvent {
    const timestamp = this.clock.now();
    return {
      eventId: uuid(timestamp),
      eventType,
      deviceId: this.deviceId,
      campaignId: subject.campaignId,
      version: subject.version,
      timestamp: Math.round(timestamp),
      ...(payload === undefined ? {} : { payload }),
    };
  }

  #add(seq: number, event: ScreenEvent): void {
    this.#last = Math.max(this.#last, seq);
    this.#waiting.push({ seq, event });
    this.#trim();
    this.#start();
  }

  /** Sends everything from this number on once more, in order; what waits to be sent or is on its way is not sent twice. */
  replay(fromSeq: number): void {
    const coming = new Set(this.#waiting.map(({ seq }) => seq));
    const again = this.#kept.filter((seq) => seq >= fromSeq && !coming.has(seq) && !this.#inFlight.has(seq));
    if (again.length === 0) return;
    this.#queue(...again.map((seq) => ({ seq })));
    this.#start();
  }

  /** Forgets what the server has had for longer than it may ask for; but for the newest, whose number tells where the series stands. */
  async prune(): Promise<void> {
    const old = (await this.store.keptBefore(this.clock.now() - KEEP_MS)).filter((seq) => seq !== this.#last);
    await this.#forget(old);
  }

  /** By number; what the storage did not take has none and comes last. */
  #queue(...more: Waiting[]): void {
    const place = ({ seq }: Waiting): number => (seq === 0 ? Number.MAX_SAFE_INTEGER : seq);
    this.#waiting.push(...more);
    this.#waiting.sort((one, other) => place(one) - place(other));
  }

  #trim(): void {
    const unsent = this.#waiting.filter(({ event }) => event !== undefined);
    const over = unsent.length + this.#kept.length - this.maxKept;
    if (over <= 0) return;
    const dead = this.#kept.slice(0, over);
    const lost = new Set(unsent.slice(0, over - dead.length));
    if (lost.size > 0) this.#waiting = this.#waiting.filter((one) => !lost.has(one));
    void this.#forget([...dead, ...Array.from(lost, ({ seq }) => seq).filter((seq) => seq > 0)]);
  }

  #start(): void {
    if (!this.#pumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#publish !== undefined && this.#sending < WINDOW) {
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.#sending += 1;
        this.#inFlight.add(next.seq);
        const event = next.event ?? (await this.store.keptEvent(next.seq).catch(() => undefined));
        void this.#send(next, event).finally(() => {
          this.#sending -= 1;
          this.#inFlight.delete(next.seq);
          this.#start();
        });
      }
    } finally {
      this.#pumping = false;
    }
  }

  async #send(waiting: Waiting, event: ScreenEvent | undefined): Promise<void> {
    const { seq } = waiting;
    // It was forgotten meanwhile.
    if (event === undefined) return;
    const publish = this.#publish;
    try {
      if (publish === undefined) throw new Error('the link is gone');
      const { series } = this.store;
      await publish(seq === 0 ? event : { ...event, payload: { ...event.payload, seq, series } });
    } catch {
      // Not taken: it stays in the store and goes again with the next life of the link.
      this.#queue(waiting);
      if (this.#publish === publish) this.#publish = undefined;
      return;
    }
    if (seq > 0 && waiting.event !== undefined) await this.#keep(seq, event);
  }

  /** When it fails the event is sent again after a reload, under the same eventId. */
  async #keep(seq: number, event: ScreenEvent): Promise<void> {
    // PUBACKs may come in another order than the events went.
    const place = this.#kept.findLastIndex((other) => other < seq) + 1;
    this.#kept.splice(place, 0, seq);
    await this.store.keepEvent({ seq, event }, this.clock.now()).catch((error: unknown) => console.warn('outbox: not kept', error));
    this.#trim();
  }

  async #forget(seqs: number[]): Promise<void> {
    if (seqs.length === 0) return;
    const dead = new Set(seqs);
    this.#kept = this.#kept.filter((seq) => !dead.has(seq));
    await this.store.dropEvents(seqs).catch((error: unknown) => console.warn('outbox: not dropped', error));
  }
}
