create table executions (
  id uuid primary key,
  campaign_id uuid not null references campaigns on delete cascade,
  scheduled_for bigint not null,
  state text not null default 'NEW'
    check (state in ('NEW', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED')),
  -- Targeting goes through the recipients in order and remembers where it is, so that it goes on after a crash.
  target_cursor text collate "C" not null default '',
  targeted boolean not null default false,
  reason text,
  started_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  unique (campaign_id, scheduled_for)
);
-- One live execution a campaign: the guard against doubles.
create unique index executions_live on executions (campaign_id) where state in ('NEW', 'RUNNING', 'PAUSED');
create index executions_untargeted on executions (id) where not targeted and state = 'RUNNING';

-- The queue. No foreign keys: two lookups a row would halve targeting; the trigger below deletes with the execution.
-- Half-filled pages and leases kept with the claim make begin, settle and the acknowledgement HOT updates: no index predicate names
-- status, and none of the three changes an indexed column.
create table deliveries (
  id uuid primary key default uuid_v7(),
  campaign_id uuid not null,
  execution_id uuid not null,
  recipient text collate "C" not null,
  status text not null default 'PENDING'
    check (status in ('PENDING', 'IN_PROGRESS', 'SENDING', 'SUCCESS', 'FAILED', 'CANCELLED', 'UNKNOWN')),
  -- The state before the last change: what a statement returns to say which count goes down.
  was text,
  epoch integer not null default 0,
  claim_id uuid,
  attempt integer not null default 0,
  -- An earlier attempt may have been sent although nobody knows.
  doubt boolean not null default false,
  next_attempt_at timestamptz default now(),
  last_error text,
  settled_at timestamptz,
  -- The recipient's own word.
  acknowledged_at timestamptz,
  acknowledged_version integer,
  installed_at bigint not null default 0,
  install_error text,
  -- These two are the screen's own time: which of several installations or errors counts is told by it, so that any order of
  -- arrival ends the same.
  install_error_at bigint not null default 0,
  -- An asset with unknown checksum could not be had by the screen.
  missing_assets boolean not null default false,
  offers integer not null default 0,
  next_offer_at timestamptz,
  on_air boolean not null default false,
  -- The screen's own time of the display event that decided on_air; an older one that comes later changes nothing.
  display_at bigint not null default 0,
  revokes integer not null default 0,
  next_revoke_at timestamptz,
  revoke_acked_at timestamptz,
  constraint deliveries_pending_is_due check ((status = 'PENDING') = (next_attempt_at is not null)),
  constraint deliveries_offered_when_sent check (next_offer_at is null or status = 'SUCCESS'),
  unique (execution_id, recipient)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
create index deliveries_pending on deliveries (execution_id, next_attempt_at) where next_attempt_at is not null;
create index deliveries_to_offer on deliveries (next_offer_at) where next_offer_at is not null;
create index deliveries_to_revoke on deliveries (next_revoke_at) where next_revoke_at is not null;
-- What a screen shows is read from its deliveries.
create index deliveries_on_air on deliveries (recipient) where on_air;
create index deliveries_to_revoke_of on deliveries (recipient) where next_revoke_at is not null;

-- A batch of deliveries in one worker's hands, with their lease. Gone when all of them are settled, or when a rescuer returned them.
create table claims (
  id uuid primary key,
  campaign_id uuid not null,
  execution_id uuid not null references executions on delete cascade,
  lease_until timestamptz not null,
  delivery_ids uuid[] not null
);
create index claims_of_campaign on claims (campaign_id);
create index claims_of_execution on claims (execution_id);
create index claims_by_lease on claims (lease_until);

-- When the deliveries of an execution are next looked through for screens that have not answered.
create table offer_rounds (
  execution_id uuid primary key references executions on delete cascade,
  due_at timestamptz not null
);
create index offer_rounds_due on offer_rounds (due_at);

-- Deltas, folded into one row each by the reconciler; the sum is the count.
create table execution_counts (
  execution_id uuid not null references executions on delete cascade,
  state text not null,
  n bigint not null
);
create index execution_counts_of on execution_counts (execution_id);

create function delete_deliveries() returns trigger language plpgsql as $$
begin
  delete from deliveries using gone where deliveries.execution_id = gone.id;
  return null;
end
$$;
create trigger executions_gone after delete on executions referencing old table as gone for each statement execute function delete_deliveries();

create table devices (
  device_id text collate "C" primary key check (device_id ~ '^[A-Za-z0-9._:-]{1,128}$'),
  group_id text,
  tags text[] not null default '{}',
  last_seen timestamptz,
  status text not null default 'offline' check (status in ('online', 'offline')),
  metadata jsonb not null default '{}',
  clock_offset_ms bigint,
  -- Set for a new or moved screen until it was given the campaigns that target it; true for rows that others insert.
  to_join boolean not null default true,
  created_at timestamptz not null default now()
) with (fillfactor = 50);
create index devices_to_join on devices (device_id) where to_join;

create function announce_devices() returns trigger language plpgsql as $$
begin
  perform pg_notify('marquee', 'device_entered');
  return null;
end
$$;
create trigger devices_entered after insert on devices for each statement execute function announce_devices();

create table delivery_events (
  id bigint primary key generated always as identity,
  event_id uuid not null unique,
  device_id text collate "C" not null,
  campaign_id uuid not null,
  version integer not null,
  event_type text not null,
  asset_id uuid,
  payload jsonb not null default '{}',
  -- The screen's own time.
  occurred_at bigint,
  created_at timestamptz not null default now()
);
-- Triggers in place of two foreign keys, whose look-ups were a quarter of the cost of an acknowledgement. Whoever stores events holds
-- its device's and campaign's rows (update, FOR KEY SHARE) until it commits, so none can outlive them.
create function delete_events_of_devices() returns trigger language plpgsql as $$
begin
  delete from delivery_events using gone where delivery_events.device_id = gone.device_id;
  return null;
end
$$;
create trigger devices_gone after delete on devices referencing old table as gone for each statement execute function delete_events_of_devices();
create function delete_events_of_campaigns() returns trigger language plpgsql as $$
begin
  delete from delivery_events using gone where delivery_events.campaign_id = gone.id;
  return null;
end
$$;
create trigger campaigns_gone_events after delete on campaigns referencing old table as gone for each statement execute function delete_events_of_campaigns();
create index delivery_events_of_campaign on delivery_events (campaign_id, id);
create index delivery_events_of_device on delivery_events (device_id, id);
