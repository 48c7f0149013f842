-- Slots that queue behind a live execution wait as NEW beside it; a starter lets them in one after another. What is live counts without them.
alter table executions add column queued boolean not null default false;
drop index executions_live;
create unique index executions_live on executions (campaign_id) where state in ('NEW', 'RUNNING', 'PAUSED') and not queued;
create index executions_queued on executions (campaign_id, scheduled_for) where queued;
alter table executions add constraint executions_queued_waits check (not queued or state not in ('RUNNING', 'PAUSED'));

-- Leases that save work: whoever holds one does what the others would find done. Correctness never rests on them.
create table locks (
  name text primary key,
  holder text not null,
  -- Raised by each taking: of two that believe to hold it, the higher is right.
  token bigint not null,
  locked_until timestamptz not null,
  locked_at timestamptz not null
);
