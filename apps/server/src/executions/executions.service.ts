import {
  type Backlog,
  type CampaignStatus,
  DELIVERY_STATES,
  type ExecutionCounts,
  type ExecutionKind,
  type ExecutionState,
  type ExecutionView,
  type Page,
} from '@marquee/contracts';
import type { Clock } from '../kit/clock.js';
import { ProblemError } from '../kit/errors.js';
import { isUuid, newId } from '../kit/ids.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import type { Database } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';
import {
  campaignStatus,
  countExecutions,
  findExecution,
  launchCampaigns,
  listExecutions,
  readBacklog,
  requestExecution,
} from './executions.store.js';

export interface ExecutionQuery {
  status?: ExecutionState | undefined;
  offset: number;
  limit: number;
  cursor?: string | undefined;
}

export interface Dispatched {
  started: true;
  executionId: string;
  epoch: number;
}

/** Runs of campaigns. */
export class Executions {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Starts a campaign that is ready. ALREADY_RUNNING when it runs, CONFLICT when it is not built yet or over, NOT_FOUND when there is none. */
  async dispatch(campaignId: string): Promise<Dispatched> {
    const [id, scheduledFor] = [newId(), this.clock.now()];
    const [launched] = await this.database.run(launchCampaigns, { campaigns: [campaignId], ids: [id], scheduledFor, onlyAuto: false });
    const [started] =
      launched === undefined ? await this.database.run(requestExecution, { campaign: campaignId, id, scheduledFor }) : [launched];
    if (started !== undefined) return { started: true, executionId: started.id, epoch: started.epoch };
    const [campaign] = await this.database.run(campaignStatus, { id: campaignId });
    throw refusal(campaignId, campaign?.status as CampaignStatus | undefined);
  }

  async list(query: ExecutionQuery, campaignId?: string): Promise<Page<ExecutionView>> {
    const before = decodeCursor(query.cursor, isUuid) ?? null;
    const filter = { campaign: campaignId ?? null, state: query.status ?? null };
    const { read } = this.database;
    const [rows, counted] = await Promise.all([
      read.run(listExecutions, { ...filter, before, skip: before === null ? query.offset : 0, most: query.limit + 1 }),
      read.run(countExecutions, filter),
    ]);
    return pageOf(rows, { total: counted[0]?.n ?? 0, offset: query.offset, limit: query.limit }, executionView, (row) => row.id);
  }

  /** How much waits, and for how long. */
  async backlog(): Promise<Backlog> {
    const [row] = await this.database.run(readBacklog, {});
    return {
      new: row?.new ?? 0,
      oldestNewMs: row?.oldest_new_ms ?? null,
      queued: row?.queued ?? 0,
      running: row?.running ?? 0,
      paused: row?.paused ?? 0,
      pendingDeliveries: row?.pending ?? 0,
      overdueSlots: row?.overdue ?? 0,
      oldestSlotMs: row?.oldest_slot_ms ?? null,
      latestLagMs: row?.latest_lag_ms ?? null,
    };
  }

  /** NOT_FOUND when there is none. */
  async get(id: string): Promise<ExecutionView> {
    const [row] = await this.database.run(findExecution, { id });
    if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no execution ${id}`);
    return executionView(row);
  }
}

function refusal(campaignId: string, status: CampaignStatus | undefined): ProblemError {
  if (status === undefined) return new ProblemError('NOT_FOUND', `there is no campaign ${campaignId}`);
  if (status === 'publishing' || status === 'active') return new ProblemError('ALREADY_RUNNING', 'the campaign runs already');
  if (status === 'draft' || status === 'building')
    return new ProblemError('CONFLICT', 'the campaign is not built yet; try again in a moment');
  return new ProblemError('CONFLICT', `the campaign is ${status}`);
}

const NONE = Object.fromEntries(DELIVERY_STATES.map((state) => [state, 0])) as ExecutionCounts;

/** Of what is kept beside an execution, the states of its deliveries. */
function pick(kept: Record<string, number>): Partial<ExecutionCounts> {
  return Object.fromEntries(DELIVERY_STATES.flatMap((state) => (kept[state] === undefined ? [] : [[state, kept[state]]])));
}

function executionView(row: ValuesOf<typeof findExecution.gives>): ExecutionView {
  return {
    id: row.id,
    campaignId: row.campaign_id,
    campaignName: row.campaign_name,
    state: row.state as ExecutionState,
    scheduledFor: row.scheduled_for,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    reason: row.reason,
    kind: row.kind as ExecutionKind,
    attempts: row.attempts,
    lagMs: row.started_at === null ? null : row.started_at - row.scheduled_for,
    durationMs: row.started_at === null || row.ended_at === null ? null : row.ended_at - row.started_at,
    counts: { ...NONE, ...pick(row.counts as Record<string, number>) },
  };
}
