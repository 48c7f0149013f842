-- Since when a screen's status is what it is; and what it said of itself with its last status.
alter table devices
  add column status_since timestamptz not null default now(),
  add column report jsonb not null default '{}';
