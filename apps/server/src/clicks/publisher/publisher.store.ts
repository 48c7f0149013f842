import { statement, t } from '../../store/statement.js';

/** Keeps clicks until the broker can take them. Promises that one acceptance is kept once; the second keeps the first. */
export const keepClicks = statement({
  name: 'click_fallback_keep',
  takes: { processes: t.ints, seqs: t.bigints, ids: t.uuids, bodies: t.texts, now: t.bigint },
  gives: {},
  text: `
    insert into click_fallback (process, seq, message_id, body, stored_at)
    select process, seq, message_id, body, $now
    from unnest((select $processes), (select $seqs), (select $ids), (select $bodies)) as c (process, seq, message_id, body)
    on conflict do nothing`,
});

/** Of the clicks that wait, the oldest. Takes nothing away: who removes one has had it confirmed. */
export const oldestClicks = statement({
  name: 'click_fallback_oldest',
  takes: { most: t.int },
  gives: { process: t.int, seq: t.bigint, message_id: t.uuid, body: t.text },
  text: 'select process, seq, message_id, body from click_fallback order by stored_at limit $most',
});

/** Forgets clicks that the broker has; nothing for those that are forgotten. */
export const removeClicks = statement({
  name: 'click_fallback_remove',
  takes: { processes: t.ints, seqs: t.bigints },
  gives: {},
  text: `
    delete from click_fallback f using unnest((select $processes), (select $seqs)) as c (process, seq)
    where f.process = c.process and f.seq = c.seq`,
});

export const countKeptClicks = statement({
  name: 'click_fallback_count',
  takes: {},
  gives: { n: t.bigint },
  text: 'select count(*) as n from click_fallback',
});

/** Remembers what the broker has confirmed; what is remembered keeps its first moment. */
export const markClicks = statement({
  name: 'click_marks_mark',
  takes: { ids: t.uuids },
  gives: {},
  text: 'insert into click_marks (message_id) select distinct unnest((select $ids)) on conflict do nothing',
});

export const markedClicks = statement({
  name: 'click_marks_known',
  takes: { ids: t.uuids },
  gives: { message_id: t.uuid },
  text: 'select message_id from click_marks where message_id = any($ids)',
});

/**
 * Says how many repetitions a process has dropped in each minute, since it began. Promises that saying the same number twice changes nothing,
 * so that it may be said again when nobody knows whether it was heard; nor does an older one that comes late.
 */
export const sayDropped = statement({
  name: 'click_settled_dropped',
  takes: { process: t.int, minutes: t.bigints, dropped: t.bigints },
  gives: {},
  text: `
    insert into click_settled as s (process, minute, duplicates, dropped)
    select $process, minute, n, n from unnest((select $minutes), (select $dropped)) as d (minute, n) order by minute
    on conflict (process, minute) do update
    set duplicates = s.duplicates + excluded.dropped - s.dropped, dropped = excluded.dropped where excluded.dropped > s.dropped`,
});
