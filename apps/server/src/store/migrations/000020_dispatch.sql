-- Campaigns that are sent to recipients one by one need neither a start nor an end.
alter table campaigns
  alter column start_at drop not null,
  alter column expire_at drop not null,
  add constraint campaigns_channel check (channel in ('screen', 'webhook', 'null')),
  add constraint campaigns_screen_has_times check (channel <> 'screen' or (start_at is not null and expire_at is not null)),
  -- What is sent, as its channel understands it.
  add column content jsonb,
  add column schedule jsonb,
  add column rate_per_second integer check (rate_per_second > 0),
  -- What becomes of a send whose outcome nobody knows, on a channel that cannot tell a repetition.
  add column on_unknown text not null default 'hold' check (on_unknown in ('hold', 'retry', 'fail')),
  -- When the producer makes the next execution (epoch ms); null when none is to come by itself.
  add column next_slot_at bigint;
create index campaigns_by_slot on campaigns (next_slot_at) where next_slot_at is not null;

alter table campaign_versions
  alter column start_at drop not null,
  alter column expire_at drop not null;

alter table executions
  add column kind text not null default 'manual' check (kind in ('manual', 'auto', 'scheduled')),
  -- Starts that were tried; one that failed is tried again at next_try_at.
  add column attempts integer not null default 0,
  add column next_try_at timestamptz not null default now();
create index executions_new on executions (next_try_at) where state = 'NEW';
create index executions_running on executions (campaign_id) where state = 'RUNNING';
