import type { OnUnknown } from '@marquee/contracts';
import type { Runner } from '../store/database.js';
import { nullable, statement, t } from '../store/statement.js';

const fenceOf = statement({
  name: 'campaigns_fence',
  takes: { id: t.uuid },
  gives: { lock_key: t.bigint, channel: t.text, on_unknown: t.text, rate_per_second: nullable(t.int) },
  text: 'select lock_key, channel, on_unknown, rate_per_second from campaigns where id = $id',
});

export interface FenceKey {
  lockKey: number;
  channel: string;
  onUnknown: OnUnknown;
  /** Most sends in a second, over all processes. */
  ratePerSecond: number | null;
}

const MOST_KEPT = 10_000;

/** A campaign's lock, channel, rate and policy on unknown outcomes. None of them ever changes, so what was read once is kept. */
export class FenceKeys {
  private readonly kept = new Map<string, FenceKey>();

  constructor(private readonly database: Runner) {}

  /** Undefined when there is no such campaign. */
  async of(campaignId: string): Promise<FenceKey | undefined> {
    const known = this.kept.get(campaignId);
    if (known !== undefined) return known;
    const [row] = await this.database.run(fenceOf, { id: campaignId });
    if (row === undefined) return undefined;
    const key = { lockKey: row.lock_key, channel: row.channel, onUnknown: row.on_unknown as OnUnknown, ratePerSecond: row.rate_per_second };
    if (this.kept.size >= MOST_KEPT) this.kept.clear();
    this.kept.set(campaignId, key);
    return key;
  }
}
