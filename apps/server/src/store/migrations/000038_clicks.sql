-- Processes with the role clicks, each start a new one: its number stands in every acceptance, so that the ledger knows whose is missing.
create table click_processes (
  id int generated always as identity primary key,
  name text not null,
  started_at bigint not null,
  -- What it says of itself (clickProcess of the contracts), some times a second while it lives.
  said jsonb not null,
  said_at bigint not null,
  -- Set when it ended with nothing left in memory. One that is silent and has none was killed.
  ended_at bigint
) with (fillfactor = 50);

-- Every click that was counted, once, whatever is delivered again; and by which acceptance, so that a message that comes twice is
-- told from a click that was accepted twice.
create table click_ids (
  message_id uuid primary key,
  process int not null,
  seq bigint not null,
  at timestamptz not null default now()
);
create index click_ids_at on click_ids using brin (at);
-- Acceptances whose click was counted by another acceptance.
create table click_repeats (
  process int not null,
  seq bigint not null,
  at timestamptz not null default now(),
  primary key (process, seq)
);

-- The clicks themselves, a partition a day (UTC), dropped whole when they are too old. What is not made in time falls into the default one.
create table clicks (
  message_id uuid not null,
  -- Epoch ms at which it was accepted.
  clicked_at bigint not null,
  ad_id text not null,
  ad_type text not null,
  campaign_id uuid,
  creative_id uuid,
  device_id text,
  source text not null check (source in ('api', 'qr')),
  -- '' of a scan.
  uid text not null,
  -- As CLICK_IP keeps it: whole, shortened or hashed.
  ip text not null,
  agent text,
  bot boolean not null,
  duplicate boolean not null
) partition by range (clicked_at);
create table clicks_default partition of clicks default;
create index clicks_of on clicks (campaign_id, device_id, clicked_at);

-- Makes the partitions that are missing between two moments (epoch ms). What fell into the default one meanwhile moves where it belongs.
create function click_days_make(since bigint, until bigint) returns int language plpgsql as $$
declare
  day constant bigint := 86400000;
  made int := 0;
  at bigint := since - since % day;
  name text;
begin
  -- One at a time, and not for longer than consumers can wait: whoever comes later finds nothing missing.
  perform pg_advisory_xact_lock(7301, 27);
  perform set_config('lock_timeout', '2s', true);
  while at <= until loop
    name := 'clicks_' || to_char(to_timestamp(at / 1000) at time zone 'UTC', 'YYYYMMDD');
    if to_regclass(name) is null then
      execute format('create table %I (like clicks including defaults including constraints)', name);
      lock table clicks_default in access exclusive mode;
      execute format('with moved as (delete from only clicks_default where clicked_at >= %s and clicked_at < %s returning *) insert into %I select * from moved', at, at + day, name);
      execute format('alter table clicks attach partition %I for values from (%s) to (%s)', name, at, at + day);
      made := made + 1;
    end if;
    at := at + day;
  end loop;
  return made;
end $$;

-- Drops the days that ended before a moment (epoch ms), with the clicks in them; answers how many.
create function click_days_drop(before bigint) returns int language plpgsql as $$
declare
  gone int := 0;
  each text;
begin
  perform pg_advisory_xact_lock(7301, 27);
  perform set_config('lock_timeout', '2s', true);
  for each in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'clicks'::regclass and c.relname ~ '^clicks_\d{8}$'
      and c.relname < 'clicks_' || to_char(to_timestamp(before / 1000) at time zone 'UTC', 'YYYYMMDD')
  loop
    execute format('drop table %I', each);
    gone := gone + 1;
  end loop;
  delete from clicks_default where clicked_at < before - before % 86400000;
  return gone;
end $$;

-- What pages and reports read: clicks a minute (epoch ms at which it begins), by all that they can be asked for.
create table click_minutes (
  minute bigint not null,
  campaign_id uuid,
  ad_id text not null,
  creative_id uuid,
  device_id text,
  source text not null,
  raw bigint not null,
  uniq bigint not null,
  human bigint not null,
  unique nulls not distinct (minute, campaign_id, ad_id, creative_id, device_id, source)
) with (fillfactor = 50);
create index click_minutes_of on click_minutes (campaign_id, minute);

-- Who clicked which ad when last, for the label "duplicate"; and how often in a minute, whatever the ad, for the label "bot". Labels bear the loss of it.
create unlogged table click_visitors (
  -- Digest of the visitor (uid, or address and agent) with the ad, or with the minute.
  visitor uuid primary key,
  -- Epoch ms of the latest click, and of the latest one of the batch before.
  last_at bigint not null,
  before_at bigint,
  n int not null,
  touched_at timestamptz not null default now()
) with (fillfactor = 70);
create index click_visitors_age on click_visitors using brin (touched_at);

-- The embedded broker: what is published and not counted yet. Vacuumed by number: all of it is dead soon, and its share of the table says nothing.
create table click_queue (
  id bigint generated always as identity primary key,
  message_id uuid not null,
  body text not null,
  process int not null,
  seq bigint not null,
  tries int not null default 0,
  -- Before it nobody takes the message: it was taken and is not answered yet.
  due_at timestamptz not null default now()
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);

-- Clicks that the broker could not take, until it can: the fallback where there is no Redis; and what would outlive its day in Redis.
-- Two acceptances of one message are two rows: each may be with the broker already, so that neither stands for the other.
create table click_fallback (
  process int not null,
  seq bigint not null,
  message_id uuid not null,
  body text not null,
  stored_at bigint not null,
  primary key (process, seq)
);
create index click_fallback_age on click_fallback (stored_at);

-- Which messages were confirmed, for CLICK_DEDUPE_DAYS: saves the broker a repetition; click_ids is what counts once.
create unlogged table click_marks (
  message_id uuid primary key,
  at timestamptz not null default now()
);
create index click_marks_at on click_marks using brin (at);

create table click_dead_letters (
  id bigint generated always as identity primary key,
  message_id text,
  reason text not null,
  body text not null,
  process int,
  seq bigint,
  -- The minute of the ledger in which it is settled as dead.
  minute bigint,
  dead_at bigint not null,
  redriven int not null default 0,
  -- Sent back into the queue, and not dead again: no dead letter now, only the memory of how often it was one.
  sent_at bigint
);
-- One acceptance dies once, however often its message comes.
create unique index click_dead_letters_once on click_dead_letters (process, seq);
create index click_dead_letters_there on click_dead_letters (id) where sent_at is null;

-- The ledger, a row a process and minute: what it accepted, as it says every 100 ms ...
create table click_accepted (
  process int not null,
  minute bigint not null,
  accepted bigint not null,
  -- Reason: how many.
  rejected jsonb not null default '{}',
  primary key (process, minute)
) with (fillfactor = 50);
-- ... and what became of it, added to in the transaction that makes it true.
create table click_settled (
  process int not null,
  minute bigint not null,
  stored bigint not null default 0,
  duplicates bigint not null default 0,
  -- Of the duplicates: those that the process itself had dropped, as it says (an absolute number, so that it may say it twice).
  dropped bigint not null default 0,
  dead bigint not null default 0,
  primary key (process, minute)
) with (fillfactor = 50);

-- Where the QR codes of a screen campaign lead: part of each of its versions.
alter table campaigns
  add column click_url text,
  -- Signs the codes of this campaign: whoever has it (its screens do) can make codes of no other.
  add column code_key bytea not null default uuid_send(gen_random_uuid());
alter table campaign_versions add column click_url text;
create or replace function keep_first_version() returns trigger language plpgsql as $$
begin
  insert into campaign_versions (campaign_id, version, name, start_at, expire_at, metadata, audience, priority, play_window, click_url, created_by, created_at)
  select id, version, name, start_at, expire_at, metadata, audience, priority, play_window, click_url, created_by, created_at from entered;
  return null;
end
$$;
-- What a code names an asset by: shorter than its id.
alter table campaign_assets add column number bigint not null generated always as identity unique;
-- What a code names a screen by.
create function screen_digest(device_id text) returns bytea language sql immutable strict parallel safe
  return substring(sha256(convert_to(device_id, 'UTF8')) for 6);
create index devices_digest on devices (screen_digest(device_id));
