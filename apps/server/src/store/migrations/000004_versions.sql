-- The version that screens are offered. Behind `version` while an edit is being built; changed in the transaction that keeps its template.
alter table campaigns add column live_version integer not null default 1;

-- What each version of a campaign says, the present one too. Written once.
create table campaign_versions (
  campaign_id uuid not null references campaigns on delete cascade,
  version integer not null,
  name text not null,
  start_at bigint not null,
  expire_at bigint not null,
  metadata jsonb not null,
  audience jsonb not null,
  priority smallint not null,
  play_window jsonb,
  -- The earlier version whose content it has, when it came from a rollback.
  restores integer,
  created_by text,
  created_at timestamptz not null default now(),
  primary key (campaign_id, version)
);
insert into campaign_versions (campaign_id, version, name, start_at, expire_at, metadata, audience, priority, play_window, created_by, created_at)
select id, version, name, start_at, expire_at, metadata, audience, priority, play_window, created_by, created_at from campaigns;

-- A trigger, so that whoever makes a campaign makes its first version with it.
create function keep_first_version() returns trigger language plpgsql as $$
begin
  insert into campaign_versions (campaign_id, version, name, start_at, expire_at, metadata, audience, priority, play_window, created_by, created_at)
  select id, version, name, start_at, expire_at, metadata, audience, priority, play_window, created_by, created_at from entered;
  return null;
end
$$;
create trigger campaigns_entered_version after insert on campaigns referencing new table as entered for each statement execute function keep_first_version();

-- Assets are those of a version. Clicks and plays name them by id, so those of earlier versions stay.
alter table campaign_assets
  add column version integer not null default 1,
  drop constraint campaign_assets_campaign_id_position_key,
  add constraint campaign_assets_place unique (campaign_id, version, position);

-- The version that the screen is to have: what an acknowledgement is held against, under the row's own lock. In no index, so that the
-- acknowledgement stays a HOT update.
alter table deliveries add column version integer not null default 1;
