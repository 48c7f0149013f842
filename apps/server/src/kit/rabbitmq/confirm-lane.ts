import type { ConfirmChannel, Message, Options } from 'amqplib';
import { reasonOf } from '../errors.js';

/**
 * What became of a message that was given to the broker. `confirmed`: the broker has it on disk. `failed`: perhaps it has it, perhaps not;
 * again under the same messageId does no harm. `returned`: it took it and had no queue for it: no repetition will help.
 */
export type Published = { result: 'confirmed' } | { result: 'failed' | 'returned'; reason: string };

export interface Outgoing {
  exchange: string;
  key: string;
  content: Buffer;
  options: Options.Publish;
}

/** The messages of one call. */
interface Flight {
  messages: readonly Outgoing[];
  results: (Published | undefined)[];
  /** Without a result. */
  left: number;
  /** Given to the channel. */
  written: number;
  timer: NodeJS.Timeout;
  resolve: (results: Published[]) => void;
}

/** What one delivery tag of the channel stands for. */
interface Slot {
  flight: Flight;
  index: number;
}

const CONFIRMED: Published = { result: 'confirmed' };
/** So many settled slots are cut off at a time. */
const CUT = 4096;

/**
 * A channel in confirm mode, and what was published on it and is not answered. Confirms are read as the server sends them, many at once
 * (basic.ack `multiple`), and messages are given to the socket only as fast as it takes them. Without a channel a publish fails at once.
 */
export class ConfirmLane {
  private channel: ConfirmChannel | undefined;
  private refusal = 'not connected';
  private readonly waiting: Flight[] = [];
  private readonly flights = new Set<Flight>();
  /** By delivery tag, which count from 1 on each channel: `slots[tag - base]`. */
  private slots: (Slot | undefined)[] = [];
  private base = 1;
  private settled = 0;
  private full = false;
  /** Messages without an answer. */
  load = 0;

  constructor(private readonly confirmMs: number) {}

  get open(): boolean {
    return this.channel !== undefined;
  }

  attach(channel: ConfirmChannel): void {
    this.slots = [];
    this.base = 1;
    this.settled = 0;
    this.full = false;
    this.channel = channel;
    channel.on('ack', ({ deliveryTag, multiple }) => this.answered(deliveryTag, multiple, CONFIRMED));
    channel.on('nack', ({ deliveryTag, multiple }) =>
      this.answered(deliveryTag, multiple, { result: 'failed', reason: 'the broker refused it' }),
    );
    channel.on('return', (message) => this.returned(message));
    channel.on('drain', () => {
      this.full = false;
      this.write();
    });
  }

  detach(reason: string): void {
    this.channel = undefined;
    this.refusal = reason;
    this.failAll(reason);
    this.slots = [];
  }

  /** Answers for all that is under way; what comes of it later is not looked at. */
  failAll(reason: string): void {
    this.waiting.length = 0;
    for (const flight of this.flights) this.fail(flight, reason);
  }

  publish(messages: readonly Outgoing[]): Promise<Published[]> {
    if (this.channel === undefined) return Promise.resolve(messages.map(() => ({ result: 'failed', reason: this.refusal })));
    return new Promise((resolve) => {
      const flight: Flight = {
        messages,
        results: Array.from({ length: messages.length }),
        left: messages.length,
        written: 0,
        timer: setTimeout(() => this.fail(flight, `the broker did not confirm within ${this.confirmMs} ms`), this.confirmMs),
        resolve,
      };
      this.flights.add(flight);
      this.waiting.push(flight);
      this.load += messages.length;
      this.write();
    });
  }

  private write(): void {
    for (let flight = this.waiting[0]; flight !== undefined && !this.full; flight = this.waiting[0]) {
      while (flight.written < flight.messages.length && !this.full && this.channel !== undefined) this.writeNext(flight, this.channel);
      if (flight.written < flight.messages.length) return;
      this.waiting.shift();
    }
  }

  private writeNext(flight: Flight, channel: ConfirmChannel): void {
    const index = flight.written;
    const { exchange, key, content, options } = flight.messages[index] as Outgoing;
    flight.written += 1;
    try {
      this.full = !channel.publish(exchange, key, content, options);
      this.slots.push({ flight, index });
    } catch (error) {
      // A channel that is closing takes nothing; what cannot be written at all will not be by repetition.
      const result = error instanceof RangeError || error instanceof TypeError ? 'returned' : 'failed';
      this.decide({ flight, index }, { result, reason: reasonOf(error) });
    }
  }

  private answered(tag: number, multiple: boolean, published: Published): void {
    const end = tag - this.base;
    for (let at = multiple ? this.settled : end; at <= end; at += 1) {
      const slot = this.slots[at];
      if (slot === undefined) continue;
      this.slots[at] = undefined;
      this.decide(slot, published);
    }
    while (this.settled < this.slots.length && this.slots[this.settled] === undefined) this.settled += 1;
    if (this.settled < CUT && this.settled < this.slots.length) return;
    this.slots.splice(0, this.settled);
    this.base += this.settled;
    this.settled = 0;
  }

  /** Comes before the confirm of the same message. */
  private returned({ fields, properties }: Message): void {
    const reason = 'replyText' in fields && typeof fields.replyText === 'string' ? fields.replyText : 'no queue takes it';
    const slot = this.slots.find((each) => {
      if (each === undefined || each.flight.results[each.index] !== undefined) return false;
      const sent = each.flight.messages[each.index] as Outgoing;
      return (
        sent.exchange === fields.exchange &&
        sent.options.correlationId === properties.correlationId &&
        sent.options.messageId === properties.messageId
      );
    });
    if (slot !== undefined) this.decide(slot, { result: 'returned', reason });
  }

  private decide({ flight, index }: Slot, published: Published): void {
    if (flight.results[index] !== undefined || !this.flights.has(flight)) return;
    flight.results[index] = published;
    flight.left -= 1;
    if (flight.left === 0) this.end(flight);
  }

  private fail(flight: Flight, reason: string): void {
    const failed: Published = { result: 'failed', reason };
    flight.results = flight.messages.map((_, index) => flight.results[index] ?? failed);
    this.end(flight);
  }

  private end(flight: Flight): void {
    clearTimeout(flight.timer);
    this.flights.delete(flight);
    const index = this.waiting.indexOf(flight);
    if (index >= 0 && flight.written < flight.messages.length) this.waiting.splice(index, 1);
    this.load -= flight.messages.length;
    flight.resolve(flight.results as Published[]);
  }
}
