import type { AlertRuleView, Page, PutAlertRule, SnoozeBody, SnoozeView } from '@marquee/contracts';
import type { Clock } from '../kit/clock.js';
import { ProblemError } from '../kit/errors.js';
import { isUuid, newId } from '../kit/ids.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import type { Database, Runner } from '../store/database.js';
import type { Statement, ValuesOf } from '../store/statement.js';
import { queueTestNotices } from './notices.store.js';
import * as store from './rules.store.js';

export interface PageQuery {
  offset: number;
  limit: number;
  cursor?: string | undefined;
}

export interface AlertRulesOptions {
  /** Whether mails can be sent at all. */
  mails: boolean;
}

/** Each is looked at several times a minute. */
const MOST_RULES = 200;

/** The rules that say which screens are missed, when, and who is told; and the snoozes that keep them quiet. */
export class AlertRules {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly options: AlertRulesOptions,
  ) {}

  async list(query: PageQuery): Promise<Page<AlertRuleView>> {
    const after = decodeCursor(query.cursor, isUuid) ?? null;
    const [rows, counted] = await Promise.all([
      this.database.run(store.listRules, { after, skip: after === null ? query.offset : 0, most: query.limit + 1 }),
      this.database.run(store.countRules, {}),
    ]);
    const page = { total: counted[0]?.n ?? 0, offset: query.offset, limit: query.limit };
    return pageOf(
      rows,
      page,
      (row) => this.view(row),
      (row) => row.id,
    );
  }

  /** NOT_FOUND when there is none. */
  async get(id: string): Promise<AlertRuleView> {
    const [row] = await this.database.run(store.findRule, { id });
    if (row === undefined) throw noRule(id);
    return this.view(row);
  }

  /** CONFLICT when there are too many. */
  async create(rule: PutAlertRule): Promise<AlertRuleView> {
    const id = newId();
    await this.change((runner) => runner.run(store.insertRule, { id, most: MOST_RULES, ...settable(rule) }), tooMany);
    return await this.get(id);
  }

  /** Sets all that can be set; a secret that is not named stays. NOT_FOUND when there is none. */
  async put(id: string, rule: PutAlertRule): Promise<AlertRuleView> {
    const keepSecret = rule.webhook?.secret === undefined;
    await this.change(
      (runner) => runner.run(store.updateRule, { id, keepSecret, ...settable(rule) }),
      () => noRule(id),
    );
    return await this.get(id);
  }

  async delete(id: string): Promise<void> {
    await this.change(
      (runner) => runner.run(store.deleteRule, { id }),
      () => noRule(id),
    );
  }

  /** Sends a notice to everyone whom the rule tells that says nothing but that it arrives; answers to how many. */
  async test(id: string): Promise<{ notices: number }> {
    const rule = await this.get(id);
    if (rule.webhook === null && rule.emails.length === 0)
      throw new ProblemError('CONFLICT', 'the rule tells nobody: give it a webhook or an email address');
    const queued = await this.change(
      (runner) => runner.run(queueTestNotices, { rule: id }),
      () => noRule(id),
    );
    return { notices: queued.length };
  }

  async snooze(id: string, until: SnoozeBody): Promise<SnoozeView> {
    return await this.snoozed(store.snoozeRule, { id, ...this.moment(until) }, () => noRule(id));
  }

  async wake(id: string): Promise<void> {
    await this.snoozed(store.snoozeRule, { id, until: null, forMs: null }, () => noRule(id));
  }

  /** Until when a screen is snoozed. NOT_FOUND when it is not registered. */
  async snoozeOfScreen(device: string): Promise<SnoozeView> {
    const [row] = await this.database.run(store.snoozeOfScreen, { device });
    if (row === undefined) throw noScreen(device);
    return { until: row.snoozed_until };
  }

  async snoozeScreen(device: string, until: SnoozeBody): Promise<SnoozeView> {
    return await this.snoozed(store.snoozeScreen, { device, ...this.moment(until) }, () => noScreen(device));
  }

  async wakeScreen(device: string): Promise<void> {
    await this.snoozeOfScreen(device);
    await this.database.transaction(async (runner) => {
      await runner.run(store.wakeScreen, { device });
      await runner.run(store.alertsChanged, {});
    });
  }

  private moment(body: SnoozeBody): { until: number | null; forMs: number | null } {
    if ('forMs' in body) return { until: null, forMs: body.forMs };
    if (body.until <= this.clock.now()) throw new ProblemError('VALIDATION_FAILED', ['until: must be in the future']);
    return { until: body.until, forMs: null };
  }

  private async snoozed<Takes extends Statement['takes']>(
    statement: Statement<Takes, typeof store.snoozeRule.gives> | Statement<Takes, typeof store.snoozeScreen.gives>,
    args: ValuesOf<Takes>,
    missing: () => ProblemError,
  ): Promise<SnoozeView> {
    const [row] = await this.change((runner) => runner.run(statement as Statement<Takes, typeof store.snoozeRule.gives>, args), missing);
    return { until: row?.snoozed_until ?? null };
  }

  /** Changes something and tells of it; throws what `missing` says when nothing was there to change. */
  private change<Row>(work: (runner: Runner) => Promise<Row[]>, missing: () => ProblemError): Promise<Row[]> {
    return this.database.transaction(async (runner) => {
      const rows = await work(runner);
      if (rows.length === 0) throw missing();
      await runner.run(store.alertsChanged, {});
      return rows;
    });
  }

  private view(row: ValuesOf<typeof store.findRule.gives>): AlertRuleView {
    return {
      id: row.id,
      name: row.name,
      audience: row.audience as Record<string, unknown>,
      graceMs: row.grace_ms,
      webhook: row.webhook_url === null ? null : { url: row.webhook_url, hasSecret: row.has_secret },
      emails: row.emails,
      enabled: row.enabled,
      snoozedUntil: row.snoozed_until,
      openOutages: row.open_outages,
      warnings: row.emails.length > 0 && !this.options.mails ? ['emails are not sent: SMTP_URL is not set'] : [],
    };
  }
}

function settable({ name, audience, graceMs, webhook, emails, enabled }: PutAlertRule) {
  return {
    ruleName: name,
    means: JSON.stringify(audience),
    graceMs,
    webhookUrl: webhook?.url ?? null,
    secret: webhook?.secret ?? null,
    emails: [...new Map(emails.map((email) => [email.toLowerCase(), email])).values()],
    enabled,
  };
}

const noRule = (id: string): ProblemError => new ProblemError('NOT_FOUND', `there is no alert rule ${id}`);
const noScreen = (id: string): ProblemError => new ProblemError('NOT_FOUND', `there is no screen ${id}`);
const tooMany = (): ProblemError => new ProblemError('CONFLICT', `there are ${MOST_RULES} alert rules already`);
