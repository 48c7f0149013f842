import { nullable, statement, t } from '../store/statement.js';

/**
 * Begins builds: draft goes to building, what runs already stays what it is; what is over or built is not answered. A build that
 * died is begun again.
 */
export const beginBuilds = statement({
  name: 'builds_begin',
  takes: { ids: t.uuids },
  gives: { id: t.uuid },
  text: `
    with begun as (
      update campaigns set status = 'building', updated_at = now()
      where id = any($ids) and status in ('draft', 'building') returning id)
    select id from begun
    union
    select id from campaigns where id = any($ids) and status in ('ready', 'publishing', 'active') and live_version <> version`,
});

/** What a template and a manifest are made of. */
export const creativeRow = {
  id: t.uuid,
  name: t.text,
  version: t.int,
  start_at: t.bigint,
  expire_at: t.bigint,
  metadata: t.json,
  priority: t.int,
  play_window: nullable(t.json),
  click_url: nullable(t.text),
  code_key: t.bytes,
  assets: t.json,
  template_sha256: nullable(t.text),
};

const creativesOf = (version: string): string => `
    select c.id, v.name, v.version, v.start_at, v.expire_at, v.metadata, v.priority::int as priority, v.play_window, v.click_url, c.code_key,
      (select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'number', a.number, 'assetType', a.asset_type, 'url', a.url, 'checksum', a.checksum,
         'durationMs', a.duration_ms, 'sizeBytes', a.size_bytes, 'state', a.state) order by a.position), '[]')
       from campaign_assets a where a.campaign_id = c.id and a.version = v.version) as assets,
      (select p.sha256 from templates p where p.campaign_id = c.id and p.version = v.version) as template_sha256
    from campaigns c join campaign_versions v on v.campaign_id = c.id and v.version = ${version}
    where c.id = any($ids)`;

/** The present versions, to be built. */
export const creativesToBuild = statement({
  name: 'creatives_to_build',
  takes: { ids: t.uuids },
  gives: creativeRow,
  text: creativesOf('c.version'),
});

/** The versions that screens are offered: whole also while the next one is being built. */
export const liveCreatives = statement({
  name: 'creatives_live',
  takes: { ids: t.uuids },
  gives: creativeRow,
  text: creativesOf('c.live_version'),
});

/**
 * Keeps built templates and makes their versions the ones that screens are offered; a campaign in building goes to ready, with the
 * fact that drives the dispatch. A campaign that was cancelled, or edited to another version, while it was built is not answered:
 * a late build brings nothing back to life. Follow it with `reofferDeliveries` in the same transaction.
 */
export const finishBuilds = statement({
  name: 'builds_finish',
  takes: { ids: t.uuids, versions: t.ints, digests: t.texts, pages: t.texts },
  gives: { id: t.uuid },
  text: `
    with built as (select * from unnest($ids, $versions, $digests, $pages) as b(id, version, sha256, html)),
    before as materialized (
      select c.id, c.status = 'building' as first from campaigns c join built b on c.id = b.id and c.version = b.version
      where c.status = 'building' or (c.status in ('ready', 'publishing', 'active') and c.live_version <> c.version)
      order by c.id for no key update of c),
    live as (
      update campaigns c
      set status = case when before.first then 'ready' else c.status end, live_version = c.version, build_error = null, updated_at = now()
      from before where c.id = before.id returning c.id, c.version, c.status, before.first),
    kept as (
      insert into templates (campaign_id, version, sha256, html)
      select b.id, b.version, b.sha256, b.html from built b join live using (id)
      on conflict (campaign_id, version) do update set sha256 = excluded.sha256, html = excluded.html, built_at = now()),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', id, case when first then 'template_ready' else 'version_live' end,
             jsonb_build_object('status', status, 'version', version), not first
      from live)
    select id from live`,
});

/**
 * Makes the version that is live now due to every screen of these campaigns that is to have an older one: what it acknowledged, and why it could not install,
 * was of that one. Rows are locked in the order of their ids, as settle and the acknowledgement lock them. Runs after the campaigns'
 * rows were changed in the same transaction: who adds a screen meanwhile holds that row shared, so its delivery is seen here or made with the new version.
 */
export const reofferDeliveries = statement({
  name: 'builds_reoffer_deliveries',
  takes: { ids: t.uuids },
  gives: { offered: t.bigint },
  text: `
    with behind as materialized (
      select d.id, c.live_version as version, d.acknowledged_at is not null as acked, d.install_error is not null as failed
      from campaigns c join executions e on e.campaign_id = c.id and e.state in ('NEW', 'RUNNING', 'PAUSED')
      join deliveries d on d.execution_id = e.id
      where c.id = any($ids) and d.version < c.live_version
      order by d.id for update of d),
    moved as (
      update deliveries d
      set version = b.version, acknowledged_at = null, install_error = null, install_error_at = 0, offers = 0,
          next_offer_at = case when d.status = 'SUCCESS' then now() end
      from behind b where d.id = b.id
      returning d.execution_id, b.acked, b.failed),
    counted as (
      insert into execution_counts (execution_id, state, n)
      select execution_id, state, -n from (
        select execution_id, count(*) filter (where acked) as a, count(*) filter (where failed) as f from moved group by execution_id) as sums
      cross join lateral (values ('acknowledged', a), ('failedInstall', f)) as k(state, n) where n <> 0),
    told as (select pg_notify('marquee', 'offers_due') from (select count(*) as n from moved) as k where n > 0)
    select count(*) as offered from moved where (select count(*) from told) >= 0`,
});

/** Says why a build failed; the campaign stays in building, or on the version before. */
export const failBuild = statement({
  name: 'builds_fail',
  takes: { id: t.uuid, reason: t.text },
  gives: {},
  text: `update campaigns set build_error = $reason, updated_at = now() where id = $id and (status = 'building' or live_version <> version)`,
});

export const findTemplate = statement({
  name: 'templates_find',
  takes: { campaign: t.uuid, version: nullable(t.int) },
  gives: { html: t.text, sha256: t.text, version: t.int },
  text: `
    select p.html, p.sha256, p.version from templates p join campaigns c on c.id = p.campaign_id
    where p.campaign_id = $campaign and p.version = coalesce($version, c.live_version)`,
});
