import { nullable, statement, t } from '../../store/statement.js';

/**
 * Says how many clicks a process has accepted and rejected in each minute, since it began: the same numbers again change nothing, and neither do
 * older ones that come late.
 */
export const sayAccepted = statement({
  name: 'click_accepted_say',
  takes: { process: t.int, minutes: t.bigints, accepted: t.bigints, rejected: t.jsonTexts },
  gives: {},
  text: `
    insert into click_accepted as a (process, minute, accepted, rejected)
    select $process, minute, accepted, rejected from unnest((select $minutes), (select $accepted), (select $rejected)) as c(minute, accepted, rejected)
    order by minute
    on conflict (process, minute) do update
    set accepted = excluded.accepted, rejected = excluded.rejected where excluded.accepted >= a.accepted`,
});

const sums = { accepted: t.bigint, stored: t.bigint, duplicates: t.bigint, dead: t.bigint };
const BOTH = `(
  select process, minute, accepted, 0 as stored, 0 as duplicates, 0 as dead from click_accepted where minute >= $from and minute < $to
  union all select process, minute, 0, stored, duplicates, dead from click_settled where minute >= $from and minute < $to) as l`;
const SUMS =
  'sum(accepted)::bigint as accepted, sum(stored)::bigint as stored, sum(duplicates)::bigint as duplicates, sum(dead)::bigint as dead';

/** What was accepted in each minute, and what became of it. Minutes in which nothing happened are left out. */
export const ledgerMinutes = statement({
  name: 'click_ledger_minutes',
  takes: { from: t.bigint, to: t.bigint },
  gives: { minute: t.bigint, ...sums, rejected: t.json },
  text: `
    with refused as (
      select minute, jsonb_object_agg(reason, n) as rejected
      from (select a.minute, r.key as reason, sum(r.value::bigint) as n
            from click_accepted a, jsonb_each_text(a.rejected) r where a.minute >= $from and a.minute < $to group by 1, 2) as r group by 1),
    summed as (select minute, ${SUMS} from ${BOTH} group by 1)
    select summed.*, coalesce(refused.rejected, '{}') as rejected from summed left join refused using (minute) order by minute`,
});

/**
 * The same by process, and how each is, by the database's clock: of those that were there in that time. `over_complete` is what is missing of minutes
 * that began before $complete: of those a living process has said everything.
 */
export const ledgerProcesses = statement({
  name: 'click_ledger_processes',
  takes: { from: t.bigint, to: t.bigint, complete: t.bigint, silentMs: t.int },
  gives: { id: t.int, state: t.text, said: t.json, said_at: nullable(t.bigint), over_complete: t.bigint, ...sums },
  text: `
    with summed as (
        select process as id, ${SUMS}, coalesce(sum(accepted - stored - duplicates - dead) filter (where minute < $complete), 0)::bigint as over_complete
        from ${BOTH} group by 1),
    known as (
      select id, said, said_at, case when ended_at is not null then 'ended'
             when said_at >= epoch_ms(clock_timestamp()) - $silentMs then 'living' else 'silent' end as state
      from click_processes where said_at >= $from and started_at < $to)
    select id, coalesce(known.state, 'ended') as state, coalesce(known.said, '{}') as said, known.said_at, coalesce(over_complete, 0) as over_complete,
           coalesce(accepted, 0) as accepted, coalesce(stored, 0) as stored, coalesce(duplicates, 0) as duplicates, coalesce(dead, 0) as dead
    from summed full join known using (id) order by id`,
});
