import type { Acceptance, ClickMessage } from './click.js';

/** Where clicks wait that the broker could not take. */
export interface Fallback {
  readonly kind: 'redis' | 'postgres';
  /**
   * Keeps them; resolves when they are as safe as this store makes them. One acceptance is kept once, however often it is stored; two
   * acceptances under one messageId are both kept, since each may be on its way elsewhere too. Rejects when it cannot.
   */
  store(messages: readonly ClickMessage[]): Promise<void>;
  /** At most so many, the oldest first as far as the store can tell. Nothing is taken away by it. */
  oldest(most: number): Promise<ClickMessage[]>;
  /** Forgets those that the broker has confirmed; one that is not there any more is forgotten already. */
  remove(messages: readonly (Acceptance & { messageId: string })[]): Promise<void>;
  /** How many wait, as it was a second ago at most; rejects when it cannot be told now. */
  depth(): Promise<number>;
  close(): Promise<void>;
}
