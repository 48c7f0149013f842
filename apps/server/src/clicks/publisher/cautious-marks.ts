import type { Log } from '../../kit/log.js';
import { reasonOf } from '../../kit/errors.js';
import type { Timing } from '../../kit/timing.js';
import type { Marks } from '../marks.js';

export interface CautiousMarksOptions {
  /** How long an answer is waited for, ms. */
  waitMs: number;
  /** After a failure nothing is asked for so long, ms. */
  restMs: number;
}

/** A machine that is short of breath would say it every second. */
const SAY_EVERY_MS = 60_000;

const NONE: ReadonlySet<string> = new Set();

/** Marks that never hold anybody up: what does not answer in time is left alone for a while, and nothing is known meanwhile. Never rejects. */
export class CautiousMarks implements Marks {
  private restUntil = Number.NEGATIVE_INFINITY;
  private saidAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly marks: Marks,
    private readonly timing: Timing,
    private readonly options: CautiousMarksOptions,
    private readonly log: Log,
  ) {}

  known(messageIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.ask(() => this.marks.known(messageIds), this.options.waitMs, NONE);
  }

  async mark(messageIds: readonly string[]): Promise<void> {
    // Nobody waits for it, so it may be slow; but not for ever.
    const marked = await this.ask(() => this.marks.mark(messageIds).then(() => true), Math.max(1000, this.options.waitMs), false);
    if (!marked) throw new Error('not marked');
  }

  private ask<Answer>(question: () => Promise<Answer>, waitMs: number, otherwise: Answer): Promise<Answer> {
    const { timing } = this;
    if (timing.monotonic() < this.restUntil) return Promise.resolve(otherwise);
    return new Promise((resolve) => {
      const cancel = timing.after(waitMs, () => {
        this.rest(`no answer within ${waitMs} ms`);
        resolve(otherwise);
      });
      question().then(
        (answer) => {
          cancel();
          resolve(answer);
        },
        (error: unknown) => {
          cancel();
          this.rest(reasonOf(error));
          resolve(otherwise);
        },
      );
    });
  }

  private rest(reason: string): void {
    this.restUntil = this.timing.monotonic() + this.options.restMs;
    if (this.timing.monotonic() - this.saidAt < SAY_EVERY_MS) return;
    this.saidAt = this.timing.monotonic();
    this.log.warn(
      { reason },
      'the marks of confirmed clicks are slow or out of reach: repetitions are published, and counted once all the same',
    );
  }
}
