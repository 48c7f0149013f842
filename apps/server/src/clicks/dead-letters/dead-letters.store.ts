import { nullable, statement, t } from '../../store/statement.js';

/**
 * Keeps dead letters, and settles in the ledger those that have an acceptance: each acceptance is dead once, however often its message
 * comes, and not at all when it was counted before. Promises one letter an acceptance; a repetition changes nothing and is not answered.
 * What has no acceptance (`processes` null) is kept each time it comes. `messages` is null where the id is no UUID. Within a batch no
 * acceptance and no message may stand twice.
 */
export const buryClicks = statement({
  name: 'click_dead_letters_add',
  takes: {
    messages: t.nullableUuids,
    messageIds: t.nullableTexts,
    reasons: t.texts,
    bodies: t.texts,
    processes: t.nullableInts,
    seqs: t.nullableBigints,
    minutes: t.bigints,
    now: t.bigint,
  },
  gives: { process: nullable(t.int), seq: nullable(t.bigint) },
  text: `
    with came as (
      select * from unnest((select $messages), (select $messageIds), (select $reasons), (select $bodies), (select $processes), (select $seqs), (select $minutes))
        as c (message, message_id, reason, body, process, seq, minute)),
    first as (
      insert into click_ids (message_id, process, seq) select message, process, seq from came where message is not null and process is not null
      order by message on conflict do nothing returning process, seq),
    repeats as (
      insert into click_repeats (process, seq)
      select c.process, c.seq from came c
      where c.process is not null and not exists (select from first f where f.process = c.process and f.seq = c.seq)
        and not exists (select from click_ids i where i.message_id = c.message and i.process = c.process and i.seq = c.seq)
      order by 1, 2 on conflict do nothing returning process, seq),
    settled as (select * from first union all select * from repeats),
    counted as (
      insert into click_settled as s (process, minute, dead)
      select c.process, c.minute, count(*) from came c join settled using (process, seq) group by 1, 2 order by 1, 2
      on conflict (process, minute) do update set dead = s.dead + excluded.dead)
    insert into click_dead_letters (message_id, reason, body, process, seq, dead_at)
    select c.message_id, c.reason, c.body, c.process, c.seq, $now from came c
    where c.process is null or exists (select from settled s where s.process = c.process and s.seq = c.seq)
    on conflict do nothing returning process, seq`,
});

/** Forgets dead letters that are older, at most 2,000; they stay settled. */
export const pruneDeadLetters = statement({
  name: 'click_dead_letters_prune',
  takes: { before: t.bigint },
  gives: { pruned: t.bigint },
  text: `
    with old as (
      select id from click_dead_letters where id in (select id from click_dead_letters order by id limit 2000) and dead_at < $before
      for update skip locked),
    gone as (delete from click_dead_letters d using old where d.id = old.id returning 1)
    select count(*) as pruned from gone`,
});
