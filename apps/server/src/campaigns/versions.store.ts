import type { ValuesOf } from '../store/statement.js';
import { nullable, statement, t } from '../store/statement.js';

/**
 * Gives a campaign its next version, with its assets and the fact that drives the build, all or nothing. Promises that of those who
 * expect the same version one wins. The loser gets no row, as does who edits what is over, or gives another audience to what runs:
 * it reads the campaign to learn which.
 */
export const editCampaign = statement({
  name: 'campaigns_edit',
  takes: {
    id: t.uuid,
    expected: t.int,
    name: t.text,
    startAt: nullable(t.bigint),
    expireAt: nullable(t.bigint),
    metadata: t.jsonText,
    audience: t.jsonText,
    priority: t.int,
    window: nullable(t.jsonText),
    clickUrl: nullable(t.text),
    restores: nullable(t.int),
    assetIds: t.uuids,
    assetTypes: t.texts,
    assetUrls: t.texts,
    assetDurations: t.nullableInts,
  },
  gives: { version: t.int },
  text: `
    with edited as (
      update campaigns c
      set version = c.version + 1, name = $name, start_at = $startAt, expire_at = $expireAt, metadata = $metadata, audience = $audience,
          priority = $priority, play_window = $window, click_url = $clickUrl, build_error = null, updated_at = now()
      where c.id = $id and c.version = $expected
        and (c.status in ('draft', 'building', 'ready') or (c.status in ('publishing', 'active') and c.audience = $audience))
      returning c.*),
    kept as (
      insert into campaign_versions (campaign_id, version, name, start_at, expire_at, metadata, audience, priority, play_window, click_url, restores)
      select id, version, name, start_at, expire_at, metadata, audience, priority, play_window, click_url, $restores from edited),
    assets as (
      insert into campaign_assets (id, campaign_id, version, position, asset_type, url, duration_ms)
      select a.id, edited.id, edited.version, a.position - 1, a.asset_type, a.url, a.duration_ms
      from edited cross join unnest($assetIds, $assetTypes, $assetUrls, $assetDurations)
        with ordinality as a(id, asset_type, url, duration_ms, position)),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload)
      select 'campaign', id, 'campaign_edited', jsonb_build_object('status', status, 'version', version) from edited)
    select version from edited`,
});

/** One version with its assets in order. */
const versionRow = {
  version: t.int,
  name: t.text,
  start_at: nullable(t.bigint),
  expire_at: nullable(t.bigint),
  metadata: t.json,
  audience: t.json,
  priority: t.int,
  play_window: nullable(t.json),
  click_url: nullable(t.text),
  restores: nullable(t.int),
  created_by: nullable(t.text),
  created_at: t.time,
  live_at: nullable(t.bigint),
  assets: t.json,
};
export type VersionRow = ValuesOf<typeof versionRow>;

const VERSION = `
  v.version, v.name, v.start_at, v.expire_at, v.metadata, v.audience, v.priority::int as priority, v.play_window, v.click_url, v.restores, v.created_by,
  v.created_at, (select epoch_ms(p.built_at) from templates p where p.campaign_id = v.campaign_id and p.version = v.version) as live_at,
  (select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'assetType', a.asset_type, 'url', a.url, 'checksum', a.checksum,
     'durationMs', a.duration_ms, 'sizeBytes', a.size_bytes, 'state', a.state, 'reason', a.reason) order by a.position), '[]')
   from campaign_assets a where a.campaign_id = v.campaign_id and a.version = v.version) as assets`;

export const findVersion = statement({
  name: 'versions_find',
  takes: { campaign: t.uuid, version: t.int },
  gives: versionRow,
  text: `select ${VERSION} from campaign_versions v where v.campaign_id = $campaign and v.version = $version`,
});

/** Newest first, those before $before. */
export const listVersions = statement({
  name: 'versions_list',
  takes: { campaign: t.uuid, before: t.int, skip: t.int, most: t.int },
  gives: versionRow,
  text: `
    select ${VERSION} from (
      select * from campaign_versions where campaign_id = $campaign and version < $before
      order by version desc offset $skip limit $most) as v
    order by v.version desc`,
});

/** How many screens said that they have which version, over all of a campaign's executions. Reads its deliveries: for a page that is opened, not for every change. */
export const versionsHeld = statement({
  name: 'versions_held',
  takes: { campaign: t.uuid },
  gives: { version: t.int, n: t.bigint },
  text: `
    select d.acknowledged_version as version, count(*) as n from executions e join deliveries d on d.execution_id = e.id
    where e.campaign_id = $campaign and d.acknowledged_version is not null group by d.acknowledged_version`,
});

export const countVersions = statement({
  name: 'versions_count',
  takes: { campaign: t.uuid },
  gives: { n: t.bigint },
  text: 'select count(*) as n from campaign_versions where campaign_id = $campaign',
});
