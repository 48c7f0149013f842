import { nullable, statement, t } from '../store/statement.js';

/**
 * Repetitions to a screen that is offline are this much rarer than the slowest to one that is online: it is told as it comes back, and
 * only a presence that is wrong needs more.
 */
const OFFLINE_RARER = 12;

/** Takes executions whose deliveries are to be looked through for screens that have not answered; the next look is $againMs later. */
export const takeOfferRounds = statement({
  name: 'offer_rounds_take',
  takes: { most: t.int, againMs: t.int },
  gives: { execution_id: t.uuid },
  text: `
    update offer_rounds set due_at = now() + $againMs * interval '1 ms'
    where execution_id in (select execution_id from offer_rounds where due_at <= now() order by due_at limit $most for update skip locked)
    returning execution_id`,
});

/**
 * Makes an offer due to each screen of an execution that was handed its manifest $firstMs ago and has not answered, spread over half of
 * that time; to one that is offline much later, since it is told as it comes back.
 */
export const armOffers = statement({
  name: 'offers_arm',
  takes: { execution: t.uuid, firstMs: t.int, maxMs: t.int },
  gives: { armed: t.bigint },
  text: `
    with silent as materialized (
      select id, recipient from deliveries
      where execution_id = $execution and status = 'SUCCESS' and acknowledged_at is null and next_offer_at is null
        and settled_at <= now() - $firstMs * interval '1 ms'
      order by id for update),
    armed as (
      update deliveries d
      set next_offer_at = now() + interval '1 ms' * case when s.status = 'online' then random() * 0.5 * $firstMs
                                                         else ${OFFLINE_RARER}::float8 * $maxMs * (1 - random() * 0.5) end
      from silent left join devices s on s.device_id = silent.recipient where d.id = silent.id returning 1)
    select count(*) as armed from armed`,
});

/** Ends the looks through an execution of which nothing is under way any more and every silent screen has its offer. */
export const endOfferRounds = statement({
  name: 'offer_rounds_end',
  takes: { execution: t.uuid },
  gives: {},
  text: `
    delete from offer_rounds
    where execution_id = $execution and not exists (
      select from deliveries
      where execution_id = $execution
        and (status in ('PENDING', 'IN_PROGRESS', 'SENDING') or (status = 'SUCCESS' and acknowledged_at is null and next_offer_at is null)))`,
});

/**
 * Begins the looks anew where the counts say that more screens have not answered than offers are planned: the net for a delivery that
 * settled in the very moment in which the last look ended. Reads planned offers only, not the fleet.
 */
export const renewOfferRounds = statement({
  name: 'offer_rounds_renew',
  takes: { inMs: t.int },
  gives: {},
  text: `
    with planned as materialized (
      select execution_id, count(*) as n from deliveries where next_offer_at is not null and acknowledged_at is null group by execution_id)
    insert into offer_rounds (execution_id, due_at)
    select e.id, now() + $inMs * interval '1 ms' from executions e join campaigns c on c.id = e.campaign_id
    where e.state = 'RUNNING' and c.channel = 'screen'
      and (select sum(case state when 'SUCCESS' then n when 'acknowledged' then -n else 0 end) from execution_counts k where k.execution_id = e.id)
          > coalesce((select n from planned where planned.execution_id = e.id), 0)
    on conflict (execution_id) do nothing`,
});

/** Takes away due offers that were answered meanwhile; answers how many there were. */
export const dropAnsweredOffers = statement({
  name: 'offers_drop_answered',
  takes: { most: t.int },
  gives: { dropped: t.bigint },
  text: `
    with answered as materialized (
      select id from deliveries where next_offer_at is not null and next_offer_at <= now() and acknowledged_at is not null
      limit $most for update skip locked),
    dropped as (update deliveries d set next_offer_at = null from answered where d.id = answered.id returning 1)
    select count(*) as dropped from dropped`,
});

/** Screens whose offer is due, with the lock of their campaign: a look, nothing is taken. */
export const dueOffers = statement({
  name: 'offers_due',
  takes: { most: t.int },
  gives: { campaign_id: t.uuid, ids: t.uuids },
  text: `
    select campaign_id, array_agg(id order by id) as ids
    from (select campaign_id, id from deliveries
          where next_offer_at is not null and next_offer_at <= now() and acknowledged_at is null order by next_offer_at limit $most) as due
    group by campaign_id`,
});

/**
 * Takes due offers of one campaign, counts them and paces the next (twice as long each time, with jitter, and rarely to a screen that is
 * offline), and answers those to publish. Whoever runs it holds the campaign's lock: paused or over, nothing is answered. An offer moves no state. A row that another
 * gateway took a moment ago is no longer due and not answered.
 */
export const takeOffers = statement({
  name: 'offers_take',
  takes: { campaign: t.uuid, ids: t.uuids, firstMs: t.int, maxMs: t.int, now: t.bigint },
  gives: { id: t.uuid, recipient: t.text },
  text: `
    update deliveries d
    set offers = d.offers + 1,
        contacted_at = case when s.status = 'online' then now() else d.contacted_at end,
        next_offer_at = now() + (1 - random() * 0.5) * interval '1 ms'
          * case when s.status = 'online' then least($maxMs, $firstMs * power(2, least(d.offers + 1, 20))) else ${OFFLINE_RARER}::float8 * $maxMs end
    from campaigns c, unnest($ids) as wanted(id) join deliveries o on o.id = wanted.id left join devices s on s.device_id = o.recipient
    where d.id = o.id and d.status = 'SUCCESS' and d.next_offer_at <= now() and d.acknowledged_at is null
      and c.id = $campaign and not c.paused and c.status not in ('cancelled', 'completed') and c.expire_at > $now
    returning d.id, d.recipient`,
});

/** Puts off due offers that must not be made now (their campaign is paused or about to be swept). */
export const postponeOffers = statement({
  name: 'offers_postpone',
  takes: { ids: t.uuids, delayMs: t.int },
  gives: {},
  text: `
    update deliveries set next_offer_at = now() + $delayMs * interval '1 ms'
    where id = any($ids) and next_offer_at is not null and next_offer_at <= now()`,
});

/** Takes due revokes, paces the next (as offers are), and answers those to publish. They are no sends: pause and cancel do not stop them. */
export const takeRevokes = statement({
  name: 'revokes_take',
  takes: { most: t.int, firstMs: t.int, maxMs: t.int },
  gives: { campaign_id: t.uuid, recipient: t.text },
  text: `
    with due as materialized (
      select id, recipient from deliveries where next_revoke_at is not null and next_revoke_at <= now()
      order by next_revoke_at limit $most for update skip locked)
    update deliveries d
    set revokes = d.revokes + 1,
        contacted_at = case when s.status = 'online' then now() else d.contacted_at end,
        next_revoke_at = now() + (1 - random() * 0.5) * interval '1 ms'
          * case when s.status = 'online' then least($maxMs, $firstMs * power(2, least(d.revokes, 20))) else ${OFFLINE_RARER}::float8 * $maxMs end
    from due left join devices s on s.device_id = due.recipient where d.id = due.id
    returning d.campaign_id, d.recipient`,
});

/** In how many ms the next offer, revoke or look for silent screens is due; null when there is none. */
export const nextContact = statement({
  name: 'offers_next',
  takes: {},
  gives: { wait_ms: nullable(t.float) },
  text: `
    select (extract(epoch from least(
      (select next_offer_at from deliveries where next_offer_at is not null order by next_offer_at limit 1),
      (select next_revoke_at from deliveries where next_revoke_at is not null order by next_revoke_at limit 1),
      (select due_at from offer_rounds order by due_at limit 1)) - now()) * 1000)::float8 as wait_ms`,
});
