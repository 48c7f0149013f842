import {
  CLICK_COUNTERS,
  type ClickLedger,
  clickLedger,
  type ClickProcess,
  clickProcess,
  type ClicksBy,
  type ClicksReport,
  clicksReport,
  type ClicksRow,
  type ClicksStatus,
  clicksStatus,
  type DeadLetter,
  deadLetter,
  deadLetterChoice,
} from '@marquee/contracts';
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

const NO_COUNTERS = Object.fromEntries(CLICK_COUNTERS.map((counter) => [counter, 0])) as ClicksStatus['counters'];

/** The part of the fake API that knows of clicks. */
export class FakeClicks {
  series: ClicksReport['series'] = [];
  /** What the rows are for each thing that they may be by. */
  rows: Partial<Record<ClicksBy, ClicksRow[]>> = {};
  status = statusRow([]);
  ledger: ClickLedger = ledgerOf([]);
  /** The newest first. */
  letters: DeadLetter[] = [];
  replays = 0;

  /** True when the request was its own, and is answered. */
  answer(method: string, url: URL, body: Buffer, response: ServerResponse): boolean {
    const reply = this.replyTo(`${method} ${url.pathname}`, url.searchParams, body);
    if (reply === undefined) return false;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    return true;
  }

  private replyTo(request: string, query: URLSearchParams, body: Buffer): unknown {
    const [, id] = /^GET \/clicks\/dead-letters\/(\d+)$/.exec(request) ?? [];
    if (id !== undefined) return this.letters.find((letter) => letter.id === Number(id));
    switch (request) {
      case 'GET /clicks/stats':
        return this.report(query);
      case 'GET /clicks/status':
        return clicksStatus.parse({ ...this.status, dlqDepth: this.letters.length });
      case 'GET /clicks/ledger':
        return clickLedger.parse(this.ledger);
      case 'POST /clicks/replay':
        this.replays += 1;
        return { processes: this.status.processes.length, waiting: this.status.fallbackDepth };
      case 'GET /clicks/dead-letters':
        return pageOf(this.letters, query);
      case 'POST /clicks/dead-letters/redrive':
      case 'POST /clicks/dead-letters/purge':
        return this.move(body);
      default:
        return undefined;
    }
  }

  private report(query: URLSearchParams): ClicksReport {
    const rows = this.rows[(query.get('by') ?? '') as ClicksBy];
    const total = { raw: 0, unique: 0, human: 0 };
    for (const point of this.series) for (const key of ['raw', 'unique', 'human'] as const) total[key] += point[key];
    return clicksReport.parse({ total, series: this.series, rows: query.has('by') ? pageOf(rows ?? [], query) : null });
  }

  private move(body: Buffer): { moved: number } {
    const choice = deadLetterChoice.parse(JSON.parse(body.toString('utf8')));
    const before = this.letters.length;
    this.letters = 'all' in choice ? [] : this.letters.filter(({ id }) => !choice.ids.includes(id));
    return { moved: before - this.letters.length };
  }
}

export function processRow(part: Partial<ClickProcess> = {}): ClickProcess {
  const now = Date.now();
  const row: ClickProcess = {
    process: 1,
    name: 'lobby:4711',
    startedAt: now - 3_600_000,
    at: now,
    ack: 'accepted',
    broker: { kind: 'rabbitmq', connected: true, blocked: false, channels: 4 },
    circuit: { state: 'CLOSED', failures: 0, since: now - 3_600_000, retryAt: null },
    memory: { clicks: 12, bound: 2000 },
    fallback: 'redis',
    depths: { queue: 0, fallback: 0 },
    counters: NO_COUNTERS,
    ...part,
  };
  return clickProcess.parse(row);
}

export function statusRow(processes: ClickProcess[], part: Partial<ClicksStatus> = {}): ClicksStatus {
  return clicksStatus.parse({
    circuit: processes[0]?.circuit.state ?? 'CLOSED',
    publisher: { ack: 'accepted', connected: true, memory: 12, bound: 2000 },
    queueDepth: 0,
    fallbackDepth: 0,
    dlqDepth: 0,
    counters: { ...NO_COUNTERS, ...part.counters },
    processes,
    ...Object.fromEntries(Object.entries(part).filter(([key]) => key !== 'counters')),
  });
}

export function letterRow(part: Partial<DeadLetter> = {}): DeadLetter {
  const own = { id: 1, messageId: randomUUID(), reason: 'no queue takes it', body: '{}', deadAt: Date.now() - 60_000, redriven: 0 };
  return deadLetter.parse({ ...own, ...part });
}

/** A ledger with these minutes, that balances. */
export function ledgerOf(minutes: ClickLedger['minutes'], part: Partial<ClickLedger> = {}): ClickLedger {
  const total = { accepted: 0, stored: 0, duplicates: 0, dead: 0, missing: 0 };
  for (const minute of minutes) for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += minute[key];
  const none = { memory: 0, queue: 0, fallback: 0 };
  return clickLedger.parse({
    minutes,
    total: { ...total, rejected: {} },
    inFlight: none,
    lost: { atLeast: 0, atMost: 0 },
    silent: [],
    balanced: true,
    ...part,
  });
}

function pageOf<Row>(rows: Row[], query: URLSearchParams) {
  const [offset, limit] = [Number(query.get('offset') ?? 0), Number(query.get('limit') ?? 20)];
  const next = offset + limit;
  return { data: rows.slice(offset, next), total: rows.length, offset, limit, nextCursor: next < rows.length ? String(next) : null };
}
