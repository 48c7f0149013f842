import { audience, MEANT } from '../store/screen-audience.js';
import { nullable, statement, t } from '../store/statement.js';

/**
 * Takes the rule that has waited longest for its look and locks it until the transaction ends, so that no other process looks for it
 * meanwhile: the loser of the race gets the next rule. $fullEveryMs after the last full look this one is full: nothing is missed for
 * good that a look at changes alone passes over (a late commit, a screen that moved to another group). Moments too far in the future
 * are those of a clock that was set back, and count as past.
 */
export const takeRule = statement({
  name: 'outages_take_rule',
  takes: { fullEveryMs: t.int, noticeEveryMs: t.int, mostBetweenMs: t.int, leastBetweenMs: t.int },
  gives: {
    id: t.uuid,
    audience: t.json,
    enabled: t.bool,
    looks_at_all: t.bool,
    may_notice: t.bool,
    may_recover: t.bool,
  },
  text: `
    with due as (
      select id, not (full_look_at > now() and full_look_at <= now() + $fullEveryMs * interval '1 ms') as everything
      from alert_rules where next_look_at <= now() or next_look_at > now() + 2 * $mostBetweenMs * interval '1 ms'
      order by next_look_at limit 1 for update skip locked)
    update alert_rules r
    set look_from = case when due.everything then null else r.looked_at end,
        looked_at = now(),
        full_look_at = case when due.everything then now() + $fullEveryMs * interval '1 ms' else r.full_look_at end,
        next_look_at = case when r.enabled then now() + least($mostBetweenMs, greatest($leastBetweenMs, r.grace_ms / 10)) * interval '1 ms' end
    from due where r.id = due.id
    returning r.id, r.audience, r.enabled, due.everything as looks_at_all,
      coalesce(r.snoozed_until <= now(), true) and coalesce(not r.outage_noticed_at between now() - $noticeEveryMs * interval '1 ms' and now(), true) as may_notice,
      coalesce(r.snoozed_until <= now(), true) and coalesce(not r.recovery_noticed_at between now() - $noticeEveryMs * interval '1 ms' and now(), true) as may_recover`,
});

/** Ms until the next rule is due; no row when none is enabled. */
export const nextLook = statement({
  name: 'outages_next_look',
  takes: {},
  gives: { wait_ms: t.float },
  text: `
    select greatest(0, extract(epoch from min(next_look_at) - now()) * 1000)::float8 as wait_ms from alert_rules
    having min(next_look_at) is not null`,
});

/**
 * Opens an outage of each screen that a rule means and that is offline for longer than its grace, as far as its look goes back; the
 * overlap of 30 s is for changes that were committed late. A screen that was never seen has not gone. Of two processes the loser opens none.
 */
export const openOutages = statement({
  name: 'outages_open',
  takes: { rule: t.uuid, ...audience },
  gives: { opened: t.bigint },
  text: `
    with fresh as (
      insert into outages (rule_id, device_id, group_id, since)
      select $rule, s.device_id, s.group_id, s.status_since from devices s
      where s.status = 'offline' and s.last_seen is not null
        and s.status_since <= (select now() - grace_ms * interval '1 ms' from alert_rules where id = $rule)
        and s.status_since > (select coalesce(look_from - grace_ms * interval '1 ms' - interval '30 s', '-infinity') from alert_rules where id = $rule)
        and not exists (select from outages o where o.rule_id = $rule and o.device_id = s.device_id and o.closed_at is null)
        and ${MEANT}
      order by s.device_id
      on conflict (rule_id, device_id) where closed_at is null do nothing returning 1)
    select count(*) as opened from fresh`,
});

/**
 * Closes the outages of screens that came back, as far as a rule's look goes back: at the moment at which they did. Whoever was told of
 * one is due to be told of its end. A screen that came and went between two looks was not back.
 */
export const closeRecovered = statement({
  name: 'outages_close_recovered',
  takes: { rule: t.uuid },
  gives: { closed: t.bigint },
  text: `
    with back as (
      update outages o
      set closed_at = greatest(s.status_since, o.since), ended_by = 'back', notice_due = false, recovery_due = o.round_id is not null
      from devices s
      where o.rule_id = $rule and o.closed_at is null and s.device_id = o.device_id and s.status = 'online'
        and s.status_since > (select coalesce(look_from - interval '30 s', '-infinity') from alert_rules where id = $rule)
      returning 1)
    select count(*) as closed from back`,
});

/** Closes the outages of screens that are forgotten or not meant any more, without a word to anybody. */
export const closeStrays = statement({
  name: 'outages_close_strays',
  takes: { rule: t.uuid, enabled: t.bool, ...audience },
  gives: { closed: t.bigint },
  text: `
    with strays as (
      update outages o
      set closed_at = now(), notice_due = false,
          ended_by = case when exists (select from devices s where s.device_id = o.device_id) then 'rule' else 'forgotten' end
      where o.rule_id = $rule and o.closed_at is null
        and not exists (select from devices s where $enabled and s.device_id = o.device_id and ${MEANT})
      returning 1)
    select count(*) as closed from strays`,
});

/** How many outages are open, over all rules. */
export const countOpen = statement({
  name: 'outages_count_open',
  takes: {},
  gives: { n: t.bigint },
  text: 'select count(*) as n from outages where closed_at is null',
});

/** Deletes what ended longer ago than $days, some at a time. */
export const pruneAlerts = statement({
  name: 'outages_prune',
  takes: { days: t.int, most: t.int },
  gives: { pruned: t.bigint },
  text: `
    with old as (
      delete from outages where id in (
        select id from outages where closed_at < now() - $days * interval '1 day' limit $most for update skip locked) returning 1),
    said as (
      delete from notices where id in (
        select id from notices where settled_at < now() - $days * interval '1 day' limit $most for update skip locked) returning 1),
    slept as (delete from screen_snoozes where snoozed_until < now() returning 1)
    select (select count(*) from old) + (select count(*) from said) + (select count(*) from slept) as pruned`,
});

const outageRow = {
  id: t.uuid,
  rule_id: t.uuid,
  rule_name: t.text,
  device_id: t.text,
  group_id: nullable(t.text),
  since: t.bigint,
  opened_at: t.bigint,
  closed_at: nullable(t.bigint),
  ended_by: nullable(t.text),
  snoozed_until: nullable(t.bigint),
  noticed: t.bool,
};
const OUTAGE = `
  o.id, o.rule_id, r.name as rule_name, o.device_id, o.group_id, epoch_ms(o.since) as since, epoch_ms(o.opened_at) as opened_at,
  epoch_ms(o.closed_at) as closed_at, o.ended_by, o.round_id is not null as noticed,
  (select epoch_ms(max(until)) from (values (r.snoozed_until), (z.snoozed_until)) as u(until) where until > now()) as snoozed_until`;
const JOINED = 'join alert_rules r on r.id = o.rule_id left join screen_snoozes z on z.device_id = o.device_id';

const filter = { rule: nullable(t.uuid), device: nullable(t.text) };
const OF_RULE = '($rule is null or o.rule_id = $rule)';
const OPEN = `o.closed_at is null and ${OF_RULE} and ($device is null or o.device_id = $device)`;
// Said without an `or`, so that a screen's few are found by its index however many there are.
const OF_SCREEN = `o.device_id = $device and ${OF_RULE} and ($closed is null or (o.closed_at is not null) = $closed)`;
const ALL = `${OF_RULE} and ($closed is null or (o.closed_at is not null) = $closed)`;
const place = { before: nullable(t.uuid), skip: t.int, most: t.int };

function listed(where: string): string {
  return `
    select ${OUTAGE} from (
      select * from outages o where ${where} and ($before is null or o.id < $before) order by o.id desc offset $skip limit $most) as o ${JOINED}
    order by o.id desc`;
}

/** Open outages, newest first, before the id $before. */
export const listOpen = statement({
  name: 'outages_list_open',
  takes: { ...filter, ...place },
  gives: outageRow,
  text: listed(OPEN),
});

export const countOpenOf = statement({
  name: 'outages_count_open_of',
  takes: filter,
  gives: { n: t.bigint },
  text: `select count(*) as n from outages o where ${OPEN}`,
});

const closed = nullable(t.bool);

/** Outages of one screen, newest first, before the id $before. */
export const listOfScreen = statement({
  name: 'outages_list_of_screen',
  takes: { device: t.text, rule: filter.rule, closed, ...place },
  gives: outageRow,
  text: listed(OF_SCREEN),
});

export const countOfScreen = statement({
  name: 'outages_count_of_screen',
  takes: { device: t.text, rule: filter.rule, closed },
  gives: { n: t.bigint },
  text: `select count(*) as n from outages o where ${OF_SCREEN}`,
});

/** Outages, newest first, before the id $before. */
export const listAll = statement({
  name: 'outages_list',
  takes: { rule: filter.rule, closed, ...place },
  gives: outageRow,
  text: listed(ALL),
});

export const countAll = statement({
  name: 'outages_count',
  takes: { rule: filter.rule, closed },
  gives: { n: t.bigint },
  text: `select count(*) as n from outages o where ${ALL}`,
});
