import { nullable, statement, t } from '../store/statement.js';

/** Whom a rule tells. */
const TARGETS = `
  targets as materialized (
    select name as rule_name, 'webhook' as way, '' as target from alert_rules where id = $rule and webhook_url is not null
    union all
    select name, 'email', email from alert_rules, unnest(emails) as email where id = $rule)`;

const AWAKE = `not exists (select from screen_snoozes z where z.device_id = o.device_id and z.snoozed_until > now())`;

/**
 * Queues one notice an addressee about all open outages of a rule that nobody was told of and that are not snoozed; $most screens are
 * named, the longest away first. A rule with nobody to tell has told the page, and is done with them. Run it under the rule's lock.
 */
export const queueOutageNotices = statement({
  name: 'notices_queue_outage',
  takes: { rule: t.uuid, most: t.int },
  gives: { screens: t.bigint, queued: t.bigint },
  text: `
    with due as materialized (
      select o.id, o.device_id, o.group_id, o.since, row_number() over (order by o.since, o.device_id) as place
      from outages o where o.rule_id = $rule and o.notice_due and ${AWAKE}),
    ${TARGETS},
    round as materialized (select uuid_v7() as id),
    said as materialized (
      select jsonb_agg(jsonb_build_object('deviceId', device_id, 'groupId', group_id, 'since', epoch_ms(since)) order by place)
               filter (where place <= $most) as named,
             count(*) as n
      from due),
    queued as (
      insert into notices (rule_id, round_id, kind, way, target, rule_name, screens, named)
      select $rule, round.id, 'outage', way, target, rule_name, said.n, said.named from targets, round, said where said.n > 0 returning 1),
    told as (
      update outages o set notice_due = false, round_id = case when exists (select from targets) then round.id end
      from due, round where o.id = due.id returning 1),
    paced as (
      update alert_rules set outage_noticed_at = now() where id = $rule and (select n from said) > 0 and exists (select from targets) returning 1)
    select (select count(*) from told) as screens, (select count(*) from queued) as queued`,
});

/**
 * Queues the notices of recovery that are due and not snoozed: to each addressee about the screens of whose outage it was told, or was
 * tried to be told. Run it under the rule's lock.
 */
export const queueRecoveryNotices = statement({
  name: 'notices_queue_recovery',
  takes: { rule: t.uuid, most: t.int },
  gives: { screens: t.bigint, queued: t.bigint },
  text: `
    with due as materialized (
      select o.id, o.device_id, o.group_id, o.since, o.closed_at, o.round_id
      from outages o where o.rule_id = $rule and o.recovery_due and ${AWAKE}),
    round as materialized (select uuid_v7() as id),
    told as (
      select n.way, n.target, r.name as rule_name, due.*,
             row_number() over (partition by n.way, n.target order by due.closed_at, due.device_id) as place
      from due join notices n on n.round_id = due.round_id and n.kind = 'outage' and n.state <> 'dropped' join alert_rules r on r.id = $rule),
    queued as (
      insert into notices (rule_id, round_id, kind, way, target, rule_name, screens, named)
      select $rule, round.id, 'recovery', way, target, rule_name, count(*),
             jsonb_agg(jsonb_build_object('deviceId', device_id, 'groupId', group_id, 'since', epoch_ms(since), 'until', epoch_ms(closed_at)) order by place)
               filter (where place <= $most)
      from told, round group by round.id, way, target, rule_name returning 1),
    done as (update outages o set recovery_due = false from due where o.id = due.id returning 1),
    paced as (update alert_rules set recovery_noticed_at = now() where id = $rule and exists (select from due) returning 1)
    select (select count(*) from done) as screens, (select count(*) from queued) as queued`,
});

/** Queues a notice to everyone whom a rule tells that says nothing but that it arrives. */
export const queueTestNotices = statement({
  name: 'notices_queue_test',
  takes: { rule: t.uuid },
  gives: { id: t.uuid },
  text: `
    with ${TARGETS}, round as materialized (select uuid_v7() as id)
    insert into notices (rule_id, round_id, kind, way, target, rule_name, screens, named)
    select $rule, round.id, 'test', way, target, rule_name, 0, '[]' from targets, round returning id`,
});

/**
 * Takes queued notices that are due for $leaseMs, of each addressee the first only, so that a recovery never overtakes its outage. No
 * other process has them until then; whoever takes one again after a crash sends it again under the same id.
 */
export const takeNotices = statement({
  name: 'notices_take',
  takes: { most: t.int, leaseMs: t.int },
  gives: {
    id: t.uuid,
    attempt: t.int,
    kind: t.text,
    way: t.text,
    target: t.text,
    rule_id: t.uuid,
    rule_name: t.text,
    screens: t.int,
    named: t.json,
    created_at: t.bigint,
    age_ms: t.float,
    webhook_url: nullable(t.text),
    webhook_secret: nullable(t.text),
    is_named: t.bool,
  },
  text: `
    with first as (
      select n.id from notices n
      where n.next_attempt_at is not null and (n.next_attempt_at <= now() or n.next_attempt_at > now() + interval '1 day')
        and not exists (
          select from notices e
          where e.rule_id = n.rule_id and e.way = n.way and e.target = n.target and e.next_attempt_at is not null and e.seq < n.seq)
      order by n.next_attempt_at limit $most for update skip locked)
    update notices n set attempts = n.attempts + 1, next_attempt_at = now() + $leaseMs * interval '1 ms'
    from first, alert_rules r where n.id = first.id and r.id = n.rule_id
    returning n.id, n.attempts as attempt, n.kind, n.way, n.target, n.rule_id, n.rule_name, n.screens, n.named, epoch_ms(n.created_at) as created_at,
      (extract(epoch from now() - n.created_at) * 1000)::float8 as age_ms, r.webhook_url, r.webhook_secret,
      case n.way when 'webhook' then r.webhook_url is not null else n.target = any(r.emails) end as is_named`,
});

/** Settles a notice, or has it tried again in $delayMs; only the attempt that took it last may. No row: another attempt has it. */
export const settleNotice = statement({
  name: 'notices_settle',
  takes: { id: t.uuid, attempt: t.int, state: t.text, reason: nullable(t.text), delayMs: t.int },
  gives: { id: t.uuid },
  text: `
    update notices
    set state = $state, last_error = $reason,
        next_attempt_at = case when $state = 'queued' then now() + $delayMs * interval '1 ms' end,
        settled_at = case when $state <> 'queued' then now() end
    where id = $id and attempts = $attempt and state = 'queued' returning id`,
});

/** Ms until the next notice may be taken; no row when none is queued. */
export const nextNotice = statement({
  name: 'notices_next',
  takes: {},
  gives: { wait_ms: t.float },
  text: `
    select greatest(0, extract(epoch from min(next_attempt_at) - now()) * 1000)::float8 as wait_ms from notices
    where next_attempt_at is not null having min(next_attempt_at) is not null`,
});

const filter = { rule: nullable(t.uuid), state: nullable(t.text) };
const FILTER = '($rule is null or n.rule_id = $rule) and ($state is null or n.state = $state)';

/** Notices, newest first, before the id $before. */
export const listNotices = statement({
  name: 'notices_list',
  takes: { ...filter, before: nullable(t.uuid), skip: t.int, most: t.int },
  gives: {
    id: t.uuid,
    rule_id: t.uuid,
    rule_name: t.text,
    kind: t.text,
    way: t.text,
    target: t.text,
    screens: t.int,
    named: t.texts,
    state: t.text,
    attempts: t.int,
    last_error: nullable(t.text),
    created_at: t.bigint,
    settled_at: nullable(t.bigint),
    next_attempt_at: nullable(t.bigint),
  },
  text: `
    select n.id, n.rule_id, n.rule_name, n.kind, n.way, case n.way when 'webhook' then coalesce(r.webhook_url, '') else n.target end as target,
      n.screens, array(select s ->> 'deviceId' from jsonb_array_elements(n.named) as s) as named, n.state, n.attempts, n.last_error,
      epoch_ms(n.created_at) as created_at, epoch_ms(n.settled_at) as settled_at, epoch_ms(n.next_attempt_at) as next_attempt_at
    from notices n join alert_rules r on r.id = n.rule_id
    where ${FILTER} and ($before is null or n.id < $before) order by n.id desc offset $skip limit $most`,
});

export const countNotices = statement({
  name: 'notices_count',
  takes: filter,
  gives: { n: t.bigint },
  text: `select count(*) as n from notices n where ${FILTER}`,
});
