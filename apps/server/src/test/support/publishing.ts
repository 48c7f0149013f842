import { CircuitBreaker, type Circuit } from '../../kit/circuit-breaker.js';
import type { ClickMessage } from '../../clicks/click.js';
import { ClickPublisher, type ClickPublisherOptions, type ClickPublisherParts } from '../../clicks/publisher/click-publisher.js';
import { noClicks } from '../../clicks/publisher/counters.js';
import { GuardedBroker } from '../../clicks/publisher/guarded-broker.js';
import type { Corpse } from '../../clicks/publisher/layers.js';
import { HandTiming, ToldBroker } from './click-parts.js';

/** A publisher with a broker, a fallback, marks and dead letters that do as they are told. */
export class Publishing {
  readonly timing = new HandTiming();
  readonly broker = new ToldBroker();
  readonly counters = noClicks();
  readonly states: Circuit[] = [];
  readonly stored = new Map<string, ClickMessage>();
  readonly marked = new Set<string>();
  readonly corpses: Corpse[] = [];
  readonly ledger = { accepted: 0, repeated: 0 };
  fallbackWorks = true;
  marksWork = true;
  graveWorks = true;
  readonly breaker: CircuitBreaker;
  readonly guarded: GuardedBroker;
  readonly publisher: ClickPublisher;

  constructor(options: Partial<ClickPublisherOptions> = {}, parts: Pick<ClickPublisherParts, 'liable'> = {}) {
    const { timing, broker, counters } = this;
    this.breaker = new CircuitBreaker({
      failures: 5,
      openMs: 60_000,
      successes: 2,
      clock: timing,
      onChange: (state) => this.states.push(state),
    });
    this.guarded = new GuardedBroker(broker, this.breaker, counters);
    this.publisher = new ClickPublisher(
      {
        broker: this.guarded,
        fallback: {
          store: async (messages) => {
            if (!this.fallbackWorks) throw new Error('the fallback is away');
            for (const message of messages) this.stored.set(`${message.process}-${message.seq}`, message);
          },
          remove: async (messages) => {
            for (const message of messages) this.stored.delete(`${message.process}-${message.seq}`);
          },
        },
        marks: {
          known: async (ids) => {
            if (!this.marksWork) throw new Error('the marks are away');
            return new Set(ids.filter((id) => this.marked.has(id)));
          },
          mark: async (ids) => {
            for (const id of ids) this.marked.add(id);
          },
        },
        bury: async (corpses) => {
          if (!this.graveWorks) throw new Error('the database is away');
          this.corpses.push(...corpses);
        },
        ledger: {
          accepted: () => {
            this.ledger.accepted += 1;
          },
          repeated: () => {
            this.ledger.repeated += 1;
          },
        },
        counters,
        timing,
        ...parts,
      },
      {
        process: 7,
        ack: 'accepted',
        memory: 2000,
        durableMs: 2000,
        retryMs: [100, 500, 2000],
        hedgeMs: null,
        random: () => 0,
        ...options,
      },
    );
  }
}
