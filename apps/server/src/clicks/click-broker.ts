import type { Published } from '../kit/rabbitmq/confirm-lane.js';
import type { ClickMessage } from './click.js';

export type { Published } from '../kit/rabbitmq/confirm-lane.js';

/** A message as a consumer is given it. `tries` counts from 1. */
export interface Delivered extends ClickMessage {
  tries: number;
}

/** What a consumer decided about each message of a batch: it is done with, comes again, or goes to the dead letters. */
export type Decision = 'done' | 'again' | { dead: string };

export interface ConsumeOptions {
  /** Most messages that are handed out and not answered. */
  prefetch: number;
  /** Most messages of one batch, and how long the first of them waits for company, ms. */
  batch: number;
  waitMs: number;
}

/** The queue between those who accept clicks and those who count them: at least once, in no order that anybody may rely on. */
export interface ClickBroker {
  readonly kind: 'rabbitmq' | 'database';
  /** False while a publish would fail at once. */
  readonly connected: boolean;
  /** True while the broker takes nothing (AMQP 0-9-1 connection.blocked). */
  readonly blocked: boolean;
  /** How many channels publish. */
  readonly channels: number;
  /** Answers each message, in order, when its outcome is known; never rejects. One that has no answer within the broker's deadline `failed`. */
  publish(messages: readonly ClickMessage[]): Promise<Published[]>;
  /**
   * Hands out batches until the consumer is stopped; several at once are told apart by their connection. When `handle` rejects, the batch
   * comes again. A message is dropped from the queue only after `handle` has resolved. After `stop` no batch begins, and those under way end.
   */
  consume(options: ConsumeOptions, handle: (batch: Delivered[]) => Promise<Decision[]>): { stop(): Promise<void> };
  /** Messages that wait or are handed out; rejects when it cannot be told now. */
  depth(): Promise<number>;
  onConnectionChange(listener: (connected: boolean) => void): void;
  close(): Promise<void>;
}
