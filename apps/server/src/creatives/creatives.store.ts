import { nullable, statement, t } from '../store/statement.js';

/** Begins builds: draft goes to building; what is over or built already is not answered. A build that died is begun again. */
export const beginBuilds = statement({
  name: 'builds_begin',
  takes: { ids: t.uuids },
  gives: { id: t.uuid },
  text: `
    update campaigns set status = 'building', updated_at = now()
    where id = any($ids) and status in ('draft', 'building') returning id`,
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
  assets: t.json,
  template_sha256: nullable(t.text),
};

export const creativesOf = statement({
  name: 'creatives_of',
  takes: { ids: t.uuids },
  gives: creativeRow,
  text: `
    select c.id, c.name, c.version, c.start_at, c.expire_at, c.metadata, c.priority::int as priority, c.play_window,
      (select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'assetType', a.asset_type, 'url', a.url, 'checksum', a.checksum,
         'durationMs', a.duration_ms, 'sizeBytes', a.size_bytes, 'state', a.state) order by a.position), '[]')
       from campaign_assets a where a.campaign_id = c.id) as assets,
      (select p.sha256 from templates p where p.campaign_id = c.id and p.version = c.version) as template_sha256
    from campaigns c where c.id = any($ids)`,
});

/**
 * Keeps built templates and moves their campaigns from building to ready, with the facts that drive the dispatch. A campaign
 * that was cancelled, or edited to another version, while it was built is not answered: a late build brings nothing back to life.
 */
export const finishBuilds = statement({
  name: 'builds_finish',
  takes: { ids: t.uuids, versions: t.ints, digests: t.texts, pages: t.texts },
  gives: { id: t.uuid },
  text: `
    with built as (select * from unnest($ids, $versions, $digests, $pages) as b(id, version, sha256, html)),
    ready as (
      update campaigns c set status = 'ready', build_error = null, updated_at = now()
      from built b where c.id = b.id and c.version = b.version and c.status = 'building' returning c.id),
    kept as (
      insert into templates (campaign_id, version, sha256, html)
      select b.id, b.version, b.sha256, b.html from built b join ready using (id)
      on conflict (campaign_id, version) do update set sha256 = excluded.sha256, html = excluded.html, built_at = now()),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload)
      select 'campaign', id, 'template_ready', '{"status": "ready"}' from ready)
    select id from ready`,
});

/** Says why a build failed; the campaign stays in building. */
export const failBuild = statement({
  name: 'builds_fail',
  takes: { id: t.uuid, reason: t.text },
  gives: {},
  text: `update campaigns set build_error = $reason, updated_at = now() where id = $id and status = 'building'`,
});

export const findTemplate = statement({
  name: 'templates_find',
  takes: { campaign: t.uuid, version: nullable(t.int) },
  gives: { html: t.text, sha256: t.text, version: t.int },
  text: `
    select p.html, p.sha256, p.version from templates p join campaigns c on c.id = p.campaign_id
    where p.campaign_id = $campaign and p.version = coalesce($version, c.version)`,
});
