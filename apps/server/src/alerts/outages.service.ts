import type { NoticeKind, NoticeState, NoticeView, NoticeWay, OutageState, OutageView, Page } from '@marquee/contracts';
import { isUuid } from '../kit/ids.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import type { Database } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';
import type { PageQuery } from './alert-rules.service.js';
import { countNotices, listNotices } from './notices.store.js';
import { countAll, countOfScreen, countOpenOf, listAll, listOfScreen, listOpen } from './outages.store.js';

export interface OutageQuery extends PageQuery {
  state?: OutageState | undefined;
  ruleId?: string | undefined;
  deviceId?: string | undefined;
}

export interface NoticeQuery extends PageQuery {
  ruleId?: string | undefined;
  state?: NoticeState | undefined;
}

type OutageRow = ValuesOf<typeof listAll.gives>;
type Place = { before: string | null; skip: number; most: number };

/** What was noticed, and who was told. */
export class Outages {
  constructor(private readonly database: Database) {}

  async list(query: OutageQuery): Promise<Page<OutageView>> {
    const [rows, counted] = await this.read(query, placeOf(query));
    return pageOf(rows, { total: counted[0]?.n ?? 0, offset: query.offset, limit: query.limit }, outageView, (row) => row.id);
  }

  async notices(query: NoticeQuery): Promise<Page<NoticeView>> {
    const filter = { rule: query.ruleId ?? null, state: query.state ?? null };
    const { read } = this.database;
    const [rows, counted] = await Promise.all([read.run(listNotices, { ...filter, ...placeOf(query) }), read.run(countNotices, filter)]);
    return pageOf(rows, { total: counted[0]?.n ?? 0, offset: query.offset, limit: query.limit }, noticeView, (row) => row.id);
  }

  /** Each by the statement whose index leads there. */
  private async read(query: OutageQuery, place: Place): Promise<[OutageRow[], { n: number }[]]> {
    const { read } = this.database;
    const rule = query.ruleId ?? null;
    const device = query.deviceId ?? null;
    if (query.state === 'open')
      return await Promise.all([read.run(listOpen, { rule, device, ...place }), read.run(countOpenOf, { rule, device })]);
    const closed = query.state === undefined ? null : true;
    if (device === null) return await Promise.all([read.run(listAll, { rule, closed, ...place }), read.run(countAll, { rule, closed })]);
    const filter = { device, rule, closed };
    return await Promise.all([read.run(listOfScreen, { ...filter, ...place }), read.run(countOfScreen, filter)]);
  }
}

function placeOf(query: PageQuery): Place {
  const before = decodeCursor(query.cursor, isUuid) ?? null;
  return { before, skip: before === null ? query.offset : 0, most: query.limit + 1 };
}

function outageView(row: OutageRow): OutageView {
  return {
    id: row.id,
    ruleId: row.rule_id,
    ruleName: row.rule_name,
    deviceId: row.device_id,
    groupId: row.group_id,
    state: row.closed_at === null ? 'open' : 'closed',
    since: row.since,
    openedAt: row.opened_at,
    closedAt: row.closed_at,
    endedBy: row.ended_by as OutageView['endedBy'],
    snoozedUntil: row.snoozed_until,
    noticed: row.noticed,
  };
}

function noticeView(row: ValuesOf<typeof listNotices.gives>): NoticeView {
  return {
    id: row.id,
    ruleId: row.rule_id,
    ruleName: row.rule_name,
    kind: row.kind as NoticeKind,
    way: row.way as NoticeWay,
    target: row.target,
    screens: row.screens,
    named: row.named,
    state: row.state as NoticeState,
    attempts: row.attempts,
    lastError: row.last_error,
    createdAt: row.created_at,
    settledAt: row.settled_at,
    nextAttemptAt: row.next_attempt_at,
  };
}
