import { nullable, statement, t } from '../store/statement.js';

const MOST_SAID = 500;
const MOST_CLICKS = 200;
/** Logs in which the plays of those clicks are looked for. */
const MOST_LOGS = 1000;
/** Who sees a code takes a while to scan it: the play may have ended meanwhile, ms. */
const SCANNED_AFTER_MS = 30_000;

/**
 * What the log says of one delivery, in the order in which it was written. Goes through all batches of its execution: 2,000 of a million
 * deliveries in claims of 500.
 */
export const logOfDelivery = statement({
  name: 'deliveries_log_of',
  takes: { id: t.uuid, execution: t.uuid },
  gives: {
    what: t.text,
    at: t.bigint,
    claim_id: nullable(t.uuid),
    epoch: nullable(t.int),
    claimed_by: nullable(t.text),
    claimed_at: nullable(t.bigint),
    begun_by: nullable(t.text),
    begun_at: nullable(t.bigint),
    attempt: nullable(t.int),
    outcome: nullable(t.text),
    reason: nullable(t.text),
    sent_at: nullable(t.bigint),
    stale: t.bool,
  },
  text: `
    select l.what, epoch_ms(l.at) as at, l.claim_ids[least(p.n, cardinality(l.claim_ids))] as claim_id, l.epoch, l.claimed_by,
           epoch_ms(l.claimed_at) as claimed_at, l.begun_by, l.begun_at[least(p.n, cardinality(l.begun_at))] as begun_at, l.attempts[least(p.n, cardinality(l.attempts))] as attempt,
           l.outcomes[least(p.n, cardinality(l.outcomes))] as outcome, l.reasons[p.n] as reason,
           l.sent_at[p.n] as sent_at, coalesce($id = any(l.stale), false) as stale
    from delivery_log l cross join lateral (select array_position(l.delivery_ids, $id) as n) as p
    where l.execution_id = $execution and p.n is not null
    order by l.id`,
});

/** The claim that has a delivery now; no row when none has. */
export const claimOfDelivery = statement({
  name: 'deliveries_claim_of',
  takes: { id: t.uuid },
  gives: {
    claim_id: t.uuid,
    epoch: t.int,
    status: t.text,
    attempt: t.int,
    claimed_by: t.text,
    claimed_at: t.bigint,
    begun_by: nullable(t.text),
    begun_at: nullable(t.bigint),
  },
  text: `
    select k.id as claim_id, k.epoch, d.status, d.attempt, k.claimed_by, epoch_ms(k.claimed_at) as claimed_at, k.begun_by, epoch_ms(k.begun_at) as begun_at
    from deliveries d join claims k on k.id = d.claim_id
    where d.id = $id and d.status in ('IN_PROGRESS', 'SENDING')`,
});

/** What a screen said of a campaign since $since (epoch ms), the first of it; its logs of plays are counted elsewhere. */
export const screensWords = statement({
  name: 'deliveries_screens_words',
  takes: { campaign: t.uuid, recipient: t.text, since: t.bigint },
  gives: { event_type: t.text, at: t.bigint, occurred_at: nullable(t.bigint), version: t.int, reason: nullable(t.text) },
  text: `
    select v.event_type, epoch_ms(v.created_at) as at, v.occurred_at, v.version,
           case when v.event_type = 'error' then left(coalesce(v.payload ->> 'reason', v.payload ->> 'message'), 500) end as reason
    from delivery_events v
    where v.device_id = $recipient and v.campaign_id = $campaign and v.event_type <> 'play_log' and v.created_at >= to_timestamp($since / 1000.0)
    order by v.id limit ${MOST_SAID}`,
});

/**
 * Clicks on a campaign at a screen since $since (epoch ms), the latest of them, each with the play that ran there at that moment or ended right
 * before it, where the screen has told of one.
 */
export const clicksOnScreen = statement({
  name: 'deliveries_clicks_on',
  takes: { campaign: t.uuid, recipient: t.text, since: t.bigint },
  gives: {
    clicked_at: t.bigint,
    ad_id: t.text,
    creative_id: nullable(t.uuid),
    bot: t.bool,
    duplicate: t.bool,
    asset_id: nullable(t.text),
    started_at: nullable(t.bigint),
    duration_ms: nullable(t.bigint),
  },
  text: `
    with clicked as materialized (
      select clicked_at, ad_id, creative_id, bot, duplicate from clicks
      where campaign_id = $campaign and device_id = $recipient and clicked_at >= $since order by clicked_at desc limit ${MOST_CLICKS}),
    logs as materialized (
      select payload from delivery_events
      where device_id = $recipient and event_type = 'play_log'
        and created_at >= (select to_timestamp(min(clicked_at) / 1000.0) - interval '1 minute' from clicked)
      order by id limit ${MOST_LOGS}),
    told as (
      select play, case when jsonb_typeof(play -> 'startedAt') = 'number' then (play ->> 'startedAt')::numeric end as started_at,
             case when jsonb_typeof(play -> 'durationMs') = 'number' then (play ->> 'durationMs')::numeric end as duration_ms
      from logs, jsonb_array_elements(case when jsonb_typeof(payload -> 'plays') = 'array' then payload -> 'plays' else '[]' end) as play),
    plays as materialized (
      select left(play ->> 'assetId', 36) as asset_id, started_at::bigint as started_at, duration_ms::bigint as duration_ms from told
      where lower(play ->> 'campaignId') = $campaign::text and started_at between 0 and 1e15 and duration_ms between 0 and 1e12)
    select c.*, p.asset_id, p.started_at, p.duration_ms
    from clicked c left join lateral (
      select * from plays
      where plays.started_at <= c.clicked_at and c.clicked_at < plays.started_at + plays.duration_ms + ${SCANNED_AFTER_MS}
      order by plays.started_at desc limit 1) as p on true
    order by c.clicked_at`,
});

/** What a screen logged as shown of a campaign. */
export const playsOf = statement({
  name: 'deliveries_plays_of',
  takes: { campaign: t.uuid, recipient: t.text },
  gives: { n: t.bigint, duration_ms: t.bigint, first_hour: nullable(t.bigint), last_hour: nullable(t.bigint) },
  text: `
    select coalesce(sum(plays), 0)::bigint as n, coalesce(sum(duration_ms), 0)::bigint as duration_ms,
           epoch_ms(min(hour)) as first_hour, epoch_ms(max(hour)) as last_hour
    from play_hours where device_id = $recipient and campaign_id = $campaign`,
});
