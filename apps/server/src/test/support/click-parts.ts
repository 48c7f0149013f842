import type { Timing } from '../../kit/timing.js';
import type { ClickBroker, Published } from '../../clicks/click-broker.js';
import type { ClickEvent, ClickMessage } from '../../clicks/click.js';
import { newId } from '../../kit/ids.js';

/** Time that stands until it is moved. */
export class HandTiming implements Timing {
  private time = 0;
  private timers: { at: number; work: () => void }[] = [];

  constructor(private readonly epoch = 1_800_000_000_000) {}

  now(): number {
    return this.epoch + this.time;
  }

  monotonic(): number {
    return this.time;
  }

  after(ms: number, work: () => void): () => void {
    const timer = { at: this.time + ms, work };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  /** Moves on, running what is due in its order, and lets promises settle between. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    await settled();
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((each) => each !== due);
      this.time = Math.max(this.time, due.at);
      due.work();
      await settled();
    }
    this.time = end;
  }
}

async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

export type Behaviour = 'confirm' | 'fail' | 'return' | 'hang';

/** A broker that does as it is told, and remembers what it has taken. */
export class ToldBroker implements ClickBroker {
  readonly kind = 'rabbitmq';
  readonly channels = 1;
  connected = true;
  blocked = false;
  behaviour: Behaviour = 'confirm';
  /** Each attempt, in order: how many messages. */
  readonly attempts: number[] = [];
  readonly taken: ClickMessage[] = [];
  private listeners: ((connected: boolean) => void)[] = [];
  private hanging: { messages: readonly ClickMessage[]; answer: (outcomes: Published[]) => void }[] = [];

  async publish(messages: readonly ClickMessage[]): Promise<Published[]> {
    this.attempts.push(messages.length);
    switch (this.behaviour) {
      case 'confirm':
        return this.confirm(messages);
      case 'fail':
        return messages.map(() => ({ result: 'failed', reason: 'told to' }));
      case 'return':
        return messages.map(() => ({ result: 'returned', reason: 'no queue' }));
      case 'hang':
        return await new Promise((answer) => this.hanging.push({ messages, answer }));
    }
  }

  /** Answers what hangs. */
  release(result: 'confirmed' | 'failed'): void {
    for (const { messages, answer } of this.hanging.splice(0)) {
      answer(result === 'confirmed' ? this.confirm(messages) : messages.map(() => ({ result, reason: 'no confirm in time' })));
    }
  }

  connect(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.listeners) listener(connected);
  }

  consume(): { stop(): Promise<void> } {
    throw new Error('nobody consumes here');
  }

  depth(): Promise<number> {
    return Promise.resolve(this.taken.length);
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.listeners.push(listener);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private confirm(messages: readonly ClickMessage[]): Published[] {
    this.taken.push(...messages);
    return messages.map(() => ({ result: 'confirmed' }));
  }
}

export function clickOf(given: Partial<ClickEvent> = {}): ClickEvent {
  return {
    messageId: newId(),
    uid: 'u',
    adId: 'ad',
    adType: 'banner',
    clickedAt: 1_800_000_000_000,
    ip: '192.0.2.0',
    source: 'api',
    ...given,
  };
}
