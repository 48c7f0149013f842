-- The processes that work on this database. Each holds the advisory lock (7302, id) in a session of its own while it lives: the row says what
-- it does, the lock says that it is there.
create table processes (
  id integer generated always as identity primary key,
  roles text[] not null,
  -- Where its API is reached; null when it has none.
  api_base_url text,
  started_at timestamptz not null default now(),
  -- Since when its lock is missed. A session that broke is back in a moment; one that stays away belonged to a dead process.
  missing_since timestamptz
);

-- Whose claim it is, so that it need not wait for its lease when that process is dead.
alter table claims add column process_id integer;
