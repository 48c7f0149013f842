import { setTimeout as delay } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import { backoff } from '../../kit/backoff.js';
import type { Decision } from '../click-broker.js';
import { arrivedOf } from './amqp-click.js';
import type { Arrived, RabbitConsumerOptions } from './rabbitmq-consumer.js';

type SessionOptions = Pick<RabbitConsumerOptions, 'batch' | 'waitMs' | 'handle' | 'bury' | 'onError'>;

const AGAIN = { firstMs: 100, maxMs: 5000 };

/**
 * What came on one channel. What is not answered when the channel is lost is the server's again, and what was decided about it is void.
 * Acknowledges up to a message where all before it are answered (basic.ack `multiple`).
 */
export class ConsumeSession {
  /** Delivery tags that are not answered, in order. */
  private readonly unanswered = new Set<number>();
  private buffer: Arrived[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly handling = new Set<Promise<void>>();
  private readonly lost = new AbortController();
  private readonly over: AbortSignal;
  private end!: () => void;
  /** When the channel is gone and nothing of it is handled any more. */
  readonly ended = new Promise<void>((resolve) => {
    this.end = resolve;
  });

  constructor(
    private readonly channel: Channel,
    private readonly options: SessionOptions,
    private readonly stopping: AbortSignal,
  ) {
    this.over = AbortSignal.any([stopping, this.lost.signal]);
  }

  get outstanding(): number {
    return this.unanswered.size;
  }

  take(message: ConsumeMessage): void {
    this.unanswered.add(message.fields.deliveryTag);
    this.buffer.push(arrivedOf(message));
    if (this.buffer.length >= this.options.batch) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), this.options.waitMs);
  }

  /** The channel is gone. */
  lose(reason: string): void {
    if (this.lost.signal.aborted) return;
    this.lost.abort(new Error(reason));
    this.drop();
    this.unanswered.clear();
    void Promise.all(this.handling).then(this.end);
  }

  /** Resolves when what was handed out is answered, and the rest is the server's again. */
  async stop(consumerTag: string | undefined): Promise<void> {
    this.drop();
    // What it would send from now on would count as delivered. It rejects when the channel is gone.
    if (consumerTag !== undefined) await Promise.race([this.channel.cancel(consumerTag).catch(() => undefined), this.ended]);
    await Promise.all(this.handling);
    // The server answers it behind all that was said before. It rejects when the channel is gone already.
    await Promise.race([this.channel.close().catch(() => undefined), this.ended]);
    this.lose('stopped');
  }

  /** What waits for company is not begun. */
  private drop(): void {
    clearTimeout(this.timer);
    this.buffer = [];
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.over.aborted) return this.drop();
    const batch = this.buffer;
    this.buffer = [];
    const handling = this.process(batch).finally(() => this.handling.delete(handling));
    this.handling.add(handling);
  }

  private async process(batch: Arrived[]): Promise<void> {
    const decisions = await this.decide(batch);
    const done: Arrived[] = [];
    const slow: Promise<void>[] = [];
    for (const [index, arrived] of batch.entries()) {
      const decision = decisions[index] ?? 'again';
      if (decision === 'done') done.push(arrived);
      else slow.push(decision === 'again' ? this.giveBack(arrived) : this.bury(arrived, decision.dead));
    }
    this.acknowledge(done);
    await Promise.all(slow);
  }

  /**
   * A batch that cannot be handled is kept and handled again: given back, each time would count against it, and while the database is away
   * it would soon have been delivered too often.
   */
  private async decide(batch: Arrived[]): Promise<Decision[]> {
    for (let failures = 1; ; failures += 1) {
      try {
        const decisions = await this.options.handle(batch);
        if (decisions.length !== batch.length) throw new Error(`${batch.length} clicks were answered by ${decisions.length} decisions`);
        return decisions;
      } catch (error) {
        this.options.onError(error, 'click consumer');
      }
      await this.pause(backoff(failures, AGAIN));
      if (this.over.aborted) return batch.map(() => 'again');
      for (const arrived of batch) arrived.tries += 1;
    }
  }

  private acknowledge(done: Arrived[]): void {
    for (const { message } of done) this.unanswered.delete(message.fields.deliveryTag);
    const [lowest = Number.POSITIVE_INFINITY] = this.unanswered;
    const below = done.filter(({ message }) => message.fields.deliveryTag < lowest);
    const last = below.at(-1);
    this.say(() => {
      if (last !== undefined) this.channel.ack(last.message, true);
      for (const { message } of done) if (message.fields.deliveryTag > lowest) this.channel.ack(message);
    });
  }

  private async giveBack(arrived: Arrived): Promise<void> {
    await this.pause(backoff(arrived.tries, AGAIN));
    this.unanswered.delete(arrived.message.fields.deliveryTag);
    this.say(() => this.channel.nack(arrived.message, false, true));
  }

  /** Acknowledged only when it has arrived among the dead letters; until then it is tried again. */
  private async bury(arrived: Arrived, reason: string): Promise<void> {
    for (let failures = 1; !(await this.options.bury(arrived.message, reason)); failures += 1) {
      await this.pause(backoff(failures, AGAIN));
      if (this.over.aborted) return await this.giveBack(arrived);
    }
    this.acknowledge([arrived]);
  }

  private async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.over }).catch(() => undefined);
  }

  private say(word: () => void): void {
    if (this.lost.signal.aborted) return;
    try {
      word();
    } catch (error) {
      // The channel is closing: the server gives them to somebody again.
      this.options.onError(error, 'click consumer');
    }
  }
}
