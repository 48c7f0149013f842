-- Who went or came since when is found without a look at the whole fleet. The price: a change of presence (not every status message) is
-- no HOT update any more.
create index devices_by_status on devices (status, status_since);

create table alert_rules (
  id uuid primary key default uuid_v7(),
  name text not null,
  audience jsonb not null default '{"all": true}',
  grace_ms bigint not null default 300000 check (grace_ms > 0),
  webhook_url text,
  webhook_secret text,
  emails text[] not null default '{}',
  enabled boolean not null default true,
  snoozed_until timestamptz,
  -- When outages are looked for next; null: never (disabled, and nothing left to close).
  next_look_at timestamptz default now(),
  -- The last look, and the moment from which the present one looks at changes; null: at everything.
  looked_at timestamptz,
  look_from timestamptz,
  full_look_at timestamptz not null default now(),
  -- When notices of each kind were queued last: those of the next minute go together.
  outage_noticed_at timestamptz,
  recovery_noticed_at timestamptz,
  created_at timestamptz not null default now()
);
insert into alert_rules (name) values ('All screens');

create table screen_snoozes (
  device_id text collate "C" primary key references devices on delete cascade,
  snoozed_until timestamptz not null
);

create table outages (
  id uuid primary key default uuid_v7(),
  rule_id uuid not null references alert_rules on delete cascade,
  -- No reference: an outage outlives a screen that is forgotten.
  device_id text collate "C" not null,
  group_id text,
  since timestamptz not null,
  opened_at timestamptz not null default now(),
  closed_at timestamptz,
  ended_by text check (ended_by in ('back', 'forgotten', 'rule')),
  -- Nobody was told of it yet, and it is open; somebody was, and nobody of its end.
  notice_due boolean not null default true,
  recovery_due boolean not null default false,
  -- What its notices have in common; null: nobody was told.
  round_id uuid,
  constraint outages_closed_with_reason check ((closed_at is null) = (ended_by is null)),
  constraint outages_notice_of_open check (not notice_due or closed_at is null),
  constraint outages_recovery_of_told check (not recovery_due or (closed_at is not null and round_id is not null))
);
-- One open outage a rule and screen: the guard against doubles.
create unique index outages_open on outages (rule_id, device_id) where closed_at is null;
create index outages_open_of_screen on outages (device_id) where closed_at is null;
create index outages_to_notice on outages (rule_id) where notice_due;
create index outages_to_recover on outages (rule_id) where recovery_due;
create index outages_of_rule on outages (rule_id, id);
create index outages_of_screen on outages (device_id, id);
create index outages_closed on outages (closed_at) where closed_at is not null;

-- Messages that are sent at least once: a row until it is settled, and afterwards the record of it.
create table notices (
  id uuid primary key default uuid_v7(),
  -- To one addressee of a rule they go in this order, one at a time.
  seq bigint not null generated always as identity unique,
  rule_id uuid not null references alert_rules on delete cascade,
  round_id uuid not null,
  kind text not null check (kind in ('outage', 'recovery', 'test')),
  way text not null check (way in ('webhook', 'email')),
  -- The email address; '' for the webhook, whose URL is read when it is sent.
  target text not null,
  rule_name text not null,
  screens integer not null,
  named jsonb not null,
  state text not null default 'queued' check (state in ('queued', 'sent', 'failed', 'dropped')),
  attempts integer not null default 0,
  next_attempt_at timestamptz default now(),
  last_error text,
  created_at timestamptz not null default now(),
  settled_at timestamptz,
  constraint notices_queued_is_due check ((state = 'queued') = (next_attempt_at is not null))
);
create index notices_queued on notices (rule_id, way, target, seq) where next_attempt_at is not null;
create index notices_of_round on notices (round_id);
create index notices_of_rule on notices (rule_id, id);
create index notices_settled on notices (settled_at) where settled_at is not null;
