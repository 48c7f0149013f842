import { screenAudience } from '@marquee/contracts';
import { Actor, type OnActorError } from '../kit/actor.js';
import type { Log } from '../kit/log.js';
import type { Database, Runner } from '../store/database.js';
import { type AudienceArguments, audienceArguments } from '../store/screen-audience.js';
import { queueOutageNotices, queueRecoveryNotices } from './notices.store.js';
import { closeRecovered, closeStrays, countOpen, nextLook, openOutages, pruneAlerts, takeRule } from './outages.store.js';
import { alertsChanged } from './rules.store.js';

export interface LookoutOptions {
  /** Longest sleep, ms. */
  pollMs: number;
  onError: OnActorError;
  /** Least time between two rounds of notices of one kind and rule, ms: what happens meanwhile is told together. */
  noticeEveryMs?: number;
}

const NOTICE_EVERY_MS = 60_000;
const FULL_EVERY_MS = 60_000;
/** A rule is looked at ten times in its grace, within these bounds, ms. */
const MOST_BETWEEN_MS = 10_000;
const LEAST_BETWEEN_MS = 200;
/** Screens that a notice names; the others are counted. */
export const MOST_NAMED = 50;
const KEPT_DAYS = 90;
const PRUNED_A_TURN = 1000;

/**
 * Watches for screens that went and screens that came back: opens and closes outages, rule by rule, and queues the notices about them in
 * the same transaction. Any number of them may run; each rule is looked at by one at a time.
 */
export class Lookout extends Actor {
  /** Outages that were open when it looked last, over all rules. */
  open = 0;
  private prunesAt = 0;

  constructor(
    private readonly database: Database,
    private readonly options: LookoutOptions,
    private readonly log: Log,
  ) {
    super('lookout', options.onError);
  }

  protected override async turn(): Promise<number> {
    let looks = 0;
    while (await this.look()) looks += 1;
    if (looks > 0) await this.keepHouse();
    const [next] = await this.database.run(nextLook, {});
    return Math.min(this.options.pollMs, Math.ceil(next?.wait_ms ?? this.options.pollMs));
  }

  /** Looks for the rule that is due first; false when none is. */
  private look(): Promise<boolean> {
    return this.database.transaction(async (transaction) => {
      const [rule] = await transaction.run(takeRule, {
        fullEveryMs: FULL_EVERY_MS,
        noticeEveryMs: this.options.noticeEveryMs ?? NOTICE_EVERY_MS,
        mostBetweenMs: MOST_BETWEEN_MS,
        leastBetweenMs: LEAST_BETWEEN_MS,
      });
      if (rule === undefined) return false;
      const means = screenAudience.safeParse(rule.audience);
      // Set by another hand; it must not keep the other rules from their turn.
      if (!means.success) this.log.warn({ rule: rule.id }, 'the audience of an alert rule is not one: it means nobody');
      const audience = audienceArguments(means.success ? means.data : { ids: [] });
      const moved = await this.moveOutages(transaction, rule, audience);
      const noticed = rule.may_notice ? await transaction.run(queueOutageNotices, { rule: rule.id, most: MOST_NAMED }) : [];
      const recovered = rule.may_recover ? await transaction.run(queueRecoveryNotices, { rule: rule.id, most: MOST_NAMED }) : [];
      const told = [...noticed, ...recovered].reduce((sum, row) => sum + row.screens, 0);
      if (moved + told > 0) await transaction.run(alertsChanged, {});
      return true;
    });
  }

  private async moveOutages(
    transaction: Runner,
    rule: { id: string; enabled: boolean; looks_at_all: boolean },
    audience: AudienceArguments,
  ): Promise<number> {
    const [back] = await transaction.run(closeRecovered, { rule: rule.id });
    const [strays] = rule.looks_at_all ? await transaction.run(closeStrays, { rule: rule.id, enabled: rule.enabled, ...audience }) : [];
    const [opened] = rule.enabled ? await transaction.run(openOutages, { rule: rule.id, ...audience }) : [];
    return (back?.closed ?? 0) + (strays?.closed ?? 0) + (opened?.opened ?? 0);
  }

  private async keepHouse(): Promise<void> {
    const [counted] = await this.database.run(countOpen, {});
    this.open = counted?.n ?? 0;
    if (performance.now() < this.prunesAt) return;
    const [gone] = await this.database.run(pruneAlerts, { days: KEPT_DAYS, most: PRUNED_A_TURN });
    this.prunesAt = performance.now() + ((gone?.pruned ?? 0) < PRUNED_A_TURN ? 3_600_000 : 1000);
  }
}
