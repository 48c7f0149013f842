import type { Runner } from './database.js';
import { statement, t } from './statement.js';

/** Appends the count deltas of rows of $execution that went from one state to another: `moved` gives was and status. */
export const COUNTED = `
    counted as (
      insert into execution_counts (execution_id, state, n)
      select $execution, state, sum(n) from (select status as state, 1 as n from moved union all select was, -1 from moved) as steps
      group by state having sum(n) <> 0)`;

/** The same of rows of several executions, which `moved` gives too. */
export const COUNTED_BY_EXECUTION = `
    counted as (
      insert into execution_counts (execution_id, state, n)
      select execution_id, state, sum(n)
      from (select execution_id, status as state, 1 as n from moved union all select execution_id, was, -1 from moved) as steps
      group by execution_id, state having sum(n) <> 0)`;

/** Appends the count of the rows of $execution that were `made`. */
export const COUNTED_NEW = `
    counted as (
      insert into execution_counts (execution_id, state, n) select $execution, 'PENDING', n from (select count(*) as n from made) as k where n > 0)`;

/** Folds the deltas of campaign totals into one row a status. One folder at a time: the loser of the lock does nothing. */
const foldTotals = statement({
  name: 'totals_fold',
  takes: {},
  gives: { folded: t.bigint },
  text: `
    with mine as materialized (select pg_try_advisory_xact_lock(7301, 1) as won),
    gone as (delete from campaign_totals using mine where won and (select count(*) from campaign_totals) > 50 returning status, n),
    kept as (insert into campaign_totals select status, sum(n) from gone group by status having sum(n) <> 0)
    select count(*) as folded from gone`,
});

/** Folds the count deltas of executions that have gathered many. One folder at a time: the loser of the lock does nothing. */
const foldCounts = statement({
  name: 'counts_fold',
  takes: { most: t.int },
  gives: { folded: t.bigint },
  text: `
    with mine as materialized (select pg_try_advisory_xact_lock(7301, 2) as won),
    crowded as (
      select execution_id from execution_counts, mine where won
      group by execution_id having count(*) > 40 order by count(*) desc limit $most),
    gone as (delete from execution_counts using crowded where execution_counts.execution_id = crowded.execution_id
             returning execution_counts.execution_id, state, n),
    kept as (insert into execution_counts select execution_id, state, sum(n) from gone group by execution_id, state having sum(n) <> 0)
    select count(*) as folded from gone`,
});

/** Folds the deltas of plays into one row a campaign, asset and hour. One folder at a time: the loser of the lock does nothing. */
const foldPlays = statement({
  name: 'plays_fold',
  takes: {},
  gives: { folded: t.bigint },
  text: `
    with mine as materialized (select pg_try_advisory_xact_lock(7301, 4) as won),
    gone as (delete from play_deltas using mine where won returning campaign_id, asset_id, hour, plays, duration_ms),
    kept as (
      insert into play_totals as p (campaign_id, asset_id, hour, plays, duration_ms)
      select campaign_id, asset_id, hour, sum(plays), sum(duration_ms) from gone group by 1, 2, 3
      on conflict (campaign_id, asset_id, hour) do update set plays = p.plays + excluded.plays, duration_ms = p.duration_ms + excluded.duration_ms)
    select count(*) as folded from gone`,
});

/** Folds the deltas of how many contacts there are into one row. One folder at a time: the loser of the lock does nothing. */
const foldContacts = statement({
  name: 'contacts_fold',
  takes: {},
  gives: { folded: t.bigint },
  text: `
    with mine as materialized (select pg_try_advisory_xact_lock(7301, 5) as won),
    gone as (delete from contact_totals using mine where won and (select count(*) from contact_totals) > 50 returning n),
    kept as (insert into contact_totals select sum(n) from gone having sum(n) <> 0)
    select count(*) as folded from gone`,
});

/** Folds all counts; answers how many delta rows went away. */
export async function foldAllCounts(runner: Runner): Promise<number> {
  const [totals] = await runner.run(foldTotals, {});
  const [counts] = await runner.run(foldCounts, { most: 200 });
  const [plays] = await runner.run(foldPlays, {});
  const [contacts] = await runner.run(foldContacts, {});
  return [totals, counts, plays, contacts].reduce((sum, row) => sum + (row?.folded ?? 0), 0);
}
