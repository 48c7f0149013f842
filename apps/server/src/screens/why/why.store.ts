import { nullable, statement, t } from '../../store/statement.js';

/**
 * All that is known of one campaign on one screen, in one row: the campaign with the times of the version that screens are offered, its latest execution that started (a later one
 * that was skipped has nothing on any screen), the screen, and the delivery of that execution to it. What is not there is null; no row when there is no such campaign.
 */
export const caseOf = statement({
  name: 'why_case',
  takes: { campaign: t.uuid, device: t.text },
  gives: {
    name: t.text,
    version: t.int,
    live_version: t.int,
    status: t.text,
    start_at: t.bigint,
    expire_at: t.bigint,
    audience: t.json,
    priority: t.int,
    play_window: nullable(t.json),
    dispatch: t.text,
    paused: t.bool,
    build_error: nullable(t.text),
    updated_at: t.bigint,
    slides: t.json,
    execution_at: nullable(t.bigint),
    screen: nullable(t.json),
    delivery: nullable(t.json),
  },
  text: `
    select c.name, c.version, c.live_version, c.status, v.start_at, v.expire_at, v.audience, v.priority::int as priority, v.play_window,
      c.dispatch, c.paused, c.build_error, epoch_ms(c.updated_at) as updated_at,
      (select coalesce(jsonb_agg(jsonb_build_object('durationMs', a.duration_ms)), '[]') from campaign_assets a where a.campaign_id = c.id and a.version = v.version) as slides,
      coalesce(epoch_ms(e.started_at), e.scheduled_for) as execution_at,
      (select jsonb_build_object('status', s.status, 'statusSince', epoch_ms(s.status_since), 'lastSeen', epoch_ms(s.last_seen),
          'groupId', s.group_id, 'tags', s.tags, 'clockOffsetMs', s.clock_offset_ms, 'report', s.report)
       from devices s where s.device_id = $device) as screen,
      (select jsonb_build_object('id', d.id, 'status', d.status, 'attempt', d.attempt - d.unstarted, 'lastError', d.last_error, 'nextAttemptAt', epoch_ms(d.next_attempt_at),
          'settledAt', epoch_ms(d.settled_at), 'acknowledgedAt', epoch_ms(d.acknowledged_at), 'heldVersion', d.acknowledged_version,
          'installError', d.install_error, 'installErrorAt', d.install_error_at, 'missingAssets', d.missing_assets, 'offers', d.offers,
          'nextOfferAt', epoch_ms(d.next_offer_at), 'onAir', d.on_air, 'displayAt', d.display_at, 'revokes', d.revokes,
          'revokeAckedAt', epoch_ms(d.revoke_acked_at))
       from deliveries d where d.execution_id = e.id and d.recipient = $device) as delivery
    from campaigns c
    join campaign_versions v on v.campaign_id = c.id and v.version = case when c.status in ('draft', 'building') then c.version else c.live_version end
    left join lateral (
      select id, started_at, scheduled_for from executions where campaign_id = c.id order by started_at is not null desc, scheduled_for desc limit 1) as e on true
    where c.id = $campaign`,
});

/**
 * The campaigns that a screen has installed and that may have it before or in turn with one of priority $priority: of running executions, and those
 * that were taken back and that the screen has not dropped yet; each in the version that it has. Highest priority first.
 */
export const rivalsOf = statement({
  name: 'why_rivals',
  takes: { campaign: t.uuid, device: t.text, priority: t.int, now: t.bigint, most: t.int },
  gives: {
    id: t.uuid,
    name: t.text,
    start_at: t.bigint,
    expire_at: t.bigint,
    priority: t.int,
    play_window: nullable(t.json),
    slides: t.json,
  },
  text: `
    with held as materialized (
      select d.campaign_id, d.acknowledged_version from executions e join deliveries d on d.execution_id = e.id and d.recipient = $device
      where e.state = 'RUNNING' and d.acknowledged_version is not null
      union
      select d.campaign_id, d.acknowledged_version from deliveries d
      where d.recipient = $device and d.next_revoke_at is not null and d.acknowledged_version is not null)
    select v.campaign_id as id, v.name, v.start_at, v.expire_at, v.priority::int as priority, v.play_window,
      (select coalesce(jsonb_agg(jsonb_build_object('durationMs', a.duration_ms)), '[]') from campaign_assets a where a.campaign_id = v.campaign_id and a.version = v.version) as slides
    from held join campaign_versions v on v.campaign_id = held.campaign_id and v.version = held.acknowledged_version
    where v.campaign_id <> $campaign and v.expire_at > $now and v.priority >= $priority
    order by v.priority desc, v.campaign_id limit $most`,
});
