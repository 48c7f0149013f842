import type { ClickMessage } from './click.js';

/** Where clicks wait that the broker could not take. */
export interface Fallback {
  readonly kind: 'redis' | 'postgres';
  /** Keeps them; resolves when they are as safe as this store makes them. The same messageId again replaces itself. Rejects when it cannot. */
  store(messages: readonly ClickMessage[]): Promise<void>;
  /** At most so many, the oldest first as far as the store can tell. Nothing is taken away by it. */
  oldest(most: number): Promise<ClickMessage[]>;
  /** Forgets those that the broker has confirmed. */
  remove(messageIds: readonly string[]): Promise<void>;
  /** Rejects when it cannot be told now. */
  depth(): Promise<number>;
  close(): Promise<void>;
}
