import type { KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Clock } from '../kit/clock.js';
import { answered, failed, faulted, MOST_READ, type PostOutcome, signatureOf } from '../kit/post-outcome.js';
import type { StartGate } from './channel.js';

/** A request of undici's before its head is written, as its documentation of `undici:request:create` shows it. */
export interface LateHeaders {
  addHeader(name: string, value: string): unknown;
}

/**
 * How it went. Without `ended` the gate was closed. `started`: its head was handed to an open connection, so it may have arrived whatever
 * else is said.
 */
export type ExchangeOutcome = { started: false; ended?: PostOutcome } | { started: true; ended: PostOutcome };

interface ExchangeOptions {
  body: Buffer;
  secret: KeyObject | undefined;
  mayStart: StartGate;
  clock: Clock;
  timeoutMs: number;
  allowSetting: string;
}

/** Why undici is told not to write: it then forgets the request and keeps the connection. */
class NotStarted extends Error {
  override readonly name = 'NotStarted';
}

/** One post and its answer, as undici tells of it. Answers once, in time, whatever undici does or does not say. */
export class Exchange implements Dispatcher.DispatchHandler {
  private request: LateHeaders | undefined;
  private started = false;
  private over = false;
  private status: number | undefined;
  private retryAfter: string | string[] | undefined;
  private read = 0;
  private controller: Dispatcher.DispatchController | undefined;
  private readonly late: NodeJS.Timeout;

  constructor(
    private readonly options: ExchangeOptions,
    private readonly onOutcome: (outcome: ExchangeOutcome) => void,
  ) {
    const { timeoutMs } = options;
    this.late = setTimeout(() => this.cut(`no ${this.started ? 'answer' : 'connection'} within ${timeoutMs} ms`), timeoutMs);
  }

  /** undici has made the request that this is the handler of; nothing of it is written yet. */
  made(request: LateHeaders): void {
    this.request = request;
  }

  /** Ends it now: by its status where it was answered, else as failed for this reason. Nothing is written after it. */
  cut(reason: string): void {
    if (this.over) return;
    this.end(this.status === undefined ? failed(reason) : undefined);
    this.controller?.abort(new Error(reason));
  }

  /** undici has an open, idle connection and writes the head of this request to it as soon as this returns; a throw keeps it from that. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    // undici repeats by itself what a connection that closed had not taken; that would be a send that nobody began.
    if (this.over || this.started) throw new NotStarted('its time is over');
    const { body, secret, mayStart, clock } = this.options;
    const { request } = this;
    if (request === undefined) throw new Error('undici does not tell of its requests');
    const timestamp = String(clock.now());
    request.addHeader('x-marquee-timestamp', timestamp);
    if (secret !== undefined) request.addHeader('x-marquee-signature', signatureOf(secret, timestamp, body));
    if (!mayStart()) {
      this.answer({ started: false });
      throw new NotStarted('the gate is closed');
    }
    this.started = true;
    this.controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.retryAfter = headers['retry-after'];
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.read += chunk.length;
    if (this.read <= MOST_READ) return;
    // Its status is the answer; what else it says concerns no one.
    this.end();
    controller.abort(new Error('the answer is too long'));
  }

  onResponseEnd(): void {
    this.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.end(this.status === undefined ? faulted(error, this.options.allowSetting) : undefined);
  }

  /** Without an outcome its status is the answer. */
  private end(outcome?: PostOutcome): void {
    if (this.over) return;
    const ended = outcome ?? answered(this.status ?? 0, this.retryAfter, this.options.clock.now());
    this.answer(this.started ? { started: true, ended } : { started: false, ended });
  }

  private answer(outcome: ExchangeOutcome): void {
    this.over = true;
    clearTimeout(this.late);
    this.onOutcome(outcome);
  }
}
