import { statement, t } from './statement.js';

/** The latest facts of the feed that are kept however old they are, so that a reader may go on from there. */
export const KEPT_FACTS = 10_000;

/** How many rows a pruning statement deletes at most; one that deleted so many has more to do. */
export const PRUNE_STEP = 2000;

/** Deletes facts that are done, numbered, an hour old and not among the latest, at most PRUNE_STEP. */
export const pruneFacts = statement({
  name: 'outbox_prune',
  takes: {},
  gives: { pruned: t.bigint },
  text: `
    with old as (
      select id from outbox where id in (select id from outbox order by id limit 5000)
        and processed and feed_seq < (select max(feed_seq) from outbox) - ${KEPT_FACTS} and created_at < now() - interval '1 hour'
      limit ${PRUNE_STEP} for update skip locked),
    gone as (delete from outbox using old where outbox.id = old.id returning 1)
    select count(*) as pruned from gone`,
});

/**
 * Deletes logs of plays that are older, at most PRUNE_STEP; their plays stay counted. Screens keep what they sent for a week: what is
 * deleted later is not sent again.
 */
export const prunePlayLogs = statement({
  name: 'play_logs_prune',
  takes: { keepMs: t.bigint },
  gives: { pruned: t.bigint },
  text: `
    with old as (
      select id from delivery_events
      where id in (select id from delivery_events where event_type = 'play_log' order by id limit ${PRUNE_STEP})
        and created_at < now() - $keepMs * interval '1 ms'
      for update skip locked),
    gone as (delete from delivery_events v using old where v.id = old.id returning 1)
    select count(*) as pruned from gone`,
});
