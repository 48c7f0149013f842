import { PRUNE_STEP } from './prune.js';
import { statement, t } from './statement.js';

/** What the database sessions of a process are called that has this name. */
export function sessionName(worker: string): string {
  return `marquee ${worker}`;
}

/** The name of the process that runs a statement, by its session. */
export const BY = `replace(current_setting('application_name'), 'marquee ', '')`;

/** An array for the log: when all in it are alike, one of them stands for all. */
export function onceIfAlike(array: string): string {
  return `case when (${array})[1] = all (${array}) then array[(${array})[1]] else ${array} end`;
}

/**
 * A CTE `logged` that writes what became of claimed rows into the log, one row a claim. `moved` gives id, claim_id, attempt, was, status and
 * last_error; `claims` names the claims they belonged to, with their columns. An attempt is noted of what had begun.
 */
export function loggedByClaim(what: 'rescued' | 'rewound' | 'returned', claims: string): string {
  return `
    logged as (
      insert into delivery_log (what, claim_ids, begun_at, execution_id, epoch, claimed_by, claimed_at, begun_by, delivery_ids, attempts, outcomes, reasons)
      select '${what}', array[k.id], array[epoch_ms(k.begun_at)], k.execution_id, k.epoch, k.claimed_by, k.claimed_at, k.begun_by,
             array_agg(m.id), array_agg(case when m.was = 'SENDING' then m.attempt end), array_agg(m.status),
             array_agg(case when m.was = 'SENDING' then m.last_error end)
      from moved m join ${claims} k on k.id = m.claim_id
      group by k.id, k.begun_at, k.execution_id, k.epoch, k.claimed_by, k.claimed_at, k.begun_by)`;
}

/** Deletes the log of batches that is older, at most PRUNE_STEP rows. What another process is deleting is passed over. */
export const pruneDeliveryLog = statement({
  name: 'delivery_log_prune',
  takes: { keepMs: t.bigint },
  gives: { pruned: t.bigint },
  text: `
    with old as (
      select id from delivery_log where id in (select id from delivery_log order by id limit ${PRUNE_STEP})
        and at < now() - $keepMs * interval '1 ms'
      for update skip locked),
    gone as (delete from delivery_log l using old where l.id = old.id returning 1)
    select count(*) as pruned from gone`,
});
