import { PRUNE_STEP } from '../../store/prune.js';
import { nullable, statement, t } from '../../store/statement.js';

const row = {
  id: t.bigint,
  message_id: nullable(t.text),
  reason: t.text,
  dead_at: t.bigint,
  redriven: t.int,
};
const ROW = 'id, message_id, reason, dead_at, redriven';

/** Dead letters before the number $before, the newest first. */
export const listDeadLetters = statement({
  name: 'click_dead_letters_list',
  takes: { before: t.bigint, skip: t.int, most: t.int },
  gives: row,
  text: `select ${ROW} from click_dead_letters where sent_at is null and id < $before order by id desc offset $skip limit $most`,
});

/** How many there are, and the highest number of them. */
export const countDeadLetters = statement({
  name: 'click_dead_letters_count',
  takes: {},
  gives: { n: t.bigint, last: nullable(t.bigint) },
  text: 'select count(*) as n, max(id) as last from click_dead_letters where sent_at is null',
});

export const findDeadLetter = statement({
  name: 'click_dead_letters_find',
  takes: { id: t.bigint },
  gives: { ...row, body: t.text },
  text: `select ${ROW}, body from click_dead_letters where sent_at is null and id = $id`,
});

/** What a letter travels under whose message has no UUID: the same each time, so that its death is found again. */
const MESSAGE = `case when message_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then message_id::uuid
                      else md5(coalesce(process, 0) || '-' || coalesce(seq, id))::uuid end`;

/**
 * Sends dead letters back into the queue: those of $ids, or all where it is null, with numbers after $after up to $upTo, the lowest $most of them. They
 * wait in the fallback until the broker has confirmed them, and are not dead in the ledger any more, all in one: a process that dies leaves
 * either the letter or the click that waits. Promises each letter to one of those who ask at the same time; the losers go on without it. What no
 * process of ours had accepted leaves nothing behind.
 */
export const redriveDeadLetters = statement({
  name: 'click_dead_letters_redrive',
  takes: { ids: nullable(t.bigints), after: t.bigint, upTo: t.bigint, most: t.int, now: t.bigint },
  gives: { moved: t.bigint, last: nullable(t.bigint) },
  text: `
    with chosen as materialized (
      select id, process, seq, minute, body, ${MESSAGE} as message from click_dead_letters
      where sent_at is null and id > $after and id <= $upTo and ($ids is null or id = any($ids))
      order by id limit $most for update skip locked),
    waiting as (
      insert into click_fallback (process, seq, message_id, body, stored_at)
      select coalesce(process, 0), case when process is null then id else seq end, message, body, $now from chosen order by 1, 2
      on conflict do nothing),
    ids as (
      delete from click_ids i using chosen c where i.message_id = c.message and i.process = c.process and i.seq = c.seq),
    repeats as (
      delete from click_repeats r using chosen c where r.process = c.process and r.seq = c.seq),
    unsettled as (
      update click_settled s set dead = s.dead - c.n
      from (select process, minute, count(*) as n from chosen where process is not null group by 1, 2) as c
      where s.process = c.process and s.minute = c.minute),
    sent as (
      update click_dead_letters d set sent_at = $now, redriven = d.redriven + 1 from chosen c where d.id = c.id and c.process is not null),
    gone as (
      delete from click_dead_letters d using chosen c where d.id = c.id and c.process is null),
    told as (select pg_notify('marquee', 'clicks_replay') from (select from chosen limit 1) as one)
    select count(*) as moved, max(id) as last from chosen left join told on true`,
});

/** Forgets dead letters by the same choice; they stay settled as dead. */
export const purgeDeadLetters = statement({
  name: 'click_dead_letters_purge',
  takes: { ids: nullable(t.bigints), after: t.bigint, upTo: t.bigint, most: t.int },
  gives: { moved: t.bigint, last: nullable(t.bigint) },
  text: `
    with chosen as (
      select id from click_dead_letters
      where sent_at is null and id > $after and id <= $upTo and ($ids is null or id = any($ids))
      order by id limit $most for update skip locked),
    gone as (delete from click_dead_letters d using chosen c where d.id = c.id)
    select count(*) as moved, max(id) as last from chosen`,
});

/** Wakes whoever replays the fallback, in whatever process. */
export const askForReplay = statement({
  name: 'click_replay_ask',
  takes: {},
  gives: {},
  text: `select from (select pg_notify('marquee', 'clicks_replay')) as told`,
});

/**
 * Keeps dead letters, and settles in the ledger those that have an acceptance: each acceptance is dead once, however often its message
 * comes, and not at all when it was counted before. Promises one letter an acceptance; a repetition changes nothing and is not answered, but
 * one that was sent back into the queue by hand meanwhile is a letter again, under a new number.
 * What has no acceptance (`processes` null) is kept each time it comes. `messages` is null where the id is no UUID. Within a batch no
 * acceptance and no message may stand twice. Runs after takeClickIds in its transaction, as a statement of its own: only so it sees ids that
 * others took meanwhile. `firsts`: whose id it has just taken.
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
    firsts: t.bools,
    now: t.bigint,
  },
  gives: { process: nullable(t.int), seq: nullable(t.bigint) },
  text: `
    with came as (
      select * from unnest((select $messages), (select $messageIds), (select $reasons), (select $bodies), (select $processes), (select $seqs), (select $minutes), (select $firsts))
        as c (message, message_id, reason, body, process, seq, minute, first)),
    repeats as (
      insert into click_repeats (process, seq)
      select c.process, c.seq from came c
      where c.process is not null and not c.first
        and not exists (select from click_ids i where i.message_id = c.message and i.process = c.process and i.seq = c.seq)
      order by 1, 2 on conflict do nothing returning process, seq),
    settled as (select process, seq from came where first union all select * from repeats),
    counted as (
      insert into click_settled as s (process, minute, dead)
      select c.process, c.minute, count(*) from came c join settled using (process, seq) group by 1, 2 order by 1, 2
      on conflict (process, minute) do update set dead = s.dead + excluded.dead)
    insert into click_dead_letters as d (message_id, reason, body, process, seq, minute, dead_at)
    select c.message_id, c.reason, c.body, c.process, c.seq, c.minute, $now from came c
    where c.process is null or exists (select from settled s where s.process = c.process and s.seq = c.seq)
    on conflict (process, seq) do update
    set id = default, reason = excluded.reason, body = excluded.body, minute = excluded.minute, dead_at = excluded.dead_at, sent_at = null
    where d.sent_at is not null
    returning process, seq`,
});

/** Forgets dead letters that are older, at most PRUNE_STEP; they stay settled. */
export const pruneDeadLetters = statement({
  name: 'click_dead_letters_prune',
  takes: { before: t.bigint },
  gives: { pruned: t.bigint },
  text: `
    with old as (
      select id from click_dead_letters where id in (select id from click_dead_letters order by id limit ${PRUNE_STEP}) and dead_at < $before
      for update skip locked),
    gone as (delete from click_dead_letters d using old where d.id = old.id returning 1)
    select count(*) as pruned from gone`,
});
