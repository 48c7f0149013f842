-- How many of a delivery's attempts never started: the gate was closed before their first byte. They count as none. `attempt` itself never falls,
-- since a result is told from that of another beginning by it.
alter table deliveries add column unstarted integer not null default 0;
