import type { ClickCounters } from '@marquee/contracts';
import { reasonOf } from '../../kit/errors.js';
import { pause, type Timing } from '../../kit/timing.js';
import type { ClickMessage } from '../click.js';
import type { Published } from '../click-broker.js';
import type { Fallback } from '../fallback.js';
import type { Marks } from '../marks.js';
import type { ClickMemory } from './click-memory.js';
import type { Entry } from './entry.js';
import type { GuardedBroker } from './guarded-broker.js';

/** A message that can never be published, and why. */
export interface Corpse extends ClickMessage {
  reason: string;
}

export interface LayersOptions {
  /** Pauses before the repetitions of a batch that failed, ms; each is cut by up to half at random. */
  retryMs: readonly number[];
  /** What the broker has not confirmed after so long is stored in the fallback too, ms; null where both are the same database. */
  hedgeMs: number | null;
  random?: () => number;
}

export interface LayersParts {
  memory: ClickMemory;
  broker: GuardedBroker;
  fallback: Pick<Fallback, 'store' | 'remove'>;
  marks: Marks;
  /** Keeps dead letters; rejects when it cannot now. */
  bury: (corpses: readonly Corpse[]) => Promise<unknown>;
  /** A click of the broker's already: told to the ledger. */
  repeated: (entry: Entry) => void;
  /** There is room for another batch. */
  onRoom: () => void;
  counters: ClickCounters;
  timing: Timing;
}

/** Batches in hand at once with clicks that are not safe, beyond which new ones wait. */
const MOST_UNSAFE_RUNS = 64;
/** Most clicks of one batch. */
export const MOST_IN_BATCH = 500;
const PARKED = { firstMs: 100, maxMs: 1000 };
/** Ids that wait to be marked beyond which a confirmed click goes unmarked: the mark is a hint. */
const MOST_UNMARKED = 20_000;
const MARKS_AT_ONCE = 2000;

/** A batch in hand. */
interface Run {
  entries: readonly Entry[];
  beganAt: number;
  /** All its clicks are safe, though the broker has not answered for all yet. */
  safe: boolean;
  hedging: boolean;
  placing: boolean;
  hedgeAfter: number;
}

/**
 * What a batch of clicks goes through: marks, circuit, broker with repetitions, fallback, dead letters, marks again. Whatever fails, each click
 * ends confirmed, stored or dead, or is parked in memory and tried again: nothing is dropped.
 */
export class Layers {
  private readonly runs = new Set<Run>();
  private unsafeRuns = 0;
  private parked: Entry[] = [];
  private parkedTurns = 0;
  private unparking = false;
  private unmarked: string[] = [];
  private marking = false;

  constructor(
    private readonly parts: LayersParts,
    private readonly options: LayersOptions,
  ) {}

  get full(): boolean {
    return this.unsafeRuns >= MOST_UNSAFE_RUNS;
  }

  get idle(): boolean {
    return this.unsafeRuns === 0;
  }

  /** Takes a batch through; never rejects. `fresh`: nothing was tried with it yet, so that a mark can only be another's. */
  async run(batch: readonly Entry[], fresh: boolean): Promise<void> {
    const run: Run = { entries: batch, beganAt: this.parts.timing.monotonic(), safe: false, hedging: false, placing: false, hedgeAfter: 0 };
    this.runs.add(run);
    this.unsafeRuns += 1;
    try {
      const left = fresh ? await this.withoutKnown(batch) : batch;
      const rest = await this.publish(left);
      // What is placed now need not be hedged beside it.
      run.hedging = run.placing = true;
      this.park(await this.place(rest));
    } finally {
      this.runs.delete(run);
      this.nowSafe(run);
    }
  }

  /** Stores what the broker is slow to confirm: after `hedgeMs`, or sooner when memory runs short. */
  hedge(short: boolean): void {
    const { hedgeMs } = this.options;
    if (hedgeMs === null || this.runs.size === 0) return;
    const after = short ? Math.min(hedgeMs, 20) : hedgeMs;
    const now = this.parts.timing.monotonic();
    const due: Run[] = [];
    for (const run of this.runs) {
      const age = now - run.beganAt;
      if (age < after || age < run.hedgeAfter || run.hedging) continue;
      run.hedging = true;
      due.push(run);
    }
    if (due.length > 0) void this.hedgeAll(due);
  }

  /** Clicks that neither the broker nor the fallback could take wait no longer. */
  private async unpark(): Promise<void> {
    while (this.parked.length > 0) {
      this.parkedTurns += 1;
      await pause(this.parts.timing, Math.min(PARKED.maxMs, PARKED.firstMs * 2 ** Math.min(this.parkedTurns - 1, 10)));
      const left = this.parked.splice(0);
      const before = this.parts.memory.size;
      const batches: Promise<void>[] = [];
      for (let from = 0; from < left.length; from += MOST_IN_BATCH) batches.push(this.run(left.slice(from, from + MOST_IN_BATCH), false));
      await Promise.all(batches);
      if (this.parts.memory.size < before) this.parkedTurns = 0;
    }
    this.unparking = false;
  }

  private park(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    for (const entry of entries) this.parked.push(entry);
    if (this.unparking) return;
    this.unparking = true;
    this.parkedTurns = 0;
    void this.unpark();
  }

  /** Those that are not marked as the broker's; without an answer, all. */
  private async withoutKnown(batch: readonly Entry[]): Promise<readonly Entry[]> {
    const { marks, memory, counters, repeated } = this.parts;
    const known = await marks.known(batch.map((entry) => entry.messageId)).catch(() => undefined);
    if (known === undefined || known.size === 0) return batch;
    return batch.filter((entry) => {
      if (!known.has(entry.messageId)) return true;
      counters.duplicates += 1;
      repeated(entry);
      memory.safe(entry);
      memory.leave(entry);
      return false;
    });
  }

  /** Publishes, and repeats what failed while the circuit lets it; answers what the broker does not have. */
  private async publish(entries: readonly Entry[]): Promise<readonly Entry[]> {
    const { broker, counters, timing } = this.parts;
    const dead = entries.filter((entry) => entry.dead !== undefined);
    let left = dead.length === 0 ? entries : entries.filter((entry) => entry.dead === undefined);
    for (let attempt = 0; left.length > 0; attempt += 1) {
      const publishing = broker.publish(left);
      if (publishing === undefined) break;
      if (attempt > 0) counters.retried += left.length;
      left = this.settle(left, await publishing, dead);
      const retryMs = this.options.retryMs[attempt];
      if (left.length === 0 || retryMs === undefined || broker.breaker.state !== 'CLOSED') break;
      await pause(timing, retryMs * (1 - 0.5 * (this.options.random ?? Math.random)()));
    }
    return dead.length === 0 ? left : [...left, ...dead];
  }

  /** Answers those that failed; adds the returned to `dead`. */
  private settle(entries: readonly Entry[], outcomes: readonly Published[], dead: Entry[]): Entry[] {
    const { memory } = this.parts;
    const failed: Entry[] = [];
    const removable: Entry[] = [];
    for (let index = 0; index < entries.length; index += 1) {
      const entry = entries[index] as Entry;
      const outcome = outcomes[index];
      if (outcome?.result === 'confirmed') {
        entry.confirmed = true;
        memory.safe(entry);
        memory.leave(entry);
        if (this.unmarked.length < MOST_UNMARKED) this.unmarked.push(entry.messageId);
        if (entry.kept) removable.push(entry);
      } else if (outcome?.result === 'returned') {
        entry.dead = outcome.reason;
        dead.push(entry);
      } else {
        failed.push(entry);
      }
    }
    if (removable.length > 0) this.remove(removable);
    void this.mark();
    return failed;
  }

  /** Stores what is not safe, buries what is dead; answers what could not be. */
  private async place(entries: readonly Entry[]): Promise<Entry[]> {
    if (entries.length === 0) return [];
    const dead = entries.filter((entry) => entry.dead !== undefined);
    const rest = entries.filter((entry) => entry.dead === undefined);
    const unsafe = rest.filter((entry) => !entry.safe);
    const [buried, stored] = await Promise.all([this.bury(dead), this.store(unsafe)]);
    for (const entry of rest) if (entry.safe) this.parts.memory.leave(entry);
    return [...(buried ? [] : dead), ...(stored ? [] : unsafe.filter((entry) => !entry.safe))];
  }

  private async store(entries: readonly Entry[]): Promise<boolean> {
    const { fallback, memory, counters } = this.parts;
    if (entries.length === 0) return true;
    try {
      await fallback.store(entries);
    } catch {
      return false;
    }
    const removable: Entry[] = [];
    for (const entry of entries) {
      if (!entry.kept) counters.stored += 1;
      entry.kept = true;
      memory.safe(entry);
      if (entry.confirmed) removable.push(entry);
    }
    if (removable.length > 0) this.remove(removable);
    return true;
  }

  private async bury(entries: readonly Entry[]): Promise<boolean> {
    const { bury, fallback, memory, counters } = this.parts;
    if (entries.length === 0) return true;
    try {
      await bury(entries.map(({ process, seq, messageId, body, dead = '' }) => ({ process, seq, messageId, body, reason: dead })));
      const kept = entries.filter((entry) => entry.kept);
      if (kept.length > 0) await fallback.remove(kept);
    } catch {
      return false;
    }
    counters.dead += entries.length;
    for (const entry of entries) {
      memory.safe(entry);
      memory.leave(entry);
    }
    return true;
  }

  /** Together, so that a broker that hangs does not cost the fallback a call a batch. */
  private async hedgeAll(runs: readonly Run[]): Promise<void> {
    const unsafe: Entry[] = [];
    for (const run of runs) for (const entry of run.entries) if (!entry.safe && entry.dead === undefined) unsafe.push(entry);
    const stored = await this.store(unsafe);
    const now = this.parts.timing.monotonic();
    for (const run of runs) {
      if (stored) {
        this.nowSafe(run);
      } else {
        // The fallback takes nothing either: it is asked again a little later.
        run.hedgeAfter = now - run.beganAt + PARKED.firstMs;
        run.hedging = run.placing;
      }
    }
  }

  private nowSafe(run: Run): void {
    if (run.safe) return;
    run.safe = true;
    this.unsafeRuns -= 1;
    this.parts.onRoom();
  }

  /** What stays in the fallback though the broker has it is only published once more. */
  private remove(entries: readonly Entry[]): void {
    void this.parts.fallback.remove(entries).catch(reasonOf);
  }

  /** Marks what was confirmed, one call at a time: what gathers meanwhile goes together. */
  private async mark(): Promise<void> {
    if (this.marking) return;
    this.marking = true;
    while (this.unmarked.length > 0) {
      const ids = this.unmarked.splice(0, MARKS_AT_ONCE);
      const marked = await this.parts.marks.mark(ids).then(
        () => true,
        () => false,
      );
      if (marked) this.parts.counters.marked += ids.length;
    }
    this.marking = false;
  }
}
