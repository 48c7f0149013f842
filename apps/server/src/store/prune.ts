import { statement, t } from './statement.js';

/** Deletes facts that are done, numbered and an hour old, some at a time. */
export const pruneFacts = statement({
  name: 'outbox_prune',
  takes: {},
  gives: { pruned: t.bigint },
  text: `
    with old as (
      select id from outbox where id in (select id from outbox order by id limit 5000)
        and processed and feed_seq is not null and created_at < now() - interval '1 hour' limit 2000 for update skip locked),
    gone as (delete from outbox using old where outbox.id = old.id returning 1)
    select count(*) as pruned from gone`,
});
