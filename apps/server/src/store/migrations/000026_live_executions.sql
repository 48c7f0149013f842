-- Whether anything of a campaign is live, what is queued included: else all of its history would be read for it.
create index executions_live_of on executions (campaign_id) where state in ('NEW', 'RUNNING', 'PAUSED');

-- What is stored keeps the narrower limits of what is taken in, for it is read by the same schemas.
update campaigns set schedule = jsonb_set(schedule, '{tooLateMs}', '1000') where (schedule ->> 'tooLateMs')::bigint < 1000;
update campaigns set content = jsonb_set(content, '{latencyMs}', '10000') where channel = 'null' and (content ->> 'latencyMs')::bigint > 10000;
