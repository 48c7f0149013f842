-- PostgreSQL 18 has uuidv7(); before it the same layout is put together here (RFC 9562 §5.7).
do $$
begin
  if current_setting('server_version_num')::int >= 180000 then
    create function uuid_v7() returns uuid language sql volatile parallel safe as 'select uuidv7()';
  else
    create function uuid_v7() returns uuid language sql volatile parallel safe as $body$
      select encode(
        set_bit(set_bit(
          overlay(uuid_send(gen_random_uuid()) placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
          52, 1), 53, 1), 'hex')::uuid
    $body$;
  end if;
end
$$;

create function epoch_ms(moment timestamptz) returns bigint language sql immutable parallel safe as
  'select (extract(epoch from moment) * 1000)::bigint';

create table campaigns (
  id uuid primary key,
  name text not null,
  version integer not null default 1,
  channel text not null default 'screen',
  start_at bigint not null,
  expire_at bigint not null,
  metadata jsonb not null default '{}',
  status text not null default 'draft'
    check (status in ('draft', 'building', 'ready', 'publishing', 'active', 'completed', 'cancelled')),
  audience jsonb not null default '{"all": true}',
  priority smallint not null default 0 check (priority between -10 and 10),
  play_window jsonb,
  dispatch text not null default 'auto' check (dispatch in ('auto', 'manual')),
  epoch integer not null default 0,
  paused boolean not null default false,
  -- The fence's advisory lock: shared by who is about to send, exclusive by who stops the campaign.
  lock_key bigint not null generated always as identity unique,
  build_error text,
  created_by text,
  idempotency_key uuid unique,
  request_sha256 bytea,
  -- What create answered, kept to the letter: a repetition gets the same.
  first_answer json,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (expire_at > start_at)
);
create index campaigns_by_status on campaigns (status, id);
create index campaigns_to_complete on campaigns (expire_at) where status not in ('completed', 'cancelled');

-- Counts of the list, appended as deltas and folded later: an update in place would make every status change queue for one row.
create table campaign_totals (status text not null, n bigint not null);

create function count_campaigns() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into campaign_totals select status, count(*) from entered group by status;
  elsif tg_op = 'DELETE' then
    insert into campaign_totals select status, -count(*) from gone group by status;
  else
    insert into campaign_totals
      select status, sum(delta) from (select status, 1 as delta from entered union all select status, -1 from gone) as moved
      group by status having sum(delta) <> 0;
  end if;
  return null;
end
$$;
create trigger campaigns_entered after insert on campaigns referencing new table as entered for each statement execute function count_campaigns();
create trigger campaigns_gone after delete on campaigns referencing old table as gone for each statement execute function count_campaigns();
create trigger campaigns_moved after update on campaigns referencing new table as entered old table as gone for each statement execute function count_campaigns();

create table campaign_assets (
  id uuid primary key,
  campaign_id uuid not null references campaigns on delete cascade,
  position smallint not null,
  asset_type text not null check (asset_type in ('image', 'video', 'html')),
  -- As the planner wrote it.
  url text not null,
  -- '' and 0 until the server keeps the bytes itself.
  checksum text not null default '',
  duration_ms integer,
  size_bytes bigint not null default 0,
  state text not null default 'pending' check (state in ('pending', 'stored', 'failed')),
  reason text,
  created_at timestamptz not null default now(),
  unique (campaign_id, position)
);
-- By digest, since a URL may be longer than an index entry.
create index campaign_assets_waiting on campaign_assets (md5(url)) where checksum = '';

-- What became of each URL: it is asked for once, however many campaigns name it.
create table asset_sources (
  url_md5 text primary key,
  url text not null,
  state text not null check (state in ('stored', 'failed')),
  checksum text not null default '',
  size_bytes bigint not null default 0,
  -- What the bytes turned out to be, whatever the planner called them.
  kind text check (kind in ('image', 'video', 'html')),
  reason text,
  -- A failure is believed until then.
  retry_at timestamptz,
  settled_at timestamptz not null default now()
);

create table templates (
  campaign_id uuid not null references campaigns on delete cascade,
  version integer not null,
  sha256 text not null,
  html text not null,
  built_at timestamptz not null default now(),
  primary key (campaign_id, version)
);

-- Facts: written in the transaction that makes them true. Those with a consumer drive it; all are numbered for the feed.
create table outbox (
  id bigint primary key generated always as identity,
  aggregate_type text not null,
  aggregate_id uuid not null,
  event_type text not null,
  payload jsonb not null default '{}',
  -- True once its consumer is done with it; facts without a consumer are written as processed.
  processed boolean not null default false,
  claimed_until timestamptz,
  attempts integer not null default 0,
  last_error text,
  feed_seq bigint unique,
  created_at timestamptz not null default now()
);
create index outbox_open on outbox (event_type, id) where not processed;
create index outbox_unnumbered on outbox (id) where feed_seq is null;
create sequence feed_seq;

create function announce_facts() returns trigger language plpgsql as $$
begin
  perform pg_notify('marquee', event_type) from (select distinct event_type from entered) as kinds;
  perform pg_notify('marquee', 'fact');
  return null;
end
$$;
create trigger outbox_entered after insert on outbox referencing new table as entered for each statement execute function announce_facts();
