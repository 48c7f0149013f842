import {
  type AlertRuleView,
  alertRuleView,
  type NoticeView,
  noticeView,
  type OutageView,
  outageView,
  putAlertRule,
} from '@marquee/contracts';
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** The part of the fake API that knows of alerts. */
export class FakeAlerts {
  rules: AlertRuleView[] = [];
  outages: OutageView[] = [];
  notices: NoticeView[] = [];
  /** By the path that was snoozed. */
  readonly snoozes = new Map<string, number>();

  /** True when the request was its own, and is answered. */
  answer(method: string, url: URL, body: Buffer, response: ServerResponse): boolean {
    const { pathname } = url;
    const [, id = ''] = /^\/alert-rules\/([^/]+)$/.exec(pathname) ?? [];
    if (pathname.endsWith('/snooze')) this.snooze(method, pathname, body, response);
    else if (pathname === '/alerts')
      json(response, page(this.outages.filter((row) => row.state === (url.searchParams.get('state') ?? row.state))));
    else if (pathname === '/notices') json(response, page(this.notices));
    else if (pathname === '/alert-rules' && method === 'GET') json(response, page(this.rules));
    else if (pathname === '/alert-rules') this.save(randomUUID(), body, response);
    else if (id !== '' && method === 'PUT') this.save(id, body, response);
    else if (id !== '') this.remove(id, response);
    else return false;
    return true;
  }

  private save(id: string, body: Buffer, response: ServerResponse): void {
    const { webhook, ...rest } = putAlertRule.parse(JSON.parse(body.toString('utf8')));
    const view = webhook === null ? null : { url: webhook.url, hasSecret: webhook.secret !== undefined };
    const rule = ruleRow({ ...rest, id, webhook: view });
    this.rules = [...this.rules.filter((each) => each.id !== id), rule];
    json(response, rule);
  }

  private remove(id: string, response: ServerResponse): void {
    this.rules = this.rules.filter((each) => each.id !== id);
    response.writeHead(204).end();
  }

  private snooze(method: string, path: string, body: Buffer, response: ServerResponse): void {
    if (method === 'POST') this.snoozes.set(path, Date.now() + (JSON.parse(body.toString('utf8')) as { forMs: number }).forMs);
    if (method === 'DELETE') this.snoozes.delete(path);
    json(response, { until: this.snoozes.get(path) ?? null });
  }
}

export function ruleRow(part: Partial<AlertRuleView> = {}): AlertRuleView {
  const own = {
    id: randomUUID(),
    name: 'All screens',
    audience: { all: true },
    graceMs: 300_000,
    webhook: null,
    emails: [],
    enabled: true,
  };
  return alertRuleView.parse({ ...own, snoozedUntil: null, openOutages: 0, warnings: [], ...part });
}

export function outageRow(part: Partial<OutageView> = {}): OutageView {
  const since = Date.now() - 3_600_000;
  const own = { id: randomUUID(), ruleId: randomUUID(), ruleName: 'All screens', deviceId: 'lobby-1', groupId: 'lobby', state: 'open' };
  return outageView.parse({
    ...own,
    since,
    openedAt: since + 300_000,
    closedAt: null,
    endedBy: null,
    snoozedUntil: null,
    noticed: true,
    ...part,
  });
}

export function noticeRow(part: Partial<NoticeView> = {}): NoticeView {
  const own = {
    id: randomUUID(),
    ruleId: randomUUID(),
    ruleName: 'All screens',
    kind: 'outage',
    way: 'webhook',
    target: 'https://hook.example.test/',
  };
  const rest = { screens: 1, named: ['lobby-1'], state: 'sent', attempts: 1, lastError: null, settledAt: null, nextAttemptAt: null };
  return noticeView.parse({ ...own, ...rest, createdAt: Date.now() - 60_000, ...part });
}

function page<Row>(rows: Row[]) {
  return { data: rows, total: rows.length, offset: 0, limit: 100, nextCursor: null };
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
