import { COUNTED, COUNTED_BY_EXECUTION } from '../store/counts.js';
import { loggedByClaim } from '../store/delivery-log.js';
import { nullable, statement, t } from '../store/statement.js';

/**
 * Raises the pause flag, of what is neither over nor paused already, and answers the lock to take; no row: there is no such campaign. From
 * its commit on no begin wins; that nothing begun still starts is the barrier's word, not this statement's. `status` may be older than what
 * it waited for. The senders hear of it, so that they let the lock go at once.
 */
export const pauseCampaign = statement({
  name: 'campaigns_pause',
  takes: { id: t.uuid },
  gives: { status: t.text, lock_key: t.bigint },
  text: `
    with paused as (
      update campaigns set paused = true, updated_at = now()
      where id = $id and not paused and status not in ('completed', 'cancelled') returning id, status, epoch),
    told as (select pg_notify('marquee', 'campaign_stopped ' || id || ':' || epoch) from paused),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', id, 'campaign_paused', jsonb_build_object('status', status, 'paused', true, 'epoch', epoch), true from paused)
    select status, lock_key from campaigns where id = $id and (select count(*) from told) >= 0`,
});

/**
 * Lowers the flag and begins the next epoch (protocol rule 9). No row when it is not paused, or over: of two resumes at once one wins.
 * Run `rewindDeliveries` after it in the same transaction, as a statement of its own: this one waits for claims that are being committed,
 * and only a later snapshot sees them.
 */
export const resumeCampaign = statement({
  name: 'campaigns_resume',
  takes: { id: t.uuid },
  gives: { epoch: t.int },
  text: `
    with resumed as (
      update campaigns set paused = false, epoch = epoch + 1, updated_at = now()
      where id = $id and paused and status not in ('completed', 'cancelled') returning id, status, epoch),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', id, 'campaign_resumed', jsonb_build_object('status', status, 'paused', false, 'epoch', epoch), true from resumed),
    told as (select pg_notify('marquee', kind) from resumed cross join (values ('deliveries_due'), ('execution_started')) as kinds(kind))
    select epoch from resumed where (select count(*) from told) >= 0`,
});

/**
 * Returns what is claimed of a campaign and not begun to PENDING, and answers how many. Its messages are stale from then on. What is
 * being sent stays (protocol rule 9), and so does its claim. It goes by the claims, so it costs what is in flight, not what there is: those
 * of which nothing is left end here, or each pause of the next half minute would look through them.
 */
export const rewindDeliveries = statement({
  name: 'deliveries_rewind',
  takes: { campaign: t.uuid },
  gives: { rewound: t.bigint },
  text: `
    with held as materialized (
      select d.id, d.claim_id, d.status from claims k cross join lateral unnest(k.delivery_ids) as held(id) join deliveries d on d.id = held.id
      where k.campaign_id = $campaign and d.claim_id = k.id and d.status in ('IN_PROGRESS', 'SENDING') order by d.id for update of d),
    moved as (
      update deliveries d set status = 'PENDING', was = d.status, next_attempt_at = now()
      from held where d.id = held.id and d.status = 'IN_PROGRESS'
      returning d.id, d.claim_id, d.attempt, d.last_error, d.execution_id, d.status, d.was),
    ${loggedByClaim('rewound', 'claims')},
    empty as materialized (
      select id from claims k where k.campaign_id = $campaign and not exists (select from held where claim_id = k.id and status = 'SENDING')
      for update skip locked),
    ended as (delete from claims using empty where claims.id = empty.id),
    ${COUNTED_BY_EXECUTION}
    select count(*) as rewound from moved`,
});

/**
 * What a pause answers from: the campaign's flag and epoch, and how many of its sends are mid-air, by the kept counts of the executions that have
 * claims; looking through what is claimed took ten times as long.
 */
export const readInterrupted = statement({
  name: 'campaigns_read_interrupted',
  takes: { id: t.uuid },
  gives: { status: t.text, paused: t.bool, epoch: t.int, draining: t.bigint },
  text: `
    select c.status, c.paused, c.epoch,
      (select coalesce(sum(n), 0) from execution_counts
       where state = 'SENDING' and execution_id in (select execution_id from claims where campaign_id = c.id))::bigint as draining
    from campaigns c where c.id = $id`,
});

/** The latest execution of a campaign, if it may run again: it completed or runs, and its campaign is not cancelled, expired or running another. */
export const executionToRetry = statement({
  name: 'executions_to_retry',
  takes: { campaign: t.uuid, now: t.bigint },
  gives: { status: t.text, channel: t.text, expired: t.bool, execution: nullable(t.uuid) },
  text: `
    select c.status, c.channel, c.expire_at is not null and c.expire_at <= $now as expired, e.id as execution
    from campaigns c
    left join lateral (
      select id from executions where campaign_id = c.id and state in ('RUNNING', 'COMPLETED') order by scheduled_for desc limit 1) as e on true
    where c.id = $campaign`,
});

/**
 * Makes an execution that is over run again, and its campaign with it. Holds the campaign's row until the transaction ends, so that a
 * cancel comes either before it or after what the transaction makes due, and sweeps that. No row when the campaign is
 * cancelled, or another of its executions is live.
 */
export const reopenExecution = statement({
  name: 'executions_reopen',
  takes: { execution: t.uuid },
  gives: { id: t.uuid },
  text: `
    with fence as materialized (
      select c.id from campaigns c
      where c.id = (select campaign_id from executions where id = $execution) and c.status <> 'cancelled' for no key update),
    reopened as (
      update executions e set state = 'RUNNING', ended_at = null
      where e.id = $execution and e.state in ('RUNNING', 'COMPLETED') and exists (select from fence)
        and not exists (select from executions o where o.campaign_id = e.campaign_id and o.id <> e.id and o.state in ('NEW', 'RUNNING', 'PAUSED') and not o.queued)
      returning e.id, e.campaign_id),
    active as (
      update campaigns c set status = 'active', updated_at = now() from reopened
      where c.id = reopened.campaign_id and c.status = 'completed' returning c.id),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', id, 'execution_started', '{"status": "active"}', true from active)
    select id from reopened`,
});

/**
 * Returns ended deliveries of one state to PENDING, at most $most of them in the order of their recipients after $after, and answers
 * how many and where it came to; only those of $ids where given. One whose outcome is unknown is in doubt from then on (protocol rule 7).
 */
export const retryDeliveries = statement({
  name: 'deliveries_retry',
  takes: { execution: t.uuid, states: t.texts, ids: nullable(t.uuids), after: t.text, most: t.int },
  gives: { n: t.bigint, last: nullable(t.text) },
  text: `
    with ended as materialized (
      select d.id, d.recipient from deliveries d
      where d.execution_id = $execution and d.recipient > $after and d.status = any($states) and ($ids is null or d.id = any($ids))
      order by d.recipient limit $most for update of d),
    moved as (
      update deliveries d
      set status = 'PENDING', was = d.status, next_attempt_at = now(), doubt = d.doubt or d.status = 'UNKNOWN', last_error = null, settled_at = null
      from ended where d.id = ended.id and d.status = any($states)
      returning d.id, d.status, d.was),
    logged as (
      insert into delivery_log (execution_id, what, delivery_ids) select $execution, 'retried', array_agg(id) from moved having count(*) > 0),
    ${COUNTED},
    told as (select pg_notify('marquee', 'deliveries_due') from (select count(*) as n from moved) as k where n > 0)
    select (select count(*) from moved) as n, (select max(recipient) from ended) as last from (select count(*) from told) as said`,
});
