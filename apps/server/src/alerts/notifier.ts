import type { NoticeKind, NoticeScreen, NoticeState, NoticeWay } from '@marquee/contracts';
import { Actor, type OnActorError } from '../kit/actor.js';
import { backoff } from '../kit/backoff.js';
import type { Log } from '../kit/log.js';
import type { SignedPoster } from '../kit/signed-poster.js';
import type { Database } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';
import type { Mailer } from './mailer.js';
import { bodyOf, type Notice, subjectOf, textOf } from './notice-text.js';
import { nextNotice, settleNotice, takeNotices } from './notices.store.js';
import { alertsChanged } from './rules.store.js';

export interface NotifierOptions {
  /** Longest sleep, ms. */
  pollMs: number;
  onError: OnActorError;
  /** Where a person reads on. */
  alertsUrl: string;
  /** Beyond any send, ms: whoever holds a notice for longer is dead. */
  leaseMs: number;
  /** First repetition, ms; later ones come ever slower, up to 15 minutes. */
  retryFirstMs?: number;
}

export interface NotifierMetrics {
  notice(way: string, result: 'sent' | 'retried' | 'failed' | 'dropped'): void;
}

type Taken = ValuesOf<typeof takeNotices.gives>;
type Result = { state: Exclude<NoticeState, 'queued'>; reason: string | null } | { state: 'queued'; reason: string; delayMs: number };

const NOTICES_A_TURN = 20;
const RETRY_FIRST_MS = 5000;
const RETRY_MAX_MS = 900_000;
const GIVES_UP_AFTER_MS = 24 * 3_600_000;
export const NO_MAILER = 'not sent: SMTP_URL is not set';

/**
 * Sends queued notices, each at least once and to one addressee in their order. What cannot be sent now is tried again ever slower and
 * given up after a day; the row says why. Any number of them may run.
 */
export class Notifier extends Actor {
  constructor(
    private readonly database: Database,
    private readonly poster: SignedPoster,
    /** Absent: emails are dropped, and say so. */
    private readonly mailer: Mailer | undefined,
    private readonly options: NotifierOptions,
    private readonly metrics: NotifierMetrics,
    private readonly log: Log,
  ) {
    super('notifier', options.onError);
  }

  protected override async turn(): Promise<number> {
    const taken = await this.database.run(takeNotices, { most: NOTICES_A_TURN, leaseMs: this.options.leaseMs });
    await Promise.all(taken.map((notice) => this.handle(notice)));
    // The next to the same addressee may have become the first.
    if (taken.length > 0) return 0;
    const [next] = await this.database.run(nextNotice, {});
    return Math.min(this.options.pollMs, Math.max(50, Math.ceil(next?.wait_ms ?? this.options.pollMs)));
  }

  private async handle(notice: Taken): Promise<void> {
    const result = await this.send(notice);
    const { id, attempt, way } = notice;
    const settled = await this.database.transaction(async (transaction) => {
      const delayMs = result.state === 'queued' ? result.delayMs : 0;
      const [row] = await transaction.run(settleNotice, { id, attempt, state: result.state, reason: result.reason, delayMs });
      if (row !== undefined) await transaction.run(alertsChanged, {});
      return row !== undefined;
    });
    if (!settled) return;
    this.metrics.notice(way, result.state === 'queued' ? 'retried' : result.state);
    if (result.state === 'failed') this.log.warn({ notice: id, rule: notice.rule_id, way, reason: result.reason }, 'a notice was not sent');
  }

  private async send(taken: Taken): Promise<Result> {
    if (!taken.is_named) return { state: 'dropped', reason: 'not sent: the rule does not name this addressee any more' };
    const notice = noticeOf(taken);
    if ((taken.way as NoticeWay) === 'email') return await this.mail(taken, notice);
    const outcome = await this.poster.post({
      url: taken.webhook_url ?? '',
      body: JSON.stringify(bodyOf(notice)),
      secret: taken.webhook_secret ?? undefined,
      idempotencyKey: taken.id,
    });
    if (outcome.ok) return { state: 'sent', reason: null };
    if (outcome.kind === 'refused') return { state: 'failed', reason: outcome.reason };
    return this.later(taken, outcome.reason, outcome.retryAfterMs);
  }

  private async mail(taken: Taken, notice: Notice): Promise<Result> {
    if (this.mailer === undefined) return { state: 'dropped', reason: NO_MAILER };
    const text = textOf(notice, this.options.alertsUrl);
    const outcome = await this.mailer.send({ to: taken.target, subject: subjectOf(notice), text, id: taken.id });
    if (outcome.ok) return { state: 'sent', reason: null };
    return outcome.kind === 'refused' ? { state: 'failed', reason: outcome.reason } : this.later(taken, outcome.reason, 0);
  }

  private later({ attempt, age_ms: ageMs }: Taken, reason: string, atLeastMs: number): Result {
    const { retryFirstMs = RETRY_FIRST_MS } = this.options;
    const delayMs = Math.max(atLeastMs, backoff(attempt, { firstMs: retryFirstMs, maxMs: RETRY_MAX_MS, jitter: 0.2 }));
    if (ageMs + delayMs > GIVES_UP_AFTER_MS) return { state: 'failed', reason: `given up after a day: ${reason}` };
    return { state: 'queued', reason, delayMs };
  }
}

function noticeOf(taken: Taken): Notice {
  return {
    kind: taken.kind as NoticeKind,
    ruleId: taken.rule_id,
    rule: taken.rule_name,
    at: taken.created_at,
    screens: taken.screens,
    named: taken.named as NoticeScreen[],
  };
}
