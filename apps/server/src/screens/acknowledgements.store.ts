import { MOST_SINGLE } from '../feed/events.js';
import { statement, t } from '../store/statement.js';

/** Which of these events are stored. */
export const storedEvents = statement({
  name: 'screens_stored_events',
  takes: { eventIds: t.uuids },
  gives: { event_id: t.uuid },
  text: 'select event_id from delivery_events where event_id = any($eventIds)',
});

/**
 * Stores screens' events and moves what they move, all or nothing. An event that is stored already changes nothing, whatever
 * comes again; one of an unknown device or campaign is not stored. Answers the ids of the events that were new.
 *
 * Any order of arrival ends in the same state: an installation of the version that the screen is to have counts once and clears an error;
 * of an older version it is only noted, as what the screen has, and its errors are over; of the display events the one that
 * the screen says is the latest counts (the end before the start when they are equal); a revoke counts only of a campaign that is over. A screen
 * whose clock is ahead says it now: what it says when its clock was put right would else count for nothing until then.
 * Rows are locked in the order of their ids, as settle locks them. The offer that is no longer needed stays until it is due: without a
 * change of an indexed column the update is HOT, which halves the cost of an acknowledgement. A screen that was being handed the older version while the newer went live says
 * so by acknowledging the older one: only then an offer is made due here.
 */
export const acknowledge = statement({
  name: 'screens_acknowledge',
  takes: {
    eventIds: t.uuids,
    devices: t.texts,
    campaigns: t.uuids,
    versions: t.ints,
    types: t.texts,
    assets: t.nullableUuids,
    payloads: t.jsonTexts,
    times: t.bigints,
    errors: t.nullableTexts,
    missings: t.bools,
  },
  gives: { event_id: t.uuid },
  text: `
    with said as materialized (
      select *, least(at, epoch_ms(now())) as said_at from unnest((select $eventIds), (select $devices), (select $campaigns), (select $versions), (select $types), (select $assets),
                           (select $payloads), (select $times), (select $errors), (select $missings))
        as e(event_id, device_id, campaign_id, version, event_type, asset_id, payload, at, error, missing)),
    seen as (update devices set last_seen = now() where device_id = any($devices) returning device_id),
    known as materialized (
      select id, status, epoch from campaigns where id in (select campaign_id from said) order by id for key share),
    stored as (
      insert into delivery_events (event_id, device_id, campaign_id, version, event_type, asset_id, payload, occurred_at)
      select said.event_id, said.device_id, said.campaign_id, said.version, said.event_type, said.asset_id, said.payload, said.at
      from said join seen using (device_id) join known on known.id = said.campaign_id
      order by said.event_id
      on conflict (event_id) do nothing returning event_id),
    told as materialized (
      select said.campaign_id, said.device_id,
             max(version) filter (where event_type = 'install_ack') as installed,
             (array_agg(said_at order by version desc, said_at desc) filter (where event_type = 'install_ack'))[1] as installed_at,
             (array_agg(missing order by version desc, said_at desc, at desc, missing) filter (where event_type = 'install_ack'))[1] as missing,
             max(version) filter (where event_type = 'error') as error_version,
             (array_agg(said_at order by version desc, said_at desc) filter (where event_type = 'error'))[1] as error_at,
             (array_agg(error order by version desc, said_at desc, at desc, error) filter (where event_type = 'error'))[1] as error,
             max(said_at) filter (where event_type in ('display_start', 'display_complete')) as display_at,
             (array_agg(event_type order by said_at desc, at desc, event_type) filter (where event_type in ('display_start', 'display_complete')))[1] as display,
             max(said_at) filter (where event_type = 'revoke_ack') as revoked_at
      from said join stored using (event_id) group by said.campaign_id, said.device_id),
    before as materialized (
      select d.id, d.execution_id, d.acknowledged_at is not null as acked, d.install_error is not null as failed, d.on_air,
             d.revoke_acked_at is not null as revoked, case when told.installed > d.version then d.version else told.installed end as installed, told.installed_at, told.missing,
             case when told.error_version >= d.version then told.error_at end as error_at, told.error,
             c.status in ('cancelled', 'completed') as over,
             told.display_at, told.display, case when c.status in ('cancelled', 'completed') then told.revoked_at end as revoked_at, c.epoch
      from told
      join known c on c.id = told.campaign_id
      join executions e on e.campaign_id = told.campaign_id
      join deliveries d on d.execution_id = e.id and d.recipient = told.device_id
      order by d.id for update of d),
    moved as (
      update deliveries d
      set acknowledged_at = case when b.installed = d.version then coalesce(d.acknowledged_at, now()) else d.acknowledged_at end,
          acknowledged_version = greatest(d.acknowledged_version, b.installed),
          installed_at = case when b.installed > coalesce(d.acknowledged_version, 0) then b.installed_at
                              when b.installed = d.acknowledged_version then greatest(d.installed_at, b.installed_at) else d.installed_at end,
          missing_assets = case when b.installed < d.acknowledged_version then d.missing_assets
                                when b.installed > coalesce(d.acknowledged_version, 0) or b.installed_at > d.installed_at then b.missing
                                when b.installed_at = d.installed_at then d.missing_assets and b.missing else d.missing_assets end,
          next_offer_at = case when b.installed < d.version and d.acknowledged_at is null and d.status = 'SUCCESS' and not b.over
                               then coalesce(d.next_offer_at, now()) else d.next_offer_at end,
          install_error_at = greatest(d.install_error_at, b.error_at),
          install_error = case when b.installed = d.version or b.acked then null
                               when b.error_at > d.install_error_at then b.error
                               when b.error_at = d.install_error_at then least(d.install_error, b.error) else d.install_error end,
          on_air = case when b.revoked_at is not null and b.revoked_at >= greatest(d.display_at, b.display_at) then false
                        when b.display_at > d.display_at or (b.display_at = d.display_at and b.display = 'display_complete') then b.display = 'display_start'
                        else d.on_air end,
          display_at = greatest(d.display_at, b.display_at, b.revoked_at),
          revoke_acked_at = case when b.revoked_at is null then d.revoke_acked_at else coalesce(d.revoke_acked_at, now()) end,
          next_revoke_at = case when b.revoked_at is null then d.next_revoke_at end
      from before b where d.id = b.id
      returning d.id, d.campaign_id, d.execution_id, b.epoch,
        (d.acknowledged_at is not null)::int - b.acked::int as acknowledged, (d.install_error is not null)::int - b.failed::int as failed,
        d.on_air::int - b.on_air::int as on_air, (d.revoke_acked_at is not null)::int - b.revoked::int as revoked),
    counted as (
      insert into execution_counts (execution_id, state, n)
      select execution_id, state, n from (
        select execution_id, sum(acknowledged) as a, sum(failed) as f, sum(on_air) as o, sum(revoked) as r from moved group by execution_id) as sums
      cross join lateral (values ('acknowledged', a), ('failedInstall', f), ('onAir', o), ('revoked', r)) as k(state, n) where n <> 0),
    happened as (
      select campaign_id, max(epoch) as epoch,
             jsonb_strip_nulls(jsonb_build_object(
               'ACKNOWLEDGED', nullif(count(*) filter (where acknowledged = 1), 0), 'INSTALL_FAILED', nullif(count(*) filter (where failed = 1), 0),
               'ON_AIR', nullif(count(*) filter (where on_air = 1), 0), 'OFF_AIR', nullif(count(*) filter (where on_air = -1), 0),
               'REVOKED', nullif(count(*) filter (where revoked = 1), 0))) as counts
      from moved group by campaign_id),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', campaign_id, 'deliveries_moved',
             case when (select count(*) from moved) <= ${MOST_SINGLE}
               then jsonb_build_object('epoch', epoch, 'outcomes', (
                 select jsonb_object_agg(outcome, ids) from (
                   select k.outcome, jsonb_agg(m.id) as ids from moved m
                   cross join lateral (values ('ACKNOWLEDGED', m.acknowledged = 1), ('INSTALL_FAILED', m.failed = 1), ('ON_AIR', m.on_air = 1),
                                              ('OFF_AIR', m.on_air = -1), ('REVOKED', m.revoked = 1)) as k(outcome, happened)
                   where k.happened and m.campaign_id = happened.campaign_id group by k.outcome) as told))
               else jsonb_build_object('epoch', epoch, 'counts', counts) end,
             true
      from happened where counts <> '{}')
    select event_id from stored`,
});
