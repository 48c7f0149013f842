import { nullable, statement, t } from '../store/statement.js';

const screenRow = {
  device_id: t.text,
  group_id: nullable(t.text),
  tags: t.texts,
  status: t.text,
  last_seen: nullable(t.bigint),
  now_playing: nullable(t.uuid),
  now_playing_name: nullable(t.text),
  now_playing_since: nullable(t.bigint),
  clock_offset_ms: nullable(t.bigint),
  status_since: t.bigint,
  report: t.json,
  metadata: t.json,
};
const SCREEN = `
  s.device_id, s.group_id, s.tags, s.status, epoch_ms(s.last_seen) as last_seen, playing.id as now_playing,
  playing.name as now_playing_name, playing.since as now_playing_since, s.clock_offset_ms, epoch_ms(s.status_since) as status_since, s.report,
  s.metadata`;

/** The campaign that went on air last of those that the screen says it shows; none while it is offline. */
const PLAYING = `
  left join lateral (
    select c.id, c.name, d.display_at as since from deliveries d join campaigns c on c.id = d.campaign_id
    where d.recipient = s.device_id and d.on_air and s.status = 'online' and c.status <> 'completed'
    order by d.display_at desc, d.id limit 1) as playing on true`;

const filter = {
  groupId: nullable(t.text),
  tag: nullable(t.text),
  status: nullable(t.text),
  part: nullable(t.text),
  skew: nullable(t.int),
};
const FILTER = `
  ($groupId is null or s.group_id = $groupId) and ($tag is null or s.tags @> array[$tag]) and ($status is null or s.status = $status)
  and ($part is null or position(lower($part) in lower(s.device_id)) > 0) and ($skew is null or abs(s.clock_offset_ms) > $skew)`;

/** Screens in the order of their ids, after the id $after. */
export const listScreens = statement({
  name: 'screens_list',
  takes: { ...filter, after: t.text, skip: t.int, most: t.int },
  gives: screenRow,
  text: `
    select ${SCREEN} from (
      select * from devices s where s.device_id > $after and ${FILTER} order by s.device_id offset $skip limit $most) as s ${PLAYING}
    order by s.device_id`,
});

export const countScreens = statement({
  name: 'screens_count',
  takes: filter,
  gives: { n: t.bigint },
  text: `select count(*) as n from devices s where ${FILTER}`,
});

/** One screen with what is known of its events, over its present series and those before; all null where it never gave a number. */
export const findScreen = statement({
  name: 'screens_find',
  takes: { id: t.text },
  gives: {
    ...screenRow,
    events_missing: nullable(t.bigint),
    events_lost: nullable(t.bigint),
    next_ask_at: nullable(t.bigint),
    screenshot_at: nullable(t.bigint),
  },
  text: `
    select ${SCREEN}, numbered.missing as events_missing, numbered.lost as events_lost, epoch_ms(numbered.next_ask_at) as next_ask_at,
           (select epoch_ms(taken_at) from screenshots p where p.device_id = s.device_id) as screenshot_at
    from devices s ${PLAYING}
    left join lateral (
      select sum(seqs_count(seqs_missing(settled, said_last)))::bigint as missing, sum(lost)::bigint as lost, min(next_ask_at) as next_ask_at
      from event_series e where e.device_id = s.device_id) as numbered on true
    where s.device_id = $id`,
});

/**
 * Registers screens or sets group, tags and metadata of those known; answers which were new. A screen that changed joins the
 * campaigns that mean it now; one that is as it was is left alone.
 */
export const putScreens = statement({
  name: 'screens_put',
  takes: { ids: t.texts, groups: t.nullableTexts, tags: t.jsonTexts, metadatas: t.jsonTexts },
  gives: { device_id: t.text, entered: t.bool },
  text: `
    with wanted as (
      select id, group_id, array(select jsonb_array_elements_text(tags)) as tags, metadata
      from unnest($ids, $groups, $tags, $metadatas) as w(id, group_id, tags, metadata))
    insert into devices as s (device_id, group_id, tags, metadata) select id, group_id, tags, metadata from wanted order by id
    on conflict (device_id) do update
    set group_id = excluded.group_id, tags = excluded.tags, metadata = excluded.metadata,
        to_join = s.to_join or s.group_id is distinct from excluded.group_id or s.tags is distinct from excluded.tags
    returning s.device_id, s.xmax = 0 as entered`,
});

/** Forgets a screen with its events; what it was delivered stays in the account. */
export const deleteScreen = statement({
  name: 'screens_delete',
  takes: { id: t.text },
  gives: { device_id: t.text },
  text: 'delete from devices where device_id = $id returning device_id',
});

/**
 * Writes the last word on presence of each screen; registers those never seen where $enroll. Answers which are registered now and
 * which of them came online by this word.
 */
export const notePresence = statement({
  name: 'screens_note_presence',
  takes: { ids: t.texts, statuses: t.texts, offsets: t.nullableBigints, reports: t.nullableJsonTexts, enroll: t.bool },
  gives: { device_id: t.text },
  text: `
    with told as (
      select * from unnest((select $ids), (select $statuses), (select $offsets), (select $reports)) as p(device_id, status, clock_offset_ms, report)),
    entered as (
      insert into devices (device_id, status, clock_offset_ms, report, last_seen)
      select device_id, status, clock_offset_ms, coalesce(report, '{}'), now() from told
      where $enroll and not exists (select from devices s where s.device_id = told.device_id) order by device_id
      on conflict (device_id) do nothing returning device_id),
    locked as materialized (
      select s.device_id from devices s join told using (device_id) order by s.device_id for update of s),
    updated as (
      update devices s
      set status = told.status, last_seen = now(), clock_offset_ms = coalesce(told.clock_offset_ms, s.clock_offset_ms),
          report = coalesce(told.report, s.report), status_since = case when s.status = told.status then s.status_since else now() end
      from told join locked using (device_id) where s.device_id = told.device_id
      returning s.device_id)
    select device_id from entered union all select device_id from updated`,
});

/** Nobody is connected yet: with a broker of our own, whoever is online says so again. */
export const allOffline = statement({
  name: 'screens_all_offline',
  takes: {},
  gives: {},
  text: `update devices set status = 'offline', status_since = now() where status = 'online'`,
});

/**
 * The soonest that a screen is told again although it was told a moment ago: 1 s after the first time, then twice as long each time up to a
 * minute. One that was away for long is told at once; one that flaps and never answers costs a message a minute, not one a flap.
 */
const AGAIN = (times: string): string =>
  `greatest(now(), coalesce(d.contacted_at, d.settled_at) + least(60, power(2, least(${times}, 6))) * interval '1 second')`;

/**
 * Screens came online: what they have not acknowledged is due at once, and so are their revokes, unless they were just told. Answers
 * which of them something is being sent to at this moment: it may have gone out before they listened, so they are to be asked after again.
 */
export const contactNow = statement({
  name: 'screens_contact_now',
  takes: { devices: t.texts },
  gives: { due: t.bigint, sending: t.texts },
  text: `
    with silent as materialized (
      select d.id from executions e join deliveries d on d.execution_id = e.id
      where e.state = 'RUNNING' and d.recipient = any($devices) and d.status = 'SUCCESS' and d.acknowledged_at is null
        and (select sum(case state when 'SUCCESS' then n when 'acknowledged' then -n else 0 end) from execution_counts k where k.execution_id = e.id) > 0
      order by d.id for update of d),
    revoked as materialized (
      select id from deliveries where recipient = any($devices) and next_revoke_at is not null order by id for update),
    due as (
      update deliveries d
      set next_offer_at = case when d.next_revoke_at is null and d.status = 'SUCCESS'
                               then least(d.next_offer_at, ${AGAIN('d.offers')}) end,
          next_revoke_at = case when d.next_revoke_at is not null then least(d.next_revoke_at, ${AGAIN('d.revokes')}) end
      from (select id from silent union select id from revoked) as mine where d.id = mine.id returning 1)
    select (select count(*) from due) as due, array(
      select distinct d.recipient from executions e join deliveries d on d.execution_id = e.id
      where e.state = 'RUNNING' and d.recipient = any($devices) and d.status = 'SENDING'
        and (select sum(n) from execution_counts k where k.execution_id = e.id and k.state = 'SENDING') > 0) as sending`,
});

/**
 * Holds what screens say they have installed against what they should have. What they acknowledged and no longer have, or have in an
 * older version, is offered again, but not what they acknowledged after their list came ($agesMs ago); what they have of a campaign that is over is
 * revoked. Answers installed campaigns that they were never given, to be revoked at once.
 */
export const reconcileInstalled = statement({
  name: 'screens_reconcile_installed',
  takes: { devices: t.texts, agesMs: t.ints, installedDevices: t.texts, installedCampaigns: t.uuids, installedVersions: t.ints },
  gives: { device_id: t.text, campaign_id: t.uuid },
  text: `
    with listed as materialized (
      select device_id, now() - age_ms * interval '1 ms' as listed_at
      from unnest((select $devices), (select $agesMs)) as l(device_id, age_ms)),
    installed as materialized (
      select device_id, campaign_id, max(version) as version
      from unnest((select $installedDevices), (select $installedCampaigns), (select $installedVersions)) as i(device_id, campaign_id, version)
      group by device_id, campaign_id),
    mine as materialized (
      select d.id, d.execution_id, c.status in ('cancelled', 'completed') as over, i.version as has, d.on_air,
             d.acknowledged_at < listed.listed_at as said_before, d.revoke_acked_at is not null as revoked
      from listed
      cross join (select id, campaign_id from executions where state = 'RUNNING'
                  union select e.id, e.campaign_id from executions e join installed using (campaign_id)) as e
      join deliveries d on d.execution_id = e.id and d.recipient = listed.device_id
      join campaigns c on c.id = e.campaign_id
      left join installed i on i.device_id = d.recipient and i.campaign_id = d.campaign_id
      where ((d.acknowledged_at < listed.listed_at and c.status in ('publishing', 'active')) or i.device_id is not null)
        and (d.revoke_acked_at is null or d.revoke_acked_at < listed.listed_at)
      order by d.id for update of d),
    wiped as (
      update deliveries d
      set acknowledged_at = null, acknowledged_version = mine.has, installed_at = 0, missing_assets = false,
          on_air = d.on_air and mine.has is not null, display_at = case when mine.has is null then 0 else d.display_at end, next_offer_at = ${AGAIN('d.offers')}
      from mine where d.id = mine.id and not mine.over and mine.said_before and coalesce(mine.has, 0) < d.version and d.status = 'SUCCESS'
      returning d.execution_id, mine.on_air and not d.on_air as left_air),
    lingering as (
      update deliveries d set next_revoke_at = now(), revoke_acked_at = null
      from mine where d.id = mine.id and mine.over and mine.has is not null
      returning d.execution_id, mine.revoked),
    counted as (
      insert into execution_counts (execution_id, state, n)
      select execution_id, 'acknowledged', -count(*) from wiped group by execution_id
      union all
      select execution_id, 'onAir', -count(*) from wiped where left_air group by execution_id
      union all
      select execution_id, 'revoked', -count(*) from lingering where revoked group by execution_id)
    select i.device_id, i.campaign_id from installed i
    where not exists (select from deliveries d join executions e on e.id = d.execution_id
                      where e.campaign_id = i.campaign_id and d.recipient = i.device_id)
      -- A screen that is being given what targets it may be about to get this one.
      and not exists (select from devices s join campaigns c on c.id = i.campaign_id
                      where s.device_id = i.device_id and s.to_join and c.status not in ('cancelled', 'completed'))`,
});
