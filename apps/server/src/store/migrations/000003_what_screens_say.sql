-- Which of several installations or errors counts is told by the screen's own time, so that any order of arrival ends the same.
alter table deliveries
  add column installed_at bigint not null default 0,
  add column install_error_at bigint not null default 0;

-- What a screen shows is read from its deliveries, which know it whatever order its events came in.
create index deliveries_on_air on deliveries (recipient) where on_air;
alter table devices drop column now_playing, drop column now_playing_since;
