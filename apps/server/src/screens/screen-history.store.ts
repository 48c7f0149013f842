import { DELIVERY, deliveryRow } from '../store/delivery-row.js';
import { nullable, statement, t } from '../store/statement.js';

/** What was meant for a screen, the newest execution first, one row each; walks the executions backward and stops at the last row that is wanted. */
export const listScreenDeliveries = statement({
  name: 'screens_deliveries',
  takes: { id: t.text, skip: t.int, most: t.int },
  gives: {
    ...deliveryRow,
    campaign: t.text,
    campaign_status: t.text,
    start_at: t.bigint,
    expire_at: t.bigint,
  },
  text: `
    select ${DELIVERY}, c.name as campaign, c.status as campaign_status, c.start_at, c.expire_at
    from executions e
    join deliveries d on d.execution_id = e.id and d.recipient = $id
    join campaigns c on c.id = e.campaign_id
    order by e.id desc offset $skip limit $most`,
});

/** A screen's events as they were stored, the last one first, before the event $before. */
export const listScreenEvents = statement({
  name: 'screens_events',
  takes: { id: t.text, before: t.bigint, most: t.int },
  gives: {
    id: t.bigint,
    event_id: t.uuid,
    event_type: t.text,
    campaign_id: t.uuid,
    campaign: t.text,
    version: t.int,
    occurred_at: nullable(t.bigint),
    stored_at: t.bigint,
    reason: nullable(t.text),
    plays: nullable(t.int),
  },
  text: `
    select v.id, v.event_id, v.event_type, v.campaign_id, c.name as campaign, v.version, v.occurred_at, epoch_ms(v.created_at) as stored_at,
           case when v.event_type = 'error' then left(coalesce(v.payload ->> 'reason', v.payload ->> 'message'), 500) end as reason,
           case when v.event_type = 'play_log' and jsonb_typeof(v.payload -> 'plays') = 'array' then jsonb_array_length(v.payload -> 'plays') end as plays
    from delivery_events v join campaigns c on c.id = v.campaign_id
    where v.device_id = $id and v.id < $before order by v.id desc limit $most`,
});
