-- When a screen that was online was last offered or told to drop this. A screen that flaps is not told anew at every reconnect.
alter table deliveries add column contacted_at timestamptz;
