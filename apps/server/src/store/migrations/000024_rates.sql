-- When the next send of what has a rate may start: one row a campaign (`campaign:<id>`) and a channel (`channel:<name>`). Made when it is
-- first needed, and worth nothing once its moment has passed.
create table rate_slots (
  scope text primary key,
  next_at timestamptz not null
) with (fillfactor = 50);
