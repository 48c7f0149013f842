import { nullable, statement, t } from '../store/statement.js';

/** Gives the assets of these campaigns what is known of their URLs. A failure is believed until its retry is due. */
export const applySources = statement({
  name: 'asset_sources_apply',
  takes: { campaigns: t.uuids },
  gives: {},
  text: `
    update campaign_assets a
    set state = case when s.kind = a.asset_type then 'stored' else 'failed' end,
        checksum = case when s.kind = a.asset_type then s.checksum else '' end,
        size_bytes = case when s.kind = a.asset_type then s.size_bytes else 0 end,
        reason = case when s.state = 'failed' then s.reason when s.kind <> a.asset_type then 'is of type ' || s.kind || ', not ' || a.asset_type end
    from asset_sources s
    where a.campaign_id = any($campaigns) and a.checksum = '' and s.url_md5 = md5(a.url) and s.url = a.url
      and (s.state = 'stored' or s.retry_at > now())`,
});

/** The URLs of these campaigns' present versions of which nothing is known. */
export const unknownSources = statement({
  name: 'asset_sources_unknown',
  takes: { campaigns: t.uuids },
  gives: { campaign_id: t.uuid, url: t.text },
  text: `
    select a.campaign_id, a.url from campaign_assets a join campaigns c on c.id = a.campaign_id and c.version = a.version
    where a.campaign_id = any($campaigns) and a.checksum = ''
      and not exists (select from asset_sources s where s.url_md5 = md5(a.url) and s.url = a.url and (s.state = 'stored' or s.retry_at > now()))`,
});

/** URLs of running campaigns to be asked for (again): what a process that died was fetching, and failures whose retry is due. */
export const openSources = statement({
  name: 'asset_sources_open',
  takes: { most: t.int },
  gives: { url: t.text },
  text: `
    select distinct a.url from campaign_assets a join campaigns c on c.id = a.campaign_id
    where a.checksum = '' and a.version in (c.version, c.live_version) and c.status in ('ready', 'publishing', 'active')
      and not exists (select from asset_sources s where s.url_md5 = md5(a.url) and s.url = a.url and (s.state = 'stored' or s.retry_at > now()))
    limit $most`,
});

/**
 * Remembers what became of a URL and tells every asset that waits for it. Screens that installed without it count as not acknowledged
 * again and are offered the manifest anew, with the same id and version.
 */
export const settleSource = statement({
  name: 'asset_sources_settle',
  takes: {
    url: t.text,
    state: t.text,
    checksum: t.text,
    sizeBytes: t.bigint,
    kind: nullable(t.text),
    reason: nullable(t.text),
    retryMs: t.bigint,
  },
  gives: { told: t.bigint },
  text: `
    with source as (
      insert into asset_sources (url_md5, url, state, checksum, size_bytes, kind, reason, retry_at)
      values (md5($url), $url, $state, $checksum, $sizeBytes, $kind, $reason, now() + $retryMs * interval '1 ms')
      on conflict (url_md5) do update
      set url = excluded.url, state = excluded.state, checksum = excluded.checksum, size_bytes = excluded.size_bytes, kind = excluded.kind,
          reason = excluded.reason, retry_at = excluded.retry_at, settled_at = now()
      where asset_sources.state = 'failed' or asset_sources.url <> excluded.url
      returning url),
    told as (
      update campaign_assets a
      set state = case when $kind = a.asset_type then 'stored' else 'failed' end,
          checksum = case when $kind = a.asset_type then $checksum else '' end,
          size_bytes = case when $kind = a.asset_type then $sizeBytes else 0 end,
          reason = case when $state = 'failed' then $reason when $kind <> a.asset_type then 'is of type ' || $kind || ', not ' || a.asset_type end
      where md5(a.url) = md5($url) and a.url = $url and a.checksum = ''
      returning a.campaign_id, a.version),
    offered as (
      update deliveries d set next_offer_at = now(), acknowledged_at = null
      from executions e
      where $state = 'stored' and e.state = 'RUNNING'
        and e.campaign_id in (select c.id from told join campaigns c on c.id = told.campaign_id and c.live_version = told.version)
        and d.execution_id = e.id and d.missing_assets and d.acknowledged_at is not null and d.status = 'SUCCESS'
      returning d.execution_id),
    counted as (
      insert into execution_counts (execution_id, state, n) select execution_id, 'acknowledged', -count(*) from offered group by execution_id)
    select (select count(*) from told) as told from source`,
});
