import type { Play, ScreenEvent, ScreenEventType } from '@marquee/contracts/player';
import type { Clock } from './clock.js';
import { uuid } from './ids.js';
import type { Showing, Store } from './store.js';

/** Events in flight at once; more wait for the PUBACK of an earlier one. */
const WINDOW = 16;
/** The oldest go beyond this: months without a connection must not fill the storage. By number, not by age: a clock may jump. */
const MAX_KEPT = 50_000;
/** The server keeps no longer text. */
const MAX_REASON = 500;

/** Hands one event over; resolves with its PUBACK, and only then. */
export type Publish = (event: ScreenEvent) => Promise<void>;

interface Waiting {
  /** 0 for an event that the storage did not take: it is sent all the same, but does not survive a reload. */
  seq: number;
  event: ScreenEvent;
}

export interface Subject {
  campaignId: string;
  version: number;
}

/**
 * The events of this screen: kept until the server has them, sent in the order in which they were recorded, each under
 * one eventId for ever, so that a repeat is no second event. `payload.seq` numbers them by device.
 */
export class Outbox {
  readonly #waiting: Waiting[] = [];
  #inFlight = 0;
  #publish: Publish | undefined;

  constructor(
    private readonly deviceId: string,
    private readonly store: Pick<Store, 'append' | 'events' | 'dropEvents'>,
    private readonly clock: Clock,
    private readonly maxKept = MAX_KEPT,
  ) {}

  /** Takes up what an earlier life of the page left. Call once, before the first `record`. */
  async load(): Promise<void> {
    for (const stored of await this.store.events()) this.#waiting.push(stored);
    this.#trim();
    this.#pump();
  }

  /** How many events the server does not have yet. */
  get size(): number {
    return this.#waiting.length + this.#inFlight;
  }

  /** While there is a `publish`, events are handed to it; undefined while the screen is not connected. */
  connect(publish: Publish | undefined): void {
    this.#publish = publish;
    this.#pump();
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
    this.#waiting.push({ seq, event });
    this.#trim();
    this.#pump();
  }

  #trim(): void {
    if (this.#waiting.length <= this.maxKept) return;
    const dead = this.#waiting.splice(0, this.#waiting.length - this.maxKept);
    void this.#forget(dead.map(({ seq }) => seq).filter((seq) => seq > 0));
  }

  #pump(): void {
    const publish = this.#publish;
    if (publish === undefined) return;
    while (this.#inFlight < WINDOW) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#inFlight += 1;
      void this.#send(next, publish).finally(() => {
        this.#inFlight -= 1;
        this.#pump();
      });
    }
  }

  async #send(waiting: Waiting, publish: Publish): Promise<void> {
    const { seq, event } = waiting;
    try {
      await publish(seq === 0 ? event : { ...event, payload: { ...event.payload, seq } });
    } catch {
      // Not taken: it stays in the store and goes again with the next life of the link.
      this.#waiting.unshift(waiting);
      this.#publish = undefined;
      return;
    }
    if (seq > 0) await this.#forget([seq]);
  }

  /** When it fails they are sent again after a reload, under the same eventIds. */
  async #forget(seqs: number[]): Promise<void> {
    await this.store.dropEvents(seqs).catch((error: unknown) => console.warn('outbox: not dropped', error));
  }
}
