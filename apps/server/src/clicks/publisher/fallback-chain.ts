import { reasonOf } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';
import type { Timing } from '../../kit/timing.js';
import type { Acceptance, ClickMessage } from '../click.js';
import type { Fallback } from '../fallback.js';

/** A fallback that can be asked whether it is there. */
export interface Pingable extends Fallback {
  ping(): Promise<void>;
}

/** How long a store may take while there is another to turn to, ms; and while there is none. */
const TURN_MS = 25;
const LAST_MS = 1000;
const READ_MS = 5000;
/** How long one that failed is left alone before it is asked whether it is back, ms. */
const REST_MS = 1000;

interface Link {
  fallback: Pingable;
  resting: boolean;
  failing: boolean;
}

/** One fallback after another: what the first does not take at once goes to the next. One that fails is left alone until it answers again. */
export class FallbackChain implements Fallback {
  readonly kind: Fallback['kind'];
  private readonly links: Link[];
  private readonly cancels = new Set<() => void>();
  private closed = false;

  constructor(
    fallbacks: readonly Pingable[],
    private readonly timing: Timing,
    private readonly log: Log,
    private readonly turnMs = TURN_MS,
  ) {
    this.links = fallbacks.map((fallback) => ({ fallback, resting: false, failing: false }));
    this.kind = fallbacks[0]?.kind ?? 'postgres';
  }

  /** Those that answer now. */
  get present(): readonly Pingable[] {
    return this.links.filter((link) => !link.resting).map((link) => link.fallback);
  }

  /** All of them answer. */
  get complete(): boolean {
    return this.links.every((link) => !link.resting);
  }

  /** The fallback of this kind is asked last from now on: it forgets when it ends. */
  demote(kind: Fallback['kind']): void {
    this.links.sort((a, b) => Number(a.fallback.kind === kind) - Number(b.fallback.kind === kind));
  }

  async store(messages: readonly ClickMessage[]): Promise<void> {
    let reason: unknown = new Error('no fallback can be reached');
    for (const [index, link] of this.links.entries()) {
      if (link.resting) continue;
      const last = this.links.slice(index + 1).every((next) => next.resting);
      try {
        await this.within(link.fallback.store(messages), last ? LAST_MS : this.turnMs);
        return;
      } catch (error) {
        reason = error;
        this.rest(link, reasonOf(error));
      }
    }
    throw reason;
  }

  async oldest(most: number): Promise<ClickMessage[]> {
    for (const fallback of this.present) {
      const oldest = await this.ask(fallback, this.within(fallback.oldest(most), READ_MS)).catch(() => []);
      if (oldest.length > 0) return oldest;
    }
    return [];
  }

  /** From each that answers: one that timed out may have stored it all the same. */
  async remove(messages: readonly (Acceptance & { messageId: string })[]): Promise<void> {
    await Promise.all(this.present.map((fallback) => this.ask(fallback, fallback.remove(messages))));
  }

  /** Waits for what one of them was asked; when that fails it is left alone for a while. */
  async ask<Answer>(fallback: Pingable, answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } catch (error) {
      for (const link of this.links) if (link.fallback === fallback) this.rest(link, reasonOf(error));
      throw error;
    }
  }

  async depth(): Promise<number> {
    const depths = await Promise.all(this.links.map((link) => link.fallback.depth()));
    return depths.reduce((sum, depth) => sum + depth, 0);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const cancel of this.cancels) cancel();
    await Promise.all(this.links.map((link) => link.fallback.close()));
  }

  private within<Answer>(storing: Promise<Answer>, ms: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const cancel = this.timing.after(ms, () => reject(new Error(`it did not answer within ${ms} ms`)));
      storing.then(resolve, reject).finally(cancel);
    });
  }

  private rest(link: Link, reason: string): void {
    if (link.resting) return;
    link.resting = true;
    this.later(link, reason);
  }

  /** A hiccup that is over when it is asked again is no line in the log. */
  private later(link: Link, reason: string): void {
    if (this.closed) return;
    const cancel = this.timing.after(REST_MS, () => {
      this.cancels.delete(cancel);
      this.within(link.fallback.ping(), LAST_MS).then(
        () => {
          link.resting = false;
          if (link.failing) this.log.info(`the fallback in ${link.fallback.kind} answers again`);
          link.failing = false;
        },
        (error: unknown) => {
          if (!link.failing) this.log.warn({ reason }, `the fallback in ${link.fallback.kind} takes no clicks`);
          link.failing = true;
          this.later(link, reasonOf(error));
        },
      );
    });
    this.cancels.add(cancel);
  }
}
