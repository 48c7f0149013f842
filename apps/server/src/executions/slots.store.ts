import { nullable, statement, t } from '../store/statement.js';

/**
 * Locks campaigns whose next slot is due and that nobody else is making executions for, but for those of $except; the longest due first.
 * The database's clock is the one clock of all processes. A paused campaign's slots wait for its resume.
 */
export const takeDueSlots = statement({
  name: 'slots_take_due',
  takes: { except: t.uuids, most: t.int },
  gives: {
    id: t.uuid,
    schedule: nullable(t.json),
    start_at: nullable(t.bigint),
    expire_at: nullable(t.bigint),
    slot: t.bigint,
    now: t.bigint,
    live: t.bool,
  },
  text: `
    select c.id, c.schedule, c.start_at, c.expire_at, c.next_slot_at as slot, epoch_ms(now()) as now,
      exists (select from executions e where e.campaign_id = c.id and e.state in ('NEW', 'RUNNING', 'PAUSED')) as live
    from campaigns c
    where c.next_slot_at <= epoch_ms(now()) and not c.paused and not (c.id = any($except))
    order by c.next_slot_at limit $most for no key update of c skip locked`,
});

/**
 * Makes executions for slots, NEW or SKIPPED as told, and answers those that it made. A slot that has one already gets no second, and a
 * NEW one that does not queue is not made while another of its campaign is live: neither is answered.
 */
export const makeExecutions = statement({
  name: 'slots_make_executions',
  takes: { ids: t.uuids, campaigns: t.uuids, slots: t.bigints, states: t.texts, kinds: t.texts, queued: t.bools, reasons: t.nullableTexts },
  gives: { id: t.uuid },
  text: `
    with made as (
      insert into executions (id, campaign_id, scheduled_for, state, kind, queued, reason, ended_at)
      select id, campaign_id, slot, state, kind, queued, reason, case when state = 'SKIPPED' then now() end
      from unnest($ids, $campaigns, $slots, $states, $kinds, $queued, $reasons) as w(id, campaign_id, slot, state, kind, queued, reason)
      order by campaign_id, slot
      on conflict do nothing returning id, campaign_id, state),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', c.id, 'execution_skipped', jsonb_build_object('status', c.status), true
      from campaigns c where c.id in (select campaign_id from made where state = 'SKIPPED')),
    told as (select pg_notify('marquee', 'execution_new') from (select from made where state = 'NEW' limit 1) as one)
    select id from made where (select count(*) from told) >= 0`,
});

/** Sets the next slots of campaigns that the caller holds locked; null: none is to come. */
export const moveSlots = statement({
  name: 'slots_move',
  takes: { campaigns: t.uuids, nexts: t.nullableBigints },
  gives: {},
  text: 'update campaigns c set next_slot_at = w.next from unnest($campaigns, $nexts) as w(id, next) where c.id = w.id',
});

/** In how many ms the first slot is due (negative: since), but for campaigns of $except; null when none is to come. */
export const nextSlotIn = statement({
  name: 'slots_next_in',
  takes: { except: t.uuids },
  gives: { wait_ms: nullable(t.float) },
  text: `
    select (min(next_slot_at) - extract(epoch from clock_timestamp()) * 1000)::float8 as wait_ms
    from campaigns where next_slot_at is not null and not paused and not (id = any($except))`,
});

/**
 * Completes those of these campaigns, of one of these statuses, that have no live execution and none to come; the caller holds them
 * locked, by an earlier statement of the same transaction, so that none is made between.
 */
export const completeOver = statement({
  name: 'slots_complete_over',
  takes: { campaigns: t.uuids, statuses: t.texts },
  gives: { id: t.uuid },
  text: `
    with over as (
      update campaigns c set status = 'completed', paused = false, updated_at = now()
      where c.id = any($campaigns) and c.channel <> 'screen' and c.status = any($statuses) and c.next_slot_at is null
        and not exists (select from executions e where e.campaign_id = c.id and e.state in ('NEW', 'RUNNING', 'PAUSED'))
      returning c.id),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', id, 'campaign_completed', '{"status": "completed"}', true from over)
    select id from over`,
});
