import type { ClickCounters } from '@marquee/contracts';
import type { Circuit, CircuitBreaker } from '../../kit/circuit-breaker.js';
import type { Log } from '../../kit/log.js';
import type { Timing } from '../../kit/timing.js';

const SECOND_MS = 1000;
const TROUBLE = ['failed', 'returned', 'stored', 'overloaded', 'dead'] as const;
const SAID = ['accepted', 'confirmed', 'replayed', ...TROUBLE] as const;

/** What an outage leaves in the log: a line when the circuit changes, and a line of counts a second while clicks are not simply confirmed. */
export class OutageLog {
  private cancel: (() => void) | undefined;
  private before: ClickCounters;

  constructor(
    private readonly counters: ClickCounters,
    private readonly inMemory: () => number,
    private readonly timing: Timing,
    private readonly log: Log,
  ) {
    this.before = { ...counters };
  }

  /** For the circuit breaker. */
  readonly changed = (state: Circuit, reason: string): void => {
    const level = state === 'OPEN' ? 'warn' : 'info';
    this.log[level]({ circuit: state, reason }, `the circuit before the click broker is ${state}`);
  };

  start(breaker: CircuitBreaker): void {
    this.cancel = this.timing.after(SECOND_MS, () => {
      this.say(breaker);
      this.start(breaker);
    });
  }

  stop(): void {
    this.cancel?.();
  }

  private say(breaker: CircuitBreaker): void {
    // To look at it also lets an open circuit become half open in its time when nobody clicks.
    const { state } = breaker;
    const { counters, before } = this;
    const trouble = TROUBLE.some((counter) => counters[counter] !== before[counter]);
    if (trouble) {
      const counts = Object.fromEntries(SAID.map((counter) => [counter, counters[counter] - before[counter]]));
      this.log.info({ circuit: state, memory: this.inMemory(), ...counts }, 'clicks in the last second');
    }
    this.before = { ...counters };
  }
}
