import { nullable, statement, t } from '../store/statement.js';

/**
 * Stores logs of plays of registered screens, each once: answers those that are new, whose plays are to be counted in the same transaction.
 * One is kept with its own campaign, or with another that it lists ($seconds) where its own is gone. One that is older than $oldest may have been stored
 * and pruned: when its number is settled, it was.
 */
export const storePlayLogs = statement({
  name: 'screens_store_play_logs',
  takes: {
    eventIds: t.uuids,
    devices: t.texts,
    campaigns: t.uuids,
    seconds: t.nullableUuids,
    versions: t.ints,
    payloads: t.jsonTexts,
    times: t.bigints,
    series: t.nullableTexts,
    seqs: t.nullableInts,
    named: t.uuids,
    oldest: t.bigint,
  },
  gives: { event_id: t.uuid },
  text: `
    with said as materialized (
      select * from unnest((select $eventIds), (select $devices), (select $campaigns), (select $seconds), (select $versions), (select $payloads),
                           (select $times), (select $series), (select $seqs))
        as e(event_id, device_id, campaign_id, second_id, version, payload, at, series, seq)),
    locked as materialized (select device_id from devices where device_id = any($devices) order by device_id for no key update),
    seen as (update devices d set last_seen = now() from locked where d.device_id = locked.device_id returning d.device_id),
    known as materialized (select id from campaigns where id = any($named) order by id for key share),
    kept as (
      select said.*, case when campaign_id in (select id from known) then campaign_id when second_id in (select id from known) then second_id end as kept_for
      from said where device_id in (select device_id from seen))
    insert into delivery_events (event_id, device_id, campaign_id, version, event_type, payload, occurred_at)
    select event_id, device_id, kept_for, version, 'play_log', payload, at from kept
    where kept_for is not null
      and not (at < $oldest and seq is not null and exists (
        select from event_series e where e.device_id = kept.device_id and e.series = kept.series and e.settled @> kept.seq))
    order by event_id
    on conflict (event_id) do nothing returning event_id`,
});

/**
 * Adds plays to the hours in which they started, in the order of the table's key, so that two gateways wait for each other in one order.
 * Plays of a campaign that is unknown or was never meant for that screen are left out; an asset that is not the campaign's counts as none.
 * Answers how many plays were added.
 */
export const countPlays = statement({
  name: 'screens_count_plays',
  takes: { devices: t.texts, campaigns: t.uuids, assets: t.nullableUuids, hours: t.bigints, plays: t.ints, durations: t.bigints },
  gives: { counted: t.bigint },
  text: `
    with told as materialized (
      select * from unnest((select $devices), (select $campaigns), (select $assets), (select $hours), (select $plays), (select $durations))
        as p(device_id, campaign_id, asset_id, hour, plays, duration_ms)),
    meant as materialized (
      select device_id, campaign_id, coalesce((select a.id::text from campaign_assets a where a.id = told.asset_id and a.campaign_id = told.campaign_id), '') as asset_id,
             to_timestamp(hour / 1000.0) as hour, sum(plays)::int as plays, sum(duration_ms)::bigint as duration_ms
      from told
      where exists (select from executions e join deliveries d on d.execution_id = e.id and d.recipient = told.device_id where e.campaign_id = told.campaign_id)
      group by 1, 2, 3, 4),
    added as (
      insert into play_hours as h (device_id, campaign_id, asset_id, hour, plays, duration_ms)
      select device_id, campaign_id, asset_id, hour, plays, duration_ms from meant order by device_id, campaign_id, asset_id, hour
      on conflict (device_id, campaign_id, asset_id, hour) do update
      set plays = h.plays + excluded.plays, duration_ms = h.duration_ms + excluded.duration_ms),
    summed as (
      insert into play_deltas (campaign_id, asset_id, hour, plays, duration_ms)
      select campaign_id, asset_id, hour, sum(plays), sum(duration_ms) from meant group by 1, 2, 3)
    select coalesce(sum(plays), 0)::bigint as counted from meant`,
});

const filter = {
  campaign: nullable(t.uuid),
  device: nullable(t.text),
  asset: nullable(t.text),
  from: t.bigint,
  to: t.bigint,
};
const FILTER = `
  hour >= to_timestamp($from / 1000.0) and hour < to_timestamp($to / 1000.0) and ($campaign is null or campaign_id = $campaign)
  and ($device is null or device_id = $device) and ($asset is null or asset_id = $asset)`;

/** Of all screens together, folded and not yet folded. */
const OF_ALL = `(
  select null::text as device_id, campaign_id, asset_id, hour, plays, duration_ms from play_totals
  union all select null, campaign_id, asset_id, hour, plays, duration_ms from play_deltas) as p`;
const OF_EACH = 'play_hours as p';

function seriesOf(name: string, source: string) {
  return statement({
    name,
    takes: { ...filter, bucket: t.text, timeZone: t.text },
    gives: { at: t.bigint, plays: t.bigint, duration_ms: t.bigint },
    text: `
      select epoch_ms(case $bucket when 'day' then date_trunc('day', hour, $timeZone) else hour end) as at,
             sum(plays)::bigint as plays, sum(duration_ms)::bigint as duration_ms
      from ${source} where ${FILTER} group by 1 having sum(plays) <> 0 order by 1`,
  });
}

/** Plays in order of time: of all screens, and of one. */
export const playSeriesOfAll = seriesOf('plays_series_of_all', OF_ALL);
export const playSeriesOfScreen = seriesOf('plays_series_of_screen', OF_EACH);

function rowsOf(name: string, source: string) {
  return statement({
    name,
    takes: { ...filter, by: t.text, skip: t.int, most: t.int },
    gives: {
      device_id: nullable(t.text),
      campaign_id: nullable(t.uuid),
      campaign: nullable(t.text),
      asset_id: nullable(t.text),
      hour: nullable(t.bigint),
      plays: t.bigint,
      duration_ms: t.bigint,
      rows: t.bigint,
    },
    text: `
      with grouped as (
        select case when $by in ('screen', 'hour') then device_id end as device_id, case when $by <> 'screen' then campaign_id end as campaign_id,
               case when $by = 'asset' then asset_id end as asset_id, case when $by = 'hour' then hour end as hour,
               sum(plays)::bigint as plays, sum(duration_ms)::bigint as duration_ms
        from ${source} where ${FILTER} group by 1, 2, 3, 4 having sum(plays) <> 0),
      page as (
        select *, count(*) over () as rows from grouped
        order by hour desc nulls last, plays desc, device_id, campaign_id, asset_id offset $skip limit $most)
      select page.device_id, page.campaign_id, c.name as campaign, page.asset_id, epoch_ms(page.hour) as hour, page.plays, page.duration_ms, page.rows
      from page left join campaigns c on c.id = page.campaign_id
      order by page.hour desc nulls last, page.plays desc, page.device_id, page.campaign_id, page.asset_id`,
  });
}

/** One page of plays by something, and how many rows there are in all. */
export const playRowsOfAll = rowsOf('plays_rows_of_all', OF_ALL);
export const playRowsOfEach = rowsOf('plays_rows_of_each', OF_EACH);

/** Hours of each screen, campaign and asset, in the order of the table's key, after the one named. */
export const playLines = statement({
  name: 'plays_lines',
  takes: { ...filter, afterDevice: t.text, afterCampaign: t.uuid, afterAsset: t.text, afterHour: t.bigint, most: t.int },
  gives: {
    device_id: t.text,
    campaign_id: t.uuid,
    campaign: t.text,
    asset_id: t.text,
    hour: t.bigint,
    plays: t.int,
    duration_ms: t.bigint,
  },
  text: `
    select p.device_id, p.campaign_id, c.name as campaign, p.asset_id, epoch_ms(p.hour) as hour, p.plays, p.duration_ms
    from (
      select * from play_hours as p
      where (device_id, campaign_id, asset_id, hour) > ($afterDevice, $afterCampaign, $afterAsset, to_timestamp($afterHour / 1000.0)) and ${FILTER}
      order by device_id, campaign_id, asset_id, hour limit $most) as p
    join campaigns c on c.id = p.campaign_id
    order by p.device_id, p.campaign_id, p.asset_id, p.hour`,
});
