import type { ClickCounters } from '@marquee/contracts';
import type { CircuitBreaker } from '../../kit/circuit-breaker.js';
import type { ClickBroker, Published } from '../click-broker.js';
import type { ClickMessage } from '../click.js';

/** More messages than this without an answer, and the next go where a broker hangs: to the fallback. */
const MOST_UNANSWERED = 20_000;

/** The broker behind its circuit breaker: for those who publish first and those who replay. */
export class GuardedBroker {
  private unanswered = 0;
  private wasBlocked = false;

  constructor(
    readonly broker: ClickBroker,
    readonly breaker: CircuitBreaker,
    private readonly counters: ClickCounters,
  ) {
    broker.onConnectionChange((connected) => {
      if (connected) breaker.reachable('the connection is back');
      else breaker.trip('the connection was lost');
    });
  }

  /** Undefined when nothing may be published now; never rejects. */
  publish(messages: readonly ClickMessage[]): Promise<Published[]> | undefined {
    this.look();
    if (this.unanswered + messages.length > MOST_UNANSWERED) return undefined;
    const permit = this.breaker.enter();
    if (permit === undefined) return undefined;
    this.unanswered += messages.length;
    this.counters.published += messages.length;
    return this.broker.publish(messages).then((outcomes) => {
      this.unanswered -= messages.length;
      const failure = this.count(outcomes);
      if (failure === undefined) permit.succeeded();
      else permit.failed(failure);
      return outcomes;
    });
  }

  /** Sees what no attempt needs to find out: a connection that is not there, or that the broker has blocked. */
  look(): void {
    const { broker, breaker } = this;
    if (!broker.connected) breaker.trip('there is no connection');
    else if (broker.blocked) breaker.trip('the broker takes nothing (connection.blocked)');
    else if (this.wasBlocked) breaker.reachable('the broker takes messages again');
    this.wasBlocked = broker.connected && broker.blocked;
  }

  /** The reason of the first that failed. */
  private count(outcomes: readonly Published[]): string | undefined {
    let failure: string | undefined;
    for (const outcome of outcomes) {
      this.counters[outcome.result] += 1;
      if (outcome.result === 'failed') failure ??= outcome.reason;
    }
    return failure;
  }
}
