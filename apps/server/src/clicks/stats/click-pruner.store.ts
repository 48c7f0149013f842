import { statement, t } from '../../store/statement.js';

/** How many rows a pruning statement deletes at most; one that deleted so many has more to do. None waits for a row that somebody else has. */
export const CLICK_PRUNE_STEP = 10_000;

/** Makes the days that clicks are kept in; answers how many were missing. */
export const makeClickDays = statement({
  name: 'clicks_make_days',
  takes: { since: t.bigint, until: t.bigint },
  gives: { n: t.int },
  text: 'select click_days_make($since, $until) as n',
});

/** Drops days that ended before that moment, with their clicks. */
export const dropClickDays = statement({
  name: 'clicks_drop_days',
  takes: { before: t.bigint },
  gives: { n: t.int },
  text: 'select click_days_drop($before) as n',
});

function pruning(name: string, table: string, old: string) {
  return statement({
    name,
    takes: { keepMs: t.bigint },
    gives: { pruned: t.bigint },
    text: `
      with gone as (
        delete from ${table} where ctid = any (array(select ctid from ${table} where ${old} limit ${CLICK_PRUNE_STEP} for update skip locked)) returning 1)
      select count(*) as pruned from gone`,
  });
}

/** Forgets ids: the same message is counted anew from then on. */
export const pruneClickIds = pruning('click_ids_prune', 'click_ids', "at < now() - $keepMs * interval '1 ms'");
export const pruneClickRepeats = pruning('click_repeats_prune', 'click_repeats', "at < now() - $keepMs * interval '1 ms'");
/** Forgets what was confirmed. */
export const pruneClickMarks = pruning('click_marks_prune', 'click_marks', "at < now() - $keepMs * interval '1 ms'");
export const pruneClickVisitors = pruning('click_visitors_prune', 'click_visitors', "touched_at < now() - $keepMs * interval '1 ms'");
/** Forgets the ledger of processes, and those that ended or fell silent so long ago. */
export const pruneClickAccepted = pruning('click_accepted_prune', 'click_accepted', 'minute < epoch_ms(now()) - $keepMs');
export const pruneClickSettled = pruning('click_settled_prune', 'click_settled', 'minute < epoch_ms(now()) - $keepMs');
export const pruneClickProcesses = pruning('click_processes_prune', 'click_processes', 'said_at < epoch_ms(now()) - $keepMs');
