-- Who took a claim and who began it, as their database sessions are named: what a rescuer says of a worker that died.
alter table claims
  add column epoch integer not null default 0,
  add column claimed_by text not null default '',
  add column claimed_at timestamptz not null default now(),
  add column begun_by text,
  add column begun_at timestamptz;

-- What was done with deliveries, one row a batch: nothing is written per delivery, and the history of one is searched for among the batches of
-- its execution. The arrays run side by side; one with a single element says it of all of them, no array of none.
create table delivery_log (
  id bigint primary key generated always as identity,
  execution_id uuid not null references executions on delete cascade,
  what text not null check (what in ('settled', 'rescued', 'rewound', 'returned', 'retried')),
  at timestamptz not null default now(),
  claim_ids uuid[],
  epoch integer,
  -- Null of results of several claims: the claim's id says when it was made.
  claimed_by text,
  claimed_at timestamptz,
  begun_by text,
  -- By the sender's own clock, as sent_at is, epoch ms.
  begun_at bigint[],
  delivery_ids uuid[] not null,
  -- Null of a delivery that was claimed and never begun.
  attempts integer[],
  -- What the state became.
  outcomes text[],
  reasons text[],
  -- Right before the first byte; null where nothing was sent.
  sent_at bigint[],
  -- Of the deliveries those whose result came after another attempt had begun: it changed nothing.
  stale uuid[]
);
create index delivery_log_of_execution on delivery_log (execution_id, id);
