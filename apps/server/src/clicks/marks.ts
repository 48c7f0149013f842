/**
 * Which messages the broker has confirmed, so that a repetition is not published again. A hint: without it, or when it has forgotten, the
 * repetition is published and counted once all the same.
 */
export interface Marks {
  /** Those of these that are marked. Rejects when it cannot be told now. */
  known(messageIds: readonly string[]): Promise<ReadonlySet<string>>;
  mark(messageIds: readonly string[]): Promise<void>;
}
