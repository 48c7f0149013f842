import { nullable, statement, t } from '../store/statement.js';

/**
 * The deliveries of a campaign whose screens may still have it after a cancel: those that were offered it and have not answered the revoke.
 * A copy ends at the end of its version. Which one that is the screen's acknowledgement says, unless a later one may have reached it since:
 * one that went live before the screen was last known to be online. The versions are read once, not once a screen.
 */
const COPIES = `
    versions as materialized (
      select v.version, v.expire_at, p.built_at as live_at
      from campaign_versions v left join templates p on p.campaign_id = v.campaign_id and p.version = v.version where v.campaign_id = $id),
    copies as (
      select d.recipient, d.acknowledged_version as version, coalesce(s.status = 'online', false) as online,
             case when s.status = 'offline' then epoch_ms(s.status_since) end as offline_since,
             coalesce(
               (select max(v.expire_at) from versions v
                where v.version = d.acknowledged_version
                   or (v.version > coalesce(d.acknowledged_version, 0) and v.live_at is not null
                       and (s.status is distinct from 'offline' or v.live_at <= s.status_since))),
               (select max(v.expire_at) from versions v)) as ends_at
      from deliveries d join executions e on e.id = d.execution_id left join devices s on s.device_id = d.recipient
      where e.campaign_id = $id and d.revoke_acked_at is null and d.attempt > d.unstarted)`;

/** Where the screens of a campaign stand after a cancel. Clean: it answered the revoke, or was never offered the campaign. */
export const clearanceOf = statement({
  name: 'campaigns_clearance',
  takes: { id: t.uuid },
  gives: { clean: t.bigint, dirty: t.bigint, unreachable: t.bigint, latest_end: nullable(t.bigint) },
  text: `
    with ${COPIES},
    sums as (
      select count(*) as n, count(*) filter (where online) as online, max(ends_at) as latest_end from copies)
    select (select count(*) from executions e join deliveries d on d.execution_id = e.id where e.campaign_id = $id)
             - sums.n as clean,
           sums.online as dirty, sums.n - sums.online as unreachable, sums.latest_end
    from sums`,
});

/** Screens that are not clean, in the order of their ids, after the id $after. */
export const unclearScreens = statement({
  name: 'campaigns_unclear_screens',
  takes: { id: t.uuid, after: t.text, skip: t.int, most: t.int },
  gives: { recipient: t.text, version: nullable(t.int), online: t.bool, offline_since: nullable(t.bigint), ends_at: t.bigint },
  text: `
    with ${COPIES}
    select * from copies where recipient > $after order by recipient offset $skip limit $most`,
});
