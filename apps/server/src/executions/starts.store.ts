import { nullable, statement, t } from '../store/statement.js';

/**
 * Whether a new execution may start now but for its time: one that queues waits until nothing else of its campaign is live, and for
 * those that queue before it.
 */
const MAY_START = `(not e.queued or not exists (
  select from executions o where o.campaign_id = e.campaign_id and o.state in ('NEW', 'RUNNING', 'PAUSED')
    and (not o.queued or o.scheduled_for < e.scheduled_for)))`;

/**
 * Locks the new execution that is due first, and its campaign: one that nobody else is starting, and whose campaign nobody is changing, for it waits
 * for neither and so is part of no deadlock. No row when there is none.
 */
export const takeNewExecution = statement({
  name: 'executions_take_new',
  takes: {},
  gives: {
    id: t.uuid,
    campaign_id: t.uuid,
    attempts: t.int,
    channel: t.text,
    audience: t.json,
    content: nullable(t.json),
    late_ms: t.bigint,
    too_late_ms: nullable(t.bigint),
  },
  text: `
    select e.id, e.campaign_id, e.attempts, c.channel, c.audience, c.content, epoch_ms(now()) - e.scheduled_for as late_ms,
      case when e.kind = 'scheduled' then (c.schedule ->> 'tooLateMs')::bigint end as too_late_ms
    from executions e join campaigns c on c.id = e.campaign_id
    where e.state = 'NEW' and e.next_try_at <= now() and ${MAY_START}
    order by e.next_try_at, e.scheduled_for limit 1 for no key update of e, c skip locked`,
});

/** Runs a new execution that the caller holds locked, with its campaign; of a campaign that is over it ends CANCELLED. Answers which. */
export const startExecution = statement({
  name: 'executions_start',
  takes: { id: t.uuid },
  gives: { state: t.text },
  text: `
    with running as (
      update campaigns c set status = 'active', updated_at = now()
      from executions e where e.id = $id and c.id = e.campaign_id and c.status in ('ready', 'active') returning c.id),
    moved as (
      update executions e
      set state = case when exists (select from running) then 'RUNNING' else 'CANCELLED' end, attempts = e.attempts + 1, started_at = clock_timestamp(),
          ended_at = case when exists (select from running) then null else now() end, queued = false, reason = null
      where e.id = $id and e.state = 'NEW' returning e.state),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', id, 'execution_started', '{"status": "active"}', true from running)
    select state from moved`,
});

/**
 * Notes that the start of a new execution failed after so many attempts before: it is tried again in $delayMs, or ends in $state where
 * that is not NEW. No row when it was started or noted meanwhile.
 */
export const noteFailedStart = statement({
  name: 'executions_note_failed_start',
  takes: { id: t.uuid, attempts: t.int, state: t.text, reason: t.text, delayMs: t.float },
  gives: { campaign_id: t.uuid },
  text: `
    with noted as (
      update executions e
      set state = $state, attempts = e.attempts + 1, reason = $reason, next_try_at = now() + $delayMs * interval '1 ms',
          queued = e.queued and $state = 'NEW', ended_at = case when $state = 'NEW' then null else now() end
      where e.id = $id and e.state = 'NEW' and e.attempts = $attempts returning e.campaign_id),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', c.id, 'execution_' || lower($state), jsonb_build_object('status', c.status), true from campaigns c join noted on noted.campaign_id = c.id
      where $state <> 'NEW'),
    told as (select pg_notify('marquee', 'execution_new') from noted where $state <> 'NEW')
    select campaign_id from noted where (select count(*) from told) >= 0`,
});

/** In how many ms the next new execution may be started; no row when there is none. */
export const nextNewExecution = statement({
  name: 'executions_next_new',
  takes: {},
  gives: { wait_ms: t.float },
  text: `
    select greatest(0, extract(epoch from e.next_try_at - clock_timestamp()) * 1000)::float8 as wait_ms
    from executions e where e.state = 'NEW' and ${MAY_START} order by e.next_try_at limit 1`,
});

/** Locks a campaign, so that what follows in the transaction is of one state of its executions. */
export const lockCampaign = statement({
  name: 'executions_lock_campaign',
  takes: { id: t.uuid },
  gives: { id: t.uuid },
  text: 'select id from campaigns where id = $id for no key update',
});
