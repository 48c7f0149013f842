import { COUNTED_NEW } from '../store/counts.js';
import { contactAudienceTakes, NAMED_CONTACTS, TAGS_FIT } from '../store/contact-audience.js';
import { audience, MEANT } from '../store/screen-audience.js';
import { statement, t } from '../store/statement.js';

/** How many screens an audience means now. */
export const countAudience = statement({
  name: 'audience_count',
  takes: audience,
  gives: { n: t.bigint },
  text: `select count(*) as n from devices s where ${MEANT}`,
});

/** How many contacts an audience means now. */
export const countContactAudience = statement({
  name: 'audience_count_contacts',
  takes: contactAudienceTakes,
  gives: { n: t.bigint },
  text: `
    select (select count(*) from contacts c where $ids is null and ${TAGS_FIT}) + (select count(*) from ${NAMED_CONTACTS}) as n`,
});

/**
 * Makes the deliveries of the next screens of an audience, in the order of their ids, and remembers how far it came in the same
 * transaction: after a crash it goes on where it was, and a screen gets one delivery however often it is met. No row: the
 * execution is targeted, or another process is at it, or its campaign was cancelled. The row is locked against other targeters alone:
 * with FOR UPDATE every batch that counts its deliveries meanwhile (a key share of the same row) would be taken for one.
 */
export const targetScreens = statement({
  name: 'audience_target_screens',
  takes: { execution: t.uuid, most: t.int, ...audience },
  gives: { made: t.bigint, targeted: t.bool },
  text: `
    with run as materialized (
      select e.id, e.campaign_id, e.target_cursor from executions e
      where e.id = $execution and e.state = 'RUNNING' and not e.targeted for no key update skip locked),
    live as materialized (
      select c.id, c.epoch, c.live_version from campaigns c join run on run.campaign_id = c.id where c.status not in ('cancelled', 'completed') for share of c),
    page as materialized (
      select s.device_id from devices s
      where s.device_id > (select target_cursor from run) and exists (select from live) and ${MEANT}
      order by s.device_id limit $most),
    made as (
      insert into deliveries (campaign_id, execution_id, recipient, epoch, version)
      select live.id, $execution, page.device_id, live.epoch, live.live_version from page, live order by page.device_id
      on conflict (execution_id, recipient) do nothing returning 1),
    ${COUNTED_NEW},
    walked as (
      update executions e set target_cursor = coalesce((select max(device_id) from page), e.target_cursor),
                              targeted = (select count(*) from page) < $most
      from run, live where e.id = run.id returning e.targeted),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', live.id, 'deliveries_due', '{}', true from live)
    select (select count(*) from made) as made, walked.targeted from walked`,
});

/**
 * Makes the deliveries of the next made-up recipients of a rehearsal, r-0000000001 and so on, and remembers how far it came, as
 * `targetScreens` does. The campaign's row is not locked: pause must not wait for it, and a cancel ends the execution first.
 */
export const targetCounted = statement({
  name: 'audience_target_counted',
  takes: { execution: t.uuid, count: t.bigint, most: t.int },
  gives: { made: t.bigint, targeted: t.bool },
  text: `
    with run as materialized (
      select e.id, e.campaign_id, coalesce(nullif(e.target_cursor, ''), '0')::bigint as reached, c.epoch
      from executions e join campaigns c on c.id = e.campaign_id
      where e.id = $execution and e.state = 'RUNNING' and not e.targeted for no key update of e skip locked),
    made as (
      insert into deliveries (campaign_id, execution_id, recipient, epoch)
      select run.campaign_id, run.id, 'r-' || lpad(n::text, 10, '0'), run.epoch
      from run cross join lateral generate_series(run.reached + 1, least(run.reached + $most, $count)) as n
      on conflict (execution_id, recipient) do nothing returning 1),
    ${COUNTED_NEW},
    walked as (
      update executions e set target_cursor = least(run.reached + $most, $count)::text, targeted = run.reached + $most >= $count
      from run where e.id = run.id returning e.targeted),
    told as (select pg_notify('marquee', 'deliveries_due') from run)
    select (select count(*) from made) as made, walked.targeted from walked where (select count(*) from told) >= 0`,
});

/**
 * Makes the deliveries of the next contacts of an audience, in the order of their ids, and remembers how far it came, as `targetScreens` does.
 * $most is how many contacts it looks at, and not how many it finds: a step takes no longer where few are meant. A contact that is entered
 * behind the cursor meanwhile is not met any more. As in `targetCounted`, the campaign's row is not locked.
 */
export const targetContacts = statement({
  name: 'audience_target_contacts',
  takes: { execution: t.uuid, most: t.int, ...contactAudienceTakes },
  gives: { made: t.bigint, targeted: t.bool },
  text: `
    with run as materialized (
      select e.id, e.campaign_id, e.target_cursor, c.epoch
      from executions e join campaigns c on c.id = e.campaign_id
      where e.id = $execution and e.state = 'RUNNING' and not e.targeted for no key update of e skip locked),
    page as materialized (
      (select c.id, ${TAGS_FIT} as meant from contacts c where $ids is null and c.id > (select target_cursor from run) order by c.id limit $most)
      union all
      (select c.id, true as meant from ${NAMED_CONTACTS} where c.id > (select target_cursor from run) order by c.id limit $most)),
    made as (
      insert into deliveries (campaign_id, execution_id, recipient, epoch)
      select run.campaign_id, run.id, page.id, run.epoch from page, run where page.meant order by page.id
      on conflict (execution_id, recipient) do nothing returning 1),
    ${COUNTED_NEW},
    walked as (
      update executions e set target_cursor = coalesce((select max(id) from page), e.target_cursor),
                              targeted = (select count(*) from page) < $most
      from run where e.id = run.id returning e.targeted),
    told as (select pg_notify('marquee', 'deliveries_due') from run)
    select (select count(*) from made) as made, walked.targeted from walked where (select count(*) from told) >= 0`,
});

/** Takes screens that are new or have moved and were not given the campaigns that target them yet. */
export const joiningScreens = statement({
  name: 'audience_joining_screens',
  takes: { most: t.int },
  gives: { device_id: t.text },
  text: 'select device_id from devices where to_join order by device_id limit $most for update skip locked',
});

/** The running executions of campaigns that screens may still join. */
export const joinableExecutions = statement({
  name: 'audience_joinable_executions',
  takes: {},
  gives: { id: t.uuid, audience: t.json },
  text: `
    select e.id, c.audience from executions e join campaigns c on c.id = e.campaign_id
    where e.state = 'RUNNING' and c.status in ('publishing', 'active') and c.channel = 'screen'`,
});

/** Makes the deliveries of an execution for those of some screens that it means and that have none yet. */
export const joinScreens = statement({
  name: 'audience_join_screens',
  takes: { execution: t.uuid, screens: t.texts, ...audience },
  gives: { made: t.bigint },
  text: `
    with live as materialized (
      select c.id, c.epoch, c.live_version from campaigns c join executions e on e.campaign_id = c.id
      where e.id = $execution and e.state = 'RUNNING' and c.status not in ('cancelled', 'completed') for share of c),
    made as (
      insert into deliveries (campaign_id, execution_id, recipient, epoch, version)
      select live.id, $execution, s.device_id, live.epoch, live.live_version from devices s, live
      where s.device_id = any($screens) and ${MEANT} order by s.device_id
      on conflict (execution_id, recipient) do nothing returning campaign_id),
    ${COUNTED_NEW},
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', campaign_id, 'deliveries_due', '{}', true from made limit 1)
    select count(*) as made from made`,
});

/** Marks screens as given what targets them. */
export const markJoined = statement({
  name: 'audience_mark_joined',
  takes: { screens: t.texts },
  gives: {},
  text: 'update devices set to_join = false where device_id = any($screens)',
});
