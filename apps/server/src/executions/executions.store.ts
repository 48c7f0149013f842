import { nullable, statement, t } from '../store/statement.js';

/**
 * Starts the one live execution of campaigns on screens that are built: their status goes from ready to publishing and an execution runs, in
 * one step. A campaign that is not ready any more, or has a live execution, gives no row. `onlyAuto` leaves alone what waits for a person.
 */
export const launchCampaigns = statement({
  name: 'executions_launch',
  takes: { campaigns: t.uuids, ids: t.uuids, scheduledFor: t.bigint, onlyAuto: t.bool },
  gives: { id: t.uuid, campaign_id: t.uuid, epoch: t.int },
  text: `
    with wanted as (select * from unnest($campaigns, $ids) as w(campaign_id, id)),
    launched as (
      update campaigns c set status = 'publishing', updated_at = now()
      from wanted w where c.id = w.campaign_id and c.channel = 'screen' and c.status = 'ready' and (c.dispatch = 'auto' or not $onlyAuto)
      returning c.id as campaign_id, w.id, c.epoch),
    made as (
      insert into executions (id, campaign_id, scheduled_for, state, started_at, kind, attempts)
      select id, campaign_id, $scheduledFor, 'RUNNING', now(), case when $onlyAuto then 'auto' else 'manual' end, 1 from launched),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', campaign_id, 'execution_started', '{"status": "publishing"}', true from launched)
    select id, campaign_id, epoch from launched`,
});

/**
 * Asks for an execution of a campaign that is sent to recipients, for a starter to take. No row when the campaign has a live execution,
 * is over, or is for screens.
 */
export const requestExecution = statement({
  name: 'executions_request',
  takes: { campaign: t.uuid, id: t.uuid, scheduledFor: t.bigint },
  gives: { id: t.uuid, epoch: t.int },
  text: `
    with wanted as (
      select id, epoch from campaigns where id = $campaign and channel <> 'screen' and status in ('ready', 'active') for no key update),
    made as (
      insert into executions (id, campaign_id, scheduled_for, kind) select $id, id, $scheduledFor, 'manual' from wanted
      on conflict do nothing returning id),
    told as (select pg_notify('marquee', 'execution_new') from made)
    select made.id, wanted.epoch from made, wanted where (select count(*) from told) >= 0`,
});

/** Running executions of recipients that look drained. */
export const drainedExecutions = statement({
  name: 'executions_drained',
  takes: { most: t.int },
  gives: { id: t.uuid, campaign_id: t.uuid },
  text: `
    select e.id, e.campaign_id from executions e join campaigns c on c.id = e.campaign_id
    where e.state = 'RUNNING' and e.targeted and c.channel <> 'screen'
      and coalesce((select sum(n) from execution_counts k where k.execution_id = e.id and k.state in ('PENDING', 'IN_PROGRESS', 'SENDING')), 0) = 0
    order by e.id limit $most`,
});

/** Locks a running execution, so that the count that follows is of the state that is ended; no row when another process is at it. */
export const lockRunning = statement({
  name: 'executions_lock_running',
  takes: { id: t.uuid },
  gives: { campaign_id: t.uuid },
  text: `select campaign_id from executions where id = $id and state = 'RUNNING' for no key update skip locked`,
});

/**
 * Completes an execution that the caller holds locked, and its campaign, when nothing of it is left to do; the campaign with it, when no
 * other is live or to come.
 * No row when there is something left.
 */
export const completeDrained = statement({
  name: 'executions_complete_drained',
  takes: { id: t.uuid },
  gives: { id: t.uuid },
  text: `
    with done as (
      update executions e set state = 'COMPLETED', ended_at = now()
      where e.id = $id and e.state = 'RUNNING' and e.targeted
        and coalesce((select sum(n) from execution_counts k where k.execution_id = $id and k.state in ('PENDING', 'IN_PROGRESS', 'SENDING')), 0) = 0
      returning e.id, e.campaign_id),
    over as (
      update campaigns c set status = 'completed', paused = false, updated_at = now() from done
      where c.id = done.campaign_id and c.status = 'active' and c.next_slot_at is null
        and not exists (select from executions o where o.campaign_id = done.campaign_id and o.id <> done.id and o.state in ('NEW', 'RUNNING', 'PAUSED'))
      returning c.id),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', campaign_id, 'execution_completed', case when exists (select from over) then '{"status": "completed"}'::jsonb else '{"status": "active"}'::jsonb end, true
      from done),
    told as (select pg_notify('marquee', 'execution_new') from done)
    select id from done where (select count(*) from told) >= 0`,
});

/** Running executions whose audience is not read to its end. */
export const untargetedExecutions = statement({
  name: 'executions_untargeted',
  takes: { most: t.int },
  gives: { id: t.uuid, channel: t.text, audience: t.json },
  text: `
    select e.id, c.channel, c.audience from executions e join campaigns c on c.id = e.campaign_id
    where not e.targeted and e.state = 'RUNNING' and not c.paused and c.status not in ('cancelled', 'completed') order by c.priority desc, e.id limit $most`,
});

/** Running executions with rows that wait, and in how many ms the first of them is due (negative: since). Highest priority first. */
export const waitingExecutions = statement({
  name: 'executions_waiting',
  takes: {},
  gives: { id: t.uuid, campaign_id: t.uuid, channel: t.text, rate_per_second: nullable(t.int), wait_ms: t.float },
  text: `
    select e.id, e.campaign_id, c.channel, c.rate_per_second, (extract(epoch from d.next_attempt_at - now()) * 1000)::float8 as wait_ms
    from executions e join campaigns c on c.id = e.campaign_id
    cross join lateral (
      select next_attempt_at from deliveries where execution_id = e.id and next_attempt_at is not null order by next_attempt_at limit 1) as d
    where e.state = 'RUNNING' and not c.paused and c.status not in ('cancelled', 'completed')
    order by c.priority desc, e.id`,
});

/** Campaigns of which every delivery was handed over once go from publishing to active. */
export const activateCampaigns = statement({
  name: 'executions_activate_campaigns',
  takes: {},
  gives: { id: t.uuid },
  text: `
    with handed as (
      select e.campaign_id from campaigns c join executions e on e.campaign_id = c.id and e.state = 'RUNNING' and e.targeted
      where c.status = 'publishing'
        and coalesce((select sum(n) from execution_counts k where k.execution_id = e.id and k.state in ('PENDING', 'IN_PROGRESS', 'SENDING')), 0) = 0),
    moved as (
      update campaigns c set status = 'active', updated_at = now() from handed where c.id = handed.campaign_id and c.status = 'publishing'
      returning c.id),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', id, 'campaign_active', '{"status": "active"}', true from moved)
    select id from moved`,
});

/** Campaigns that are past their end go to completed and their executions with them; the fact drives the sweep of what was not sent. */
export const completeCampaigns = statement({
  name: 'executions_complete_campaigns',
  takes: { now: t.bigint },
  gives: { id: t.uuid },
  text: `
    with done as (
      update campaigns set status = 'completed', paused = false, next_slot_at = null, updated_at = now()
      where expire_at <= $now and status not in ('completed', 'cancelled') returning id),
    ended as (
      update executions e set state = 'COMPLETED', ended_at = now() from done
      where e.campaign_id = done.id and e.state in ('NEW', 'RUNNING', 'PAUSED')),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload)
      select 'campaign', id, 'campaign_completed', '{"status": "completed"}' from done)
    select id from done`,
});

/** The next end (epoch ms) of a campaign that is not over; null when there is none. */
export const nextCompletion = statement({
  name: 'executions_next_completion',
  takes: {},
  gives: { at: nullable(t.bigint) },
  text: `select min(expire_at) as at from campaigns where status not in ('completed', 'cancelled')`,
});

/** Ends the executions of a cancelled campaign. */
export const cancelExecutions = statement({
  name: 'executions_cancel',
  takes: { campaign: t.uuid },
  gives: {},
  text: `
    update executions set state = 'CANCELLED', ended_at = now()
    where campaign_id = $campaign and state in ('NEW', 'RUNNING', 'PAUSED')`,
});

const executionRow = {
  id: t.uuid,
  campaign_id: t.uuid,
  campaign_name: t.text,
  state: t.text,
  scheduled_for: t.bigint,
  started_at: nullable(t.bigint),
  ended_at: nullable(t.bigint),
  reason: nullable(t.text),
  kind: t.text,
  attempts: t.int,
  counts: t.json,
};
/** A running execution of a paused campaign is shown as PAUSED: its row stays as it is, so that pause touches the campaign alone. */
const SHOWN_STATE = `case when e.state = 'RUNNING' and c.paused then 'PAUSED' else e.state end`;
const EXECUTION = `
  e.id, e.campaign_id, c.name as campaign_name, ${SHOWN_STATE} as state, e.scheduled_for, epoch_ms(e.started_at) as started_at, epoch_ms(e.ended_at) as ended_at,
  e.reason, e.kind, e.attempts,
  (select coalesce(jsonb_object_agg(k.state, k.n), '{}') from (
     select state, sum(n) as n from execution_counts where execution_id = e.id group by state) as k) as counts`;
const EXECUTIONS = 'executions e join campaigns c on c.id = e.campaign_id';

export const findExecution = statement({
  name: 'executions_find',
  takes: { id: t.uuid },
  gives: executionRow,
  text: `select ${EXECUTION} from ${EXECUTIONS} where e.id = $id`,
});

/** Newest first, of one campaign or state where given; `total` counts them all. */
export const listExecutions = statement({
  name: 'executions_list',
  takes: { campaign: nullable(t.uuid), state: nullable(t.text), before: nullable(t.uuid), skip: t.int, most: t.int },
  gives: executionRow,
  text: `
    select ${EXECUTION} from ${EXECUTIONS}
    where ($campaign is null or e.campaign_id = $campaign) and ($state is null or ${SHOWN_STATE} = $state)
      and e.id < coalesce($before, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by e.id desc offset $skip limit $most`,
});

/** How much waits, and for how long. Reads what is live by its indexes, and of what is over only the latest start. */
export const readBacklog = statement({
  name: 'executions_backlog',
  takes: {},
  gives: {
    new: t.bigint,
    oldest_new_ms: nullable(t.bigint),
    queued: t.bigint,
    running: t.bigint,
    paused: t.bigint,
    pending: t.bigint,
    overdue: t.bigint,
    oldest_slot_ms: nullable(t.bigint),
    latest_lag_ms: nullable(t.bigint),
  },
  text: `
    with waiting as (
      select count(*) as n, count(*) filter (where queued) as queued,
        max(epoch_ms(now()) - epoch_ms(created_at)) filter (where not queued) as oldest_ms
      from executions where state = 'NEW'),
    live as materialized (
      select e.id, c.paused from executions e join campaigns c on c.id = e.campaign_id where e.state = 'RUNNING'),
    slots as (
      select count(*) as n, max(epoch_ms(now()) - next_slot_at) as oldest_ms from campaigns where next_slot_at < epoch_ms(now()) and not paused)
    select waiting.n as new, waiting.oldest_ms as oldest_new_ms, waiting.queued, slots.n as overdue, slots.oldest_ms as oldest_slot_ms,
      (select count(*) from live where not paused) as running, (select count(*) from live where paused) as paused,
      (select coalesce(sum(k.n), 0)::bigint from live join execution_counts k on k.execution_id = live.id where k.state = 'PENDING') as pending,
      (select epoch_ms(started_at) - scheduled_for from executions
       where kind <> 'manual' and started_at is not null order by id desc limit 1) as latest_lag_ms
    from waiting, slots`,
});

export const countExecutions = statement({
  name: 'executions_count',
  takes: { campaign: nullable(t.uuid), state: nullable(t.text) },
  gives: { n: t.bigint },
  text: `select count(*) as n from ${EXECUTIONS} where ($campaign is null or e.campaign_id = $campaign) and ($state is null or ${SHOWN_STATE} = $state)`,
});

/** The status of a campaign, to say why it cannot be started. */
export const campaignStatus = statement({
  name: 'executions_campaign_status',
  takes: { id: t.uuid },
  gives: { status: t.text },
  text: 'select status from campaigns where id = $id',
});
