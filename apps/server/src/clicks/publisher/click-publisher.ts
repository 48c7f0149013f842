import type { ClickAck, ClickCounters } from '@marquee/contracts';
import { reasonOf } from '../../kit/errors.js';
import type { Timing } from '../../kit/timing.js';
import type { ClickEvent, ClickMessage } from '../click.js';
import type { Fallback } from '../fallback.js';
import type { Marks } from '../marks.js';
import { ClickMemory } from './click-memory.js';
import { encodeClick } from './encode.js';
import { type Accepted, Entry } from './entry.js';
import type { GuardedBroker } from './guarded-broker.js';
import { type Corpse, Layers, MOST_IN_BATCH } from './layers.js';

export interface ClickPublisherOptions {
  /** This process in click_processes. */
  process: number;
  ack: ClickAck;
  /** Clicks in memory that nothing else holds, beyond which none is accepted. */
  memory: number;
  /** How long the answer of a durable click may take, ms. */
  durableMs: number;
  /** Pauses before repetitions, ms. */
  retryMs: readonly number[];
  /** What the broker has not confirmed by then goes to the fallback too, ms; null: never. */
  hedgeMs: number | null;
  random?: () => number;
}

export interface ClickPublisherParts {
  broker: GuardedBroker;
  fallback: Pick<Fallback, 'store' | 'remove'>;
  marks: Marks;
  /** Keeps dead letters; rejects when it cannot now. */
  bury: (corpses: readonly Corpse[]) => Promise<unknown>;
  /** Is told of each click that was accepted, by its clickedAt; and of each that was dropped as a repetition. */
  ledger: { accepted(clickedAt: number): void; repeated(clickedAt: number): void };
  /**
   * True once it is on record that this process accepts clicks, so that its death would be looked into. Until then an OK waits as if it were durable:
   * of a process that was killed before there is nothing to ask after. Not given: always.
   */
  liable?: (() => boolean) | undefined;
  /** Shared with the broker's guard and the replayer. */
  counters: ClickCounters;
  timing: Timing;
}

/** How long the first of a batch waits for company while another batch is under way, ms: fewer batches where nobody waits for the answer. */
const GATHER_MS: Record<ClickAck, number> = { accepted: 15, durable: 4 };
/** How often it looks for answers that are late and confirms that are slow, ms. */
const LOOK_MS = 5;

/**
 * Accepts clicks and answers for them: in memory, bounded, until the broker has confirmed, the fallback has stored or the dead letters have them.
 * A click that was accepted is never dropped by a living process, whatever is away.
 */
export class ClickPublisher {
  private readonly memory = new ClickMemory((clickedAt) => this.count(clickedAt));
  private readonly layers: Layers;
  private waiting: Entry[] = [];
  private cancelGather: (() => void) | undefined;
  private cancelLook: (() => void) | undefined;
  private lookDue = 0;
  private seq = 0;
  private stopping = false;

  constructor(
    private readonly parts: ClickPublisherParts,
    private readonly options: ClickPublisherOptions,
  ) {
    this.layers = new Layers(
      { ...parts, memory: this.memory, repeated: (entry) => parts.ledger.repeated(clickedAtOf(entry.body)), onRoom: () => this.more() },
      options,
    );
  }

  /** Clicks in memory that nothing else holds: what a kill -9 loses now. */
  get inMemory(): number {
    return this.memory.size;
  }

  /** True while the click of this id is under way here. */
  holds(messageId: string): boolean {
    return this.memory.holds(messageId);
  }

  /**
   * Accepts a click. In `accepted` mode the answer is there at once, in `durable` mode when the click is safe or its deadline is over. A
   * repetition is accepted and dropped: in `durable` mode it is answered when the first is safe. What is told OK counts as accepted, and what gets
   * through after its deadline, from then on.
   */
  accept(event: ClickEvent): Accepted | Promise<Accepted> {
    const { memory, parts } = this;
    const known = memory.find(event.messageId);
    if (known !== undefined && !this.stopping) {
      if (known === 'safe' || known.safe || this.atOnce) return this.repeated(event);
      return this.whenSafe(known).then((accepted) => (accepted === 'OK' ? this.repeated(event) : accepted));
    }
    if (this.stopping || memory.size >= this.options.memory) {
      parts.counters.overloaded += 1;
      return 'OVERLOADED';
    }
    const { atOnce } = this;
    const entry = this.entryOf(event);
    if (atOnce) this.count(event.clickedAt);
    else entry.clickedAt = event.clickedAt;
    this.take(entry);
    return atOnce ? 'OK' : this.whenSafe(entry);
  }

  /** Takes clicks in that were accepted before: by this process' predecessor. Resolves when they are safe. */
  async takeIn(messages: readonly ClickMessage[]): Promise<void> {
    const entries = messages.map((message) => new Entry(message.process, message.seq, message.messageId, message.body));
    for (const entry of entries) this.take(entry);
    await Promise.all(entries.map((entry) => this.memory.whenSafe(entry, Number.POSITIVE_INFINITY)));
  }

  /** Accepts nothing more and waits until all is safe, at most so long; answers what is not. */
  async stop(atMostMs: number): Promise<ClickMessage[]> {
    this.stopping = true;
    this.flush();
    await new Promise<void>((resolve) => {
      const cancel = this.parts.timing.after(atMostMs, resolve);
      void this.memory.whenEmpty().then(() => {
        cancel();
        resolve();
      });
    });
    this.cancelGather?.();
    this.cancelLook?.();
    return this.memory.unsafe();
  }

  /** What `stop` handed out is on disk: it is safe. */
  spilled(): void {
    for (const entry of this.memory.unsafe()) this.memory.safe(entry);
  }

  /** An OK need not wait. */
  private get atOnce(): boolean {
    return this.options.ack === 'accepted' && (this.parts.liable?.() ?? true);
  }

  private count(clickedAt: number): void {
    this.parts.counters.accepted += 1;
    this.parts.ledger.accepted(clickedAt);
  }

  private repeated({ clickedAt }: ClickEvent): Accepted {
    this.count(clickedAt);
    this.parts.counters.duplicates += 1;
    this.parts.ledger.repeated(clickedAt);
    return 'OK';
  }

  private entryOf(event: ClickEvent): Entry {
    this.seq += 1;
    const { process } = this.options;
    try {
      return new Entry(process, this.seq, event.messageId, encodeClick(event));
    } catch (error) {
      const entry = new Entry(
        process,
        this.seq,
        event.messageId,
        JSON.stringify({ messageId: event.messageId, clickedAt: String(event.clickedAt) }),
      );
      entry.dead = `it cannot be written as JSON: ${reasonOf(error)}`;
      return entry;
    }
  }

  private whenSafe(entry: Entry): Promise<Accepted> {
    return this.memory.whenSafe(entry, this.parts.timing.monotonic() + this.options.durableMs);
  }

  private take(entry: Entry): void {
    this.memory.add(entry);
    this.waiting.push(entry);
    if (this.waiting.length >= MOST_IN_BATCH) this.flush();
    else this.cancelGather ??= this.parts.timing.after(this.gatherMs(), () => this.flush());
    this.lookSoon();
  }

  private gatherMs(): number {
    return this.options.ack === 'durable' && this.layers.idle ? 0 : GATHER_MS[this.options.ack];
  }

  private flush(): void {
    this.cancelGather?.();
    this.cancelGather = undefined;
    while (this.waiting.length > 0 && !this.layers.full) {
      const batch = this.waiting.length <= MOST_IN_BATCH ? this.waiting : this.waiting.slice(0, MOST_IN_BATCH);
      this.waiting = batch === this.waiting ? [] : this.waiting.slice(MOST_IN_BATCH);
      void this.layers.run(batch, true);
    }
  }

  private more(): void {
    if (this.waiting.length > 0 && this.cancelGather === undefined) this.flush();
  }

  private look(): void {
    const { timing } = this.parts;
    const now = timing.monotonic();
    this.memory.answerLate(now);
    // When this process itself was held up, confirms may lie unread: they are read first.
    if (now < this.lookDue + LOOK_MS) this.layers.hedge(this.memory.size > this.options.memory / 2);
    this.cancelLook = undefined;
    if (this.memory.size > 0) this.lookSoon();
  }

  private lookSoon(): void {
    const { timing } = this.parts;
    if (this.cancelLook !== undefined) return;
    this.lookDue = timing.monotonic() + LOOK_MS;
    this.cancelLook = timing.after(LOOK_MS, () => this.look());
  }
}

function clickedAtOf(body: string): number {
  return Number(/"clickedAt":"(\d+)"/.exec(body)?.[1] ?? Date.now());
}
