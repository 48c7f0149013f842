import type { OnActorError } from '../../kit/actor.js';
import { backoff } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { type Database, isUnavailable } from '../../store/database.js';
import type { Notifications } from '../../store/notifications.js';
import type { ClickMessage } from '../click.js';
import type { ClickBroker, ConsumeOptions, Decision, Delivered, Published } from '../click-broker.js';
import { countQueuedClicks, findClickQueue } from './click-queue.store.js';
import { QueueTaker } from './queue-taker.js';
import { QueueWriter } from './queue-writer.js';

export interface DatabaseBrokerOptions {
  /** How long a publish may take until it is answered by `failed`, ms. */
  confirmMs: number;
  /** How long a batch may take until another consumer gets it too, ms. */
  leaseMs: number;
  /** The net below the wake-ups, ms. */
  pollMs: number;
  onError: OnActorError;
}

const PROBE = { firstMs: 50, maxMs: 1000 };

/** The broker where there is none: a table of the database. */
export class DatabaseBroker implements ClickBroker {
  readonly kind = 'database';
  readonly blocked = false;
  readonly channels = 1;
  private up = true;
  private closed = false;
  private readonly writer: QueueWriter;
  private readonly takers = new Set<QueueTaker>();
  private readonly listeners: ((connected: boolean) => void)[] = [];
  private probing: NodeJS.Timeout | undefined;
  private counted = 0;
  private countAgainAt = Number.NEGATIVE_INFINITY;
  private counting: Promise<number> | undefined;

  constructor(
    private readonly database: Database,
    notifications: Pick<Notifications, 'on'>,
    private readonly clock: Clock,
    private readonly options: DatabaseBrokerOptions,
  ) {
    this.writer = new QueueWriter(database, clock, { confirmMs: options.confirmMs, onOutcome: (error) => this.note(error) });
    notifications.on('clicks_published', () => this.wake());
  }

  get connected(): boolean {
    return this.up && !this.closed;
  }

  publish(messages: readonly ClickMessage[]): Promise<Published[]> {
    if (this.closed) return Promise.resolve(messages.map(() => ({ result: 'failed', reason: 'the broker is closed' })));
    return this.writer.publish(messages);
  }

  consume(options: ConsumeOptions, handle: (batch: Delivered[]) => Promise<Decision[]>): { stop(): Promise<void> } {
    const { leaseMs, pollMs, onError } = this.options;
    const taker = new QueueTaker(this.database, this.clock, handle, { ...options, leaseMs, pollMs, onError });
    this.takers.add(taker);
    taker.start();
    return {
      stop: async () => {
        await taker.stop();
        this.takers.delete(taker);
      },
    };
  }

  async depth(): Promise<number> {
    if (this.clock.monotonic() >= this.countAgainAt) this.counting ??= this.count();
    return await (this.counting ?? this.counted);
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.listeners.push(listener);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.probing);
    await Promise.all([...this.takers].map((taker) => taker.stop()));
    await this.writer.drain();
    clearTimeout(this.probing);
  }

  /** Of a million messages it takes some 100 ms: a count stands for 20 times as long as it took. */
  private async count(): Promise<number> {
    const begun = this.clock.monotonic();
    try {
      const [counted] = await this.database.run(countQueuedClicks, {});
      this.counted = counted?.n ?? 0;
      const ended = this.clock.monotonic();
      this.countAgainAt = ended + 20 * (ended - begun);
      return this.counted;
    } finally {
      this.counting = undefined;
    }
  }

  private wake(): void {
    for (const taker of this.takers) taker.wake();
  }

  private note(error: unknown): void {
    if (error === undefined) {
      this.turn(true);
      this.wake();
    } else if (isUnavailable(error)) {
      this.turn(false);
    }
  }

  private turn(up: boolean): void {
    if (up === this.up) return;
    this.up = up;
    clearTimeout(this.probing);
    if (!up) this.probe(1);
    for (const listener of this.listeners) listener(up);
  }

  /** Finds out that the database is back, also when nobody publishes. */
  private probe(failures: number): void {
    if (this.closed) return;
    const look = async (): Promise<void> => {
      try {
        await this.database.run(findClickQueue, {});
        this.note(undefined);
      } catch {
        if (!this.up) this.probe(failures + 1);
      }
    };
    this.probing = setTimeout(() => void look(), backoff(failures, PROBE));
  }
}
