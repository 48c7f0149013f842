import { keys } from './queries.js';

/** What the live feed lets us suspect; the state itself is always read from the server. */
export type Hint =
  | { kind: 'campaign'; campaignId: string }
  | { kind: 'deliveries'; campaignId: string; air: boolean }
  | { kind: 'alerts' }
  | { kind: 'everything' };

/** The part of TanStack's QueryClient that is used here. */
export interface Refreshes {
  isFetching(filters: { queryKey: readonly unknown[] }): number;
  invalidateQueries(filters: { queryKey: readonly unknown[] }, options: { cancelRefetch: boolean }): Promise<void>;
}

/**
 * Turns hints into refetches of what is on the page: the first at once, then at most once in `intervalMs`, whatever the flow.
 * A hint that comes while its data is being fetched is kept for the next turn: that answer may have been read before the change,
 * and cancelling it would, with a server slower than the interval, never let one end.
 */
export class Refresher {
  private readonly waiting = new Map<string, readonly unknown[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly cache: Refreshes,
    private readonly intervalMs = 1_000,
  ) {}

  take(hint: Hint): void {
    for (const key of keysOf(hint)) this.waiting.set(JSON.stringify(key), key);
    if (this.timer === undefined) this.turn();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.clear();
  }

  private turn(): void {
    this.timer = undefined;
    if (this.waiting.size === 0) return;
    for (const [name, queryKey] of this.waiting) {
      if (this.cache.isFetching({ queryKey }) > 0) continue;
      this.waiting.delete(name);
      void this.cache.invalidateQueries({ queryKey }, { cancelRefetch: false });
    }
    this.timer = setTimeout(() => this.turn(), this.intervalMs);
  }
}

function keysOf(hint: Hint): (readonly unknown[])[] {
  switch (hint.kind) {
    case 'everything':
      return [keys.campaignLists, ['campaigns', 'one'], keys.screens, keys.alerts];
    case 'alerts':
      return [keys.alerts];
    case 'campaign':
      return [keys.campaignLists, keys.campaign(hint.campaignId)];
    case 'deliveries':
      return hint.air ? [keys.campaign(hint.campaignId), keys.screens] : [keys.campaign(hint.campaignId)];
  }
}
