import type { ValuesOf } from '../store/statement.js';
import { nullable, statement, t } from '../store/statement.js';

/** One campaign with its assets in order, as every reading statement below gives it. */
export const campaignRow = {
  id: t.uuid,
  name: t.text,
  version: t.int,
  live_version: t.int,
  status: t.text,
  channel: t.text,
  start_at: nullable(t.bigint),
  expire_at: nullable(t.bigint),
  metadata: t.json,
  audience: t.json,
  priority: t.int,
  play_window: nullable(t.json),
  click_url: nullable(t.text),
  dispatch: t.text,
  content: nullable(t.json),
  rate_per_second: nullable(t.int),
  on_unknown: t.text,
  schedule: nullable(t.json),
  next_slot_at: nullable(t.bigint),
  epoch: t.int,
  paused: t.bool,
  lock_key: t.bigint,
  build_error: nullable(t.text),
  created_at: t.time,
  updated_at: t.time,
  assets: t.json,
};
export type CampaignRow = ValuesOf<typeof campaignRow>;

const CAMPAIGN = `
  c.id, c.name, c.version, c.live_version, c.status, c.channel, c.start_at, c.expire_at, c.metadata, c.audience, c.priority::int as priority, c.play_window, c.click_url,
  c.dispatch, c.content, c.rate_per_second, c.on_unknown, c.schedule, c.next_slot_at, c.epoch, c.paused, c.lock_key, c.build_error, c.created_at, c.updated_at,
  (select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'assetType', a.asset_type, 'url', a.url, 'checksum', a.checksum,
     'durationMs', a.duration_ms, 'sizeBytes', a.size_bytes, 'state', a.state, 'reason', a.reason) order by a.position), '[]')
   from campaign_assets a where a.campaign_id = c.id and a.version = c.version) as assets`;

/**
 * Stores new campaigns with their assets and the facts that drive them, all or nothing, and answers the ids it stored.
 * A campaign whose idempotency key is taken is not stored and not answered: its caller reads what the first one got.
 */
export const createCampaigns = statement({
  name: 'campaigns_create',
  takes: {
    ids: t.uuids,
    names: t.texts,
    channels: t.texts,
    startAts: t.nullableBigints,
    expireAts: t.nullableBigints,
    metadatas: t.jsonTexts,
    audiences: t.jsonTexts,
    priorities: t.ints,
    windows: t.nullableJsonTexts,
    clickUrls: t.nullableTexts,
    dispatches: t.texts,
    contents: t.nullableJsonTexts,
    rates: t.nullableInts,
    onUnknowns: t.texts,
    schedules: t.nullableJsonTexts,
    nextSlots: t.nullableBigints,
    keys: t.uuids,
    digests: t.byteses,
    answers: t.rawJsonTexts,
    createdAts: t.bigints,
    assetIds: t.uuids,
    assetCampaigns: t.uuids,
    assetPositions: t.ints,
    assetTypes: t.texts,
    assetUrls: t.texts,
    assetDurations: t.nullableInts,
  },
  gives: { id: t.uuid },
  text: `
    with made as (
      insert into campaigns (id, name, channel, start_at, expire_at, metadata, audience, priority, play_window, click_url, dispatch, content,
                             rate_per_second, on_unknown, schedule, next_slot_at, status, idempotency_key, request_sha256, first_answer, created_at, updated_at)
      select id, name, channel, start_at, expire_at, metadata, audience, priority, play_window, click_url, dispatch, content, rate, on_unknown, schedule,
             next_slot, case when channel = 'screen' then 'draft' else 'ready' end, key, digest, answer,
             to_timestamp(created_at / 1000.0), to_timestamp(created_at / 1000.0)
      from unnest($ids, $names, $channels, $startAts, $expireAts, $metadatas, $audiences, $priorities, $windows, $clickUrls, $dispatches,
                  $contents, $rates, $onUnknowns, $schedules, $nextSlots, $keys, $digests, $answers, $createdAts)
        as wanted(id, name, channel, start_at, expire_at, metadata, audience, priority, play_window, click_url, dispatch,
                  content, rate, on_unknown, schedule, next_slot, key, digest, answer, created_at)
      order by id
      on conflict (idempotency_key) do nothing
      returning id, channel),
    assets as (
      insert into campaign_assets (id, campaign_id, position, asset_type, url, duration_ms)
      select a.id, a.campaign_id, a.position, a.asset_type, a.url, a.duration_ms
      from unnest($assetIds, $assetCampaigns, $assetPositions, $assetTypes, $assetUrls, $assetDurations)
        as a(id, campaign_id, position, asset_type, url, duration_ms)
      join made on made.id = a.campaign_id),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload)
      select 'campaign', id, 'campaign_created', '{"status": "draft"}' from made where channel = 'screen' order by id),
    -- Nothing is built of what is sent to recipients.
    ready as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
      select 'campaign', id, 'campaign_ready', '{"status": "ready"}', true from made where channel <> 'screen' order by id),
    -- Who is to run by itself may be due before the producer looks again.
    told as (select pg_notify('marquee', 'slot_set') from made join unnest($ids, $nextSlots) as w(id, next_slot) using (id) where w.next_slot is not null limit 1)
    select id from made where (select count(*) from told) >= 0`,
});

/** What the first request with each of these keys asked for and was answered. */
export const firstAnswers = statement({
  name: 'campaigns_first_answers',
  takes: { keys: t.uuids },
  gives: { idempotency_key: t.uuid, request_sha256: nullable(t.bytes), first_answer: nullable(t.rawJson) },
  text: 'select idempotency_key, request_sha256, first_answer from campaigns where idempotency_key = any($keys)',
});

export const findCampaign = statement({
  name: 'campaigns_find',
  takes: { id: t.uuid },
  gives: campaignRow,
  text: `select ${CAMPAIGN} from campaigns c where c.id = $id`,
});

/** Newest first; after the id `before` when it is given, else from `skip`. One row more than `most` says that there is a next page. */
export const listCampaigns = statement({
  name: 'campaigns_list',
  takes: { before: nullable(t.uuid), skip: t.int, most: t.int },
  gives: campaignRow,
  text: `
    select ${CAMPAIGN} from (
      select * from campaigns where id < coalesce($before, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      order by id desc offset $skip limit $most) c
    order by c.id desc`,
});

/** As the list, of one status. */
export const listCampaignsOfStatus = statement({
  name: 'campaigns_list_of_status',
  takes: { status: t.text, before: nullable(t.uuid), skip: t.int, most: t.int },
  gives: campaignRow,
  text: `
    select ${CAMPAIGN} from (
      select * from campaigns where status = $status and id < coalesce($before, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      order by id desc offset $skip limit $most) c
    order by c.id desc`,
});

/** How many campaigns there are, by status: kept, not counted. */
export const campaignTotals = statement({
  name: 'campaigns_totals',
  takes: {},
  gives: { status: t.text, n: t.bigint },
  text: 'select status, sum(n)::bigint as n from campaign_totals group by status',
});

/** The counts of a campaign over all of its executions, by state; and whether they are those of its present version. */
export const campaignCountsOf = statement({
  name: 'campaigns_counts',
  takes: { id: t.uuid },
  gives: { state: t.text, n: t.bigint, present: t.bool },
  text: `
    select k.state, sum(k.n)::bigint as n, bool_and(c.version = c.live_version) as present
    from execution_counts k join executions e on e.id = k.execution_id join campaigns c on c.id = e.campaign_id
    where e.campaign_id = $id group by k.state`,
});

/**
 * Raises the cancel flag, if it is not raised, writes the fact that drives the sweep and the revokes, and answers the lock to take; no row: it
 * does not exist. From its commit on no begin wins; that nothing begun still starts is the barrier's word, not this statement's. The senders
 * hear of it, so that they let the lock go at once.
 */
export const cancelCampaign = statement({
  name: 'campaigns_cancel',
  takes: { id: t.uuid },
  gives: { lock_key: t.bigint },
  text: `
    with cancelled as (
      update campaigns set status = 'cancelled', next_slot_at = null, updated_at = now() where id = $id and status <> 'cancelled' returning id, epoch),
    told as (select pg_notify('marquee', 'campaign_stopped ' || id || ':' || epoch) from cancelled),
    facts as (
      insert into outbox (aggregate_type, aggregate_id, event_type, payload)
      select 'campaign', id, 'campaign_cancelled', '{"status": "cancelled"}' from cancelled)
    select lock_key from campaigns where id = $id and (select count(*) from told) >= 0`,
});
