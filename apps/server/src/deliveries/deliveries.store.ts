import { MOST_SINGLE } from '../feed/events.js';
import { COUNTED, COUNTED_BY_EXECUTION } from '../store/counts.js';
import { BY, loggedByClaim, onceIfAlike } from '../store/delivery-log.js';
import { DELIVERY, deliveryRow } from '../store/delivery-row.js';
import { nullable, statement, t } from '../store/statement.js';

/**
 * Claims due rows of one execution for this claim, and promises that no other claim has them while the lease lasts. Reads the
 * campaign row FOR SHARE, so that a resume that races it either sees the claimed rows or is seen (protocol rule 1). Nothing when
 * the campaign is paused or over; rows that another claim is taking are passed over.
 */
export const claimDeliveries = statement({
  name: 'deliveries_claim',
  takes: { campaign: t.uuid, execution: t.uuid, claim: t.uuid, process: nullable(t.int), most: t.int, leaseMs: t.int },
  gives: { id: t.uuid, epoch: t.int },
  text: `
    with fence as materialized (
      select id, epoch from campaigns where id = $campaign and not paused and status not in ('cancelled', 'completed') for share),
    due as materialized (
      select d.id from deliveries d
      where d.execution_id = $execution and d.next_attempt_at is not null and d.next_attempt_at <= now() and exists (select from fence)
      order by d.next_attempt_at limit $most for update skip locked),
    moved as (
      update deliveries d
      set status = 'IN_PROGRESS', was = d.status, epoch = fence.epoch, claim_id = $claim, next_attempt_at = null
      from due, fence where d.id = due.id
      returning d.id, d.epoch, d.status, d.was),
    leased as (
      insert into claims (id, campaign_id, execution_id, process_id, lease_until, delivery_ids, epoch, claimed_by)
      select $claim, $campaign, $execution, $process, now() + $leaseMs * interval '1 ms', array_agg(id), max(epoch), ${BY}
      from moved having count(*) > 0),
    ${COUNTED}
    select id, epoch from moved order by id`,
});

/**
 * Begins the rows of one claim: the fence and the compare-and-set in one committed statement (protocol rule 3). Whoever runs it
 * holds the campaign's lock already. A row of another claim or epoch, or of a campaign paused or over, is not answered and stays
 * as it is: it must not be sent. From now on the claim is $process', whose death need not wait for its lease.
 */
export const beginDeliveries = statement({
  name: 'deliveries_begin',
  takes: { campaign: t.uuid, execution: t.uuid, epoch: t.int, claim: t.uuid, process: nullable(t.int), ids: t.uuids, sendMs: t.int },
  gives: { id: t.uuid, recipient: t.text, attempt: t.int, unstarted: t.int },
  text: `
    with moved as (
      update deliveries d
      set status = 'SENDING', was = d.status, attempt = d.attempt + 1
      from campaigns c
      where d.id = any($ids) and d.status = 'IN_PROGRESS' and d.epoch = $epoch and d.claim_id = $claim
        and c.id = $campaign and not c.paused and c.status not in ('cancelled', 'completed')
      returning d.id, d.recipient, d.attempt, d.unstarted, d.status, d.was),
    extended as (
      update claims set lease_until = greatest(lease_until, now() + $sendMs * interval '1 ms'), begun_by = ${BY}, begun_at = now(),
             process_id = coalesce($process, process_id)
      where id = $claim and exists (select from moved)),
    ${COUNTED}
    select id, recipient, attempt, unstarted from moved`,
});

/**
 * Settles attempts: each row only by the attempt that began it, and also when it was taken for UNKNOWN meanwhile, for a late true
 * result heals it (protocol rule 6); one that it would be tried again after ends it FAILED, since its campaign may be over and swept by
 * then. NOT_STARTED is PENDING again, and no attempt. An older attempt's result is not answered and changes nothing. The ids come sorted, so
 * that two statements over the same rows wait for each other in one order. The select around the ids hides
 * their number from the planner, which else compares everything with everything on a table analysed before the drain. One row of the log
 * says all of it.
 */
export const settleDeliveries = statement({
  name: 'deliveries_settle',
  takes: {
    campaign: t.uuid,
    execution: t.uuid,
    epoch: t.int,
    /** Set when the attempts are all that the claim had: it ends with them. */
    claim: nullable(t.uuid),
    ids: t.uuids,
    /**
     * For the log: under which claims they were begun and when that was (one for each, or one for all), and when each was sent, by the sender's
     * clock, epoch ms; null: it was not.
     */
    claims: t.uuids,
    begunAt: t.bigints,
    sentAt: t.nullableBigints,
    attempts: t.ints,
    outcomes: t.texts,
    reasons: t.nullableTexts,
    delaysMs: t.ints,
    /** Where it may have been sent although it was not confirmed: if nobody sends it again, nobody may say that it was not. */
    doubts: t.bools,
    firstOfferMs: nullable(t.int),
  },
  gives: { id: t.uuid, status: t.text },
  text: `
    with results as materialized (
      select id, attempt, case said when 'NOT_STARTED' then 'PENDING' else said end as outcome, (said = 'NOT_STARTED')::int as unstarted, reason, delay_ms, doubt
      from unnest((select $ids), (select $attempts), (select $outcomes), (select $reasons), (select $delaysMs), (select $doubts))
        as r(id, attempt, said, reason, delay_ms, doubt)),
    moved as (
      update deliveries d
      set status = case when d.status = 'UNKNOWN' and r.outcome = 'PENDING' then 'FAILED' else r.outcome end, was = d.status,
          last_error = r.reason, settled_at = now(), doubt = d.doubt or r.doubt, unstarted = d.unstarted + r.unstarted,
          next_attempt_at = case when r.outcome = 'PENDING' and d.status = 'SENDING' then now() + r.delay_ms * interval '1 ms' end
      from results r
      where d.id = r.id and d.attempt = r.attempt and d.status in ('SENDING', 'UNKNOWN')
      returning d.id, d.status, d.was),
    ${COUNTED},
    logged as (
      insert into delivery_log (execution_id, what, claim_ids, epoch, claimed_by, claimed_at, begun_by, begun_at,
                                delivery_ids, attempts, outcomes, reasons, sent_at, stale)
      select e.id, 'settled', $claims, $epoch, k.claimed_by, k.claimed_at, ${BY}, $begunAt,
             $ids, ${onceIfAlike('$attempts')}, ${onceIfAlike('$outcomes')},
             case when (select count(reason) from results) > 0 then $reasons end, $sentAt,
             case when (select count(*) from moved) < cardinality($ids) then array(select id from results except select id from moved) end
      from executions e left join claims k on k.id = ($claims)[1] and k.id = all ($claims) where e.id = $execution),
    ended as (delete from claims where id = $claim),
    round as (
      insert into offer_rounds (execution_id, due_at) select $execution, now() + $firstOfferMs * interval '1 ms' where $firstOfferMs is not null
      on conflict (execution_id) do nothing),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', $campaign, 'deliveries_moved',
             case when n <= ${MOST_SINGLE}
               then jsonb_build_object('epoch', $epoch, 'outcomes', (
                 select jsonb_object_agg(status, ids) from (select status, jsonb_agg(id) as ids from moved group by status) as told))
               else jsonb_build_object('epoch', $epoch, 'counts', (
                 select jsonb_object_agg(status, n) from (select status, count(*) as n from moved group by status) as told)) end,
             true
      from (select count(*) as n from moved) as batch where n > 0)
    select id, status from moved`,
});

/** Says in the feed that messages of an older claim bounced off the fence; their rows are untouched. */
export const noteStale = statement({
  name: 'deliveries_note_stale',
  takes: { campaign: t.uuid, epoch: t.int, ids: t.uuids },
  gives: {},
  text: `
    insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
    select 'campaign', $campaign, 'deliveries_moved',
           case when cardinality($ids) <= ${MOST_SINGLE}
             then jsonb_build_object('epoch', $epoch, 'outcomes', jsonb_build_object('REJECTED_STALE', to_jsonb($ids)))
             else jsonb_build_object('epoch', $epoch, 'counts', jsonb_build_object('REJECTED_STALE', cardinality($ids))) end,
           true`,
});

/**
 * Returns the deliveries of claims whose lease ended (protocol rule 7), $most claims at a time: what was not begun to PENDING; a send that
 * ended without a word to PENDING in doubt where its channel may repeat it under the same key or its campaign says so, else to UNKNOWN, or to
 * FAILED where the campaign says so; one that the screen has answered is a SUCCESS. A worker that is still alive loses its claim
 * at begin; its send settles later by its attempt.
 */
export const rescueDeliveries = statement({
  name: 'deliveries_rescue',
  takes: { most: t.int, safeChannels: t.texts },
  gives: { execution_id: t.uuid, status: t.text, n: t.bigint },
  text: `
    with expired as materialized (
      select k.id, k.execution_id, k.epoch, k.claimed_by, k.claimed_at, k.begun_by, k.begun_at, k.delivery_ids,
             c.channel = any($safeChannels) or c.on_unknown = 'retry' as again, c.on_unknown = 'fail' as fails
      from claims k join campaigns c on c.id = k.campaign_id
      where k.lease_until < now() order by k.lease_until limit $most for update of k skip locked),
    held as materialized (
      select d.id, d.status = 'IN_PROGRESS' or x.again as again, x.fails, d.status = 'SENDING' and d.acknowledged_at is not null as arrived
      from expired x cross join lateral unnest(x.delivery_ids) as held(id) join deliveries d on d.id = held.id
      where d.claim_id = x.id and d.status in ('IN_PROGRESS', 'SENDING') order by d.id for update of d),
    ended as (delete from claims using expired where claims.id = expired.id returning 1),
    moved as (
      update deliveries d
      set was = d.status,
          status = case when h.arrived then 'SUCCESS' when h.again then 'PENDING' when h.fails then 'FAILED' else 'UNKNOWN' end,
          next_attempt_at = case when h.again and not h.arrived then now() end,
          settled_at = case when h.arrived or (h.fails and not h.again) then now() else d.settled_at end,
          doubt = d.doubt or (d.status = 'SENDING' and not h.arrived),
          last_error = case when d.status = 'SENDING' and not h.arrived then 'the worker ended before the result was known' else d.last_error end
      from held h where d.id = h.id
      returning d.id, d.claim_id, d.attempt, d.last_error, d.execution_id, d.status, d.was),
    ${loggedByClaim('rescued', 'expired')},
    ${COUNTED_BY_EXECUTION},
    told as (select pg_notify('marquee', 'deliveries_due') from (select count(*) as n from moved) as k where n > 0)
    select execution_id, status, count(*) as n from moved where (select count(*) from told) + (select count(*) from ended) >= 0 group by execution_id, status`,
});

/**
 * Returns what a claim has not begun to PENDING, to be claimed by anybody after $afterMs: whoever took it cannot go on, or ends. What is being
 * sent is left alone, under the claim and its lease, so a message that came twice takes nothing from whoever sends. The claim ends when
 * all of it was returned. Nothing when it was never committed, or has ended; a begin that comes later finds none of its rows.
 */
export const giveBackClaim = statement({
  name: 'deliveries_give_back',
  takes: { claim: t.uuid, afterMs: t.int },
  gives: { returned: t.bigint },
  text: `
    with mine as materialized (select id, delivery_ids from claims where id = $claim for update),
    unbegun as materialized (
      select d.id from mine cross join lateral unnest(mine.delivery_ids) as held(id) join deliveries d on d.id = held.id
      where d.claim_id = mine.id and d.status = 'IN_PROGRESS' order by d.id for update of d),
    moved as (
      update deliveries d set status = 'PENDING', was = d.status, next_attempt_at = now() + $afterMs * interval '1 ms'
      from unbegun where d.id = unbegun.id and d.status = 'IN_PROGRESS'
      returning d.id, d.claim_id, d.attempt, d.last_error, d.execution_id, d.status, d.was),
    ${loggedByClaim('returned', 'claims')},
    ended as (delete from claims using mine where claims.id = mine.id and (select count(*) from moved) = cardinality(mine.delivery_ids)),
    ${COUNTED_BY_EXECUTION},
    told as (select pg_notify('marquee', 'deliveries_due') from (select count(*) as n from moved) as k where n > 0)
    select count(*) as returned from moved where (select count(*) from told) >= 0`,
});

/**
 * Ends the leases of all claims and sends, so that the rescuer returns them at once. Only for a process that knows itself to be the
 * only one: elsewhere it would cost living workers their claims, though never a delivery.
 */
export const expireLeases = statement({
  name: 'deliveries_expire_leases',
  takes: {},
  gives: {},
  text: `update claims set lease_until = now() - interval '1 ms'`,
});

/**
 * Ends what has not been sent of a campaign that is over, some rows at a time: to $outcome, or to UNKNOWN where an earlier attempt may
 * have been sent (protocol rule 10). Rows that are being sent are left to their settle; the caller comes again until none is left.
 */
export const sweepDeliveries = statement({
  name: 'deliveries_sweep',
  takes: { campaign: t.uuid, outcome: t.text, reason: t.text, most: t.int },
  gives: { swept: t.bigint },
  text: `
    with pending as materialized (
      select d.id from executions e join deliveries d on d.execution_id = e.id
      where e.campaign_id = $campaign and d.next_attempt_at is not null
      limit $most for update of d skip locked),
    claimed as materialized (
      select d.id from claims k cross join lateral unnest(k.delivery_ids) as held(id) join deliveries d on d.id = held.id
      where k.campaign_id = $campaign and d.claim_id = k.id and d.status = 'IN_PROGRESS'
      limit $most for update of d skip locked),
    moved as (
      update deliveries d
      set was = d.status, status = case when d.doubt then 'UNKNOWN' else $outcome end, last_error = $reason,
          next_attempt_at = null, settled_at = now()
      from (select id from pending union all select id from claimed) as doomed
      where d.id = doomed.id and d.status in ('PENDING', 'IN_PROGRESS')
      returning d.execution_id, d.status, d.was),
    ${COUNTED_BY_EXECUTION}
    select count(*) as swept from moved`,
});

/**
 * Stops offering a campaign that is over and, when it is to be revoked, makes the revokes due of every screen that may have it,
 * some rows at a time. One that only came to its end is revoked too where an edit brought the end forward and the screen has not acknowledged
 * that: its copy would play on. A screen that answered a revoke already is left alone.
 */
export const withdrawOffers = statement({
  name: 'deliveries_withdraw_offers',
  takes: { campaign: t.uuid, revoke: t.bool, most: t.int },
  gives: { withdrawn: t.bigint },
  text: `
    with shortened as materialized (
      select exists (select from campaign_versions v join campaigns c on c.id = v.campaign_id
                     where v.campaign_id = $campaign and v.expire_at > c.expire_at) as is_so),
    out as materialized (
      select d.id, d.attempt > d.unstarted and d.revoke_acked_at is null and ($revoke or (shortened.is_so and d.acknowledged_at is null)) as revoke
      from shortened, executions e join deliveries d on d.execution_id = e.id
      where e.campaign_id = $campaign and d.status <> 'SENDING'
        and (d.next_offer_at is not null
             or (d.attempt > d.unstarted and d.revoke_acked_at is null and d.next_revoke_at is null
                 and ($revoke or (shortened.is_so and d.acknowledged_at is null))))
      order by d.id limit $most for update of d),
    moved as (
      update deliveries d
      set next_offer_at = null, next_revoke_at = case when out.revoke then coalesce(d.next_revoke_at, now()) end
      from out where d.id = out.id returning out.revoke),
    told as (select pg_notify('marquee', 'revokes_due') from (select count(*) filter (where revoke) as n from moved) as k where n > 0)
    select count(*) as withdrawn from moved where (select count(*) from told) >= 0`,
});

/** How many rows of a campaign are claimed or being sent. */
export const inFlightOf = statement({
  name: 'deliveries_in_flight',
  takes: { campaign: t.uuid },
  gives: { n: t.bigint },
  text: `
    select count(*) as n from claims k cross join lateral unnest(k.delivery_ids) as held(id) join deliveries d on d.id = held.id
    where k.campaign_id = $campaign and d.claim_id = k.id and d.status in ('IN_PROGRESS', 'SENDING')`,
});

/** What was skipped, waits its turn or could not be started has no deliveries, and would hide the one that runs. */
const LATEST_STARTED = `(
  select id from executions where campaign_id = $campaign and started_at is not null order by scheduled_for desc limit 1)`;

/** Deliveries of a campaign's execution that started last in the order of their recipients, after the recipient $after; of one status when $status is given. */
export const listDeliveries = statement({
  name: 'deliveries_list',
  takes: { campaign: t.uuid, status: nullable(t.text), after: t.text, skip: t.int, most: t.int },
  gives: deliveryRow,
  text: `
    select ${DELIVERY} from deliveries d
    where d.execution_id = ${LATEST_STARTED}
      and d.recipient > $after and ($status is null or d.status = $status)
    order by d.recipient offset $skip limit $most`,
});

export const findDelivery = statement({
  name: 'deliveries_find',
  takes: { id: t.uuid },
  gives: deliveryRow,
  text: `select ${DELIVERY} from deliveries d where d.id = $id`,
});

/** How many deliveries the list has, from the kept counts; and whether there is such a campaign at all. */
export const countDeliveries = statement({
  name: 'deliveries_count',
  takes: { campaign: t.uuid, status: nullable(t.text) },
  gives: { n: t.bigint, known: t.bool },
  text: `
    select coalesce((
        select sum(k.n) from execution_counts k
        where k.execution_id = ${LATEST_STARTED}
          and k.state in ('PENDING', 'IN_PROGRESS', 'SENDING', 'SUCCESS', 'FAILED', 'CANCELLED', 'UNKNOWN')
          and ($status is null or k.state = $status)), 0)::bigint as n,
      exists (select from campaigns where id = $campaign) as known`,
});
