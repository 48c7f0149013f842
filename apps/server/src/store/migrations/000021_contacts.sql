-- Recipients of the channels that send to people and systems. The id is the caller's own word, and deliveries name it as their recipient.
create table contacts (
  id text collate "C" primary key,
  email text,
  phone text,
  attributes jsonb not null default '{}',
  tags text[] not null default '{}',
  time_zone text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index contacts_by_tag on contacts using gin (tags);

-- How many there are, as deltas that are folded later: counting a million rows would cost more than the page that shows the figure.
create table contact_totals (n bigint not null);

create function count_contacts() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into contact_totals select count(*) from entered having count(*) > 0;
  else
    insert into contact_totals select -count(*) from gone having count(*) > 0;
  end if;
  return null;
end
$$;
create trigger contacts_entered after insert on contacts referencing new table as entered for each statement execute function count_contacts();
create trigger contacts_gone after delete on contacts referencing old table as gone for each statement execute function count_contacts();
