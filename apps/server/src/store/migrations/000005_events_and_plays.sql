-- Which of a screen's numbered events are settled: here, or known to be lost. One row a series, since a screen that was wiped counts anew.
-- Sets of numbers as ranges: in good order they are one range, whatever order they came in. The one index is on a column that changes only where
-- something is missing, so the update of every batch is HOT.
create table event_series (
  device_id text collate "C" not null,
  series text collate "C" not null,
  settled int4multirange not null,
  -- The last number that the screen said it has given; null: it never said.
  said_last integer,
  lost bigint not null default 0,
  -- How often it was asked for the number that is missing now.
  asks integer not null default 0,
  next_ask_at timestamptz,
  touched_at timestamptz not null default now(),
  primary key (device_id, series)
) with (fillfactor = 50);
create index event_series_to_ask on event_series (next_ask_at) where next_ask_at is not null;

create function seqs_missing(settled int4multirange, last integer) returns int4multirange language sql immutable parallel safe as
  'select int4multirange(int4range(lower(settled), greatest(upper(settled), last + 1))) - settled';
create function seqs_count(seqs int4multirange) returns bigint language sql immutable parallel safe as
  'select coalesce(sum(upper(r)::bigint - lower(r)), 0)::bigint from unnest(seqs) as r';
-- The union, of at most so many ranges that a screen gone mad cannot grow its row; what is forgotten is asked for once more.
create function seqs_add(settled int4multirange, came int4multirange) returns int4multirange language sql immutable parallel safe as
  'select case when pg_column_size(settled) < 1000 and pg_column_size(came) < 20000 then settled + came
               else (select range_agg(r) from (select r from unnest(settled + came) as r order by r limit 100) as kept) end';

-- Proof of play: what each screen showed in each hour (of the start of the play, UTC). asset_id is '' where the template did not tell.
create table play_hours (
  device_id text collate "C" not null,
  campaign_id uuid not null,
  asset_id text collate "C" not null default '',
  hour timestamptz not null,
  plays integer not null,
  duration_ms bigint not null,
  primary key (device_id, campaign_id, asset_id, hour)
) with (fillfactor = 70);
create index play_hours_of_campaign on play_hours (campaign_id, hour);

-- The same over all screens: 20,000 of them would have to be summed for every look. Appended as deltas, folded by housekeeping.
create table play_deltas (
  campaign_id uuid not null,
  asset_id text collate "C" not null,
  hour timestamptz not null,
  plays bigint not null,
  duration_ms bigint not null
);
create table play_totals (
  campaign_id uuid not null,
  asset_id text collate "C" not null,
  hour timestamptz not null,
  plays bigint not null,
  duration_ms bigint not null,
  primary key (campaign_id, asset_id, hour)
) with (fillfactor = 70);
create index play_totals_by_hour on play_totals (hour);

-- Logs of plays are the one kind of event that comes every minute; theirs are deleted when they are old, by this index.
create index delivery_events_play_logs on delivery_events (id) where event_type = 'play_log';

-- What screens are told once, by the gateway: written by whoever serves the request.
create table control_requests (
  id bigint primary key generated always as identity,
  device_id text collate "C" not null,
  message json not null,
  created_at timestamptz not null default now()
);
create function announce_control() returns trigger language plpgsql as $$
begin
  perform pg_notify('marquee', 'control_requested');
  return null;
end
$$;
create trigger control_requests_entered after insert on control_requests for each statement execute function announce_control();

-- The last picture of each screen, and the one upload that is allowed now.
create table screenshots (
  device_id text collate "C" primary key,
  token_sha256 bytea,
  token_until timestamptz,
  type text check (type in ('image/png', 'image/jpeg')),
  image bytea,
  taken_at timestamptz
);

create function delete_reports_of_devices() returns trigger language plpgsql as $$
begin
  delete from event_series using gone where event_series.device_id = gone.device_id;
  delete from screenshots using gone where screenshots.device_id = gone.device_id;
  -- Its events went with it: should it come back and send them again, they count anew.
  with forgotten as (
    delete from play_hours using gone where play_hours.device_id = gone.device_id
    returning play_hours.campaign_id, play_hours.asset_id, play_hours.hour, play_hours.plays, play_hours.duration_ms)
  insert into play_deltas select campaign_id, asset_id, hour, -sum(plays), -sum(duration_ms) from forgotten group by 1, 2, 3;
  return null;
end
$$;
create trigger devices_gone_reports after delete on devices referencing old table as gone for each statement execute function delete_reports_of_devices();
create function delete_plays_of_campaigns() returns trigger language plpgsql as $$
begin
  delete from play_hours using gone where play_hours.campaign_id = gone.id;
  delete from play_deltas using gone where play_deltas.campaign_id = gone.id;
  delete from play_totals using gone where play_totals.campaign_id = gone.id;
  return null;
end
$$;
create trigger campaigns_gone_plays after delete on campaigns referencing old table as gone for each statement execute function delete_plays_of_campaigns();
