import { statement, t } from '../../store/statement.js';

/**
 * The transactions of those who take from the queue need not wait for the disk: what a power cut undoes of them is delivered again, and
 * that is counted once.
 */
const RELAXED = `relaxed as materialized (select set_config('synchronous_commit', 'off', true))`;

/** Puts messages into the queue; once it has answered they are on disk. The same message twice is there twice. With `tell`, wakes who takes. */
export const enqueueClicks = statement({
  name: 'click_queue_put',
  takes: { messageIds: t.uuids, bodies: t.texts, processes: t.ints, seqs: t.bigints, tell: t.bool },
  gives: { told: t.int },
  text: `
    with put as (
      insert into click_queue (message_id, body, process, seq)
      select * from unnest((select $messageIds), (select $bodies), (select $processes), (select $seqs))),
    told as (select pg_notify('marquee', 'clicks_published') where $tell)
    select count(*)::int as told from told`,
});

/**
 * Takes messages behind `after` that nobody has taken, for so long. Promises each to one taker at a time; one that has not answered when
 * its time is over loses them to whoever comes next, by a number of tries that it does not know.
 */
export const claimClicks = statement({
  name: 'click_queue_claim',
  takes: { after: t.bigint, most: t.int, leaseMs: t.bigint },
  gives: { id: t.bigint, messageId: t.uuid, body: t.text, process: t.int, seq: t.bigint, tries: t.int },
  text: `
    with ${RELAXED}
    update click_queue q set tries = q.tries + 1, due_at = now() + $leaseMs * interval '1 ms'
    from relaxed
    where q.id = any (array(select id from click_queue where id > $after and due_at <= now() order by id limit $most for update skip locked))
    returning q.id, q.message_id as "messageId", q.body, q.process, q.seq, q.tries`,
});

/** Drops messages that were answered, between the lowest and the highest of them. Who lost them meanwhile to another does no harm by it. */
export const dropClicks = statement({
  name: 'click_queue_drop',
  takes: { ids: t.bigints, lowest: t.bigint, highest: t.bigint },
  gives: {},
  text: `
    with ${RELAXED}
    delete from click_queue q using relaxed where q.id between $lowest and $highest and q.id = any ((select $ids)::bigint[])`,
});

/** Drops messages for good, by whoever has them still; answers which: the others are somebody else's to decide about. */
export const dropDeadClicks = statement({
  name: 'click_queue_drop_dead',
  takes: { ids: t.bigints, tries: t.ints },
  gives: { id: t.bigint },
  text: `
    delete from click_queue q using unnest((select $ids), (select $tries)) as d (id, tries) where q.id = d.id and q.tries = d.tries
    returning q.id`,
});

/** Gives messages back, to be taken again after a while, by whoever has them still; of others nothing changes. */
export const returnClicks = statement({
  name: 'click_queue_return',
  takes: { ids: t.bigints, tries: t.ints, delaysMs: t.ints },
  gives: {},
  text: `
    update click_queue q set due_at = now() + r.delay * interval '1 ms'
    from unnest((select $ids), (select $tries), (select $delaysMs)) as r (id, tries, delay) where q.id = r.id and q.tries = r.tries`,
});

/** How many messages wait or are taken. */
export const countQueuedClicks = statement({
  name: 'click_queue_count',
  takes: {},
  gives: { n: t.bigint },
  text: `select count(*) as n from click_queue`,
});

/** Answers when the queue can be reached. */
export const findClickQueue = statement({
  name: 'click_queue_find',
  takes: {},
  gives: { some: t.bool },
  text: `select exists (select from click_queue) as some`,
});
