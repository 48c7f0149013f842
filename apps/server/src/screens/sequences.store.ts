import { nullable, statement, t } from '../store/statement.js';

/** Series that are kept of one screen; whatever calls itself another one is not counted until the screen's status names it. */
const MOST_SERIES = 8;

/**
 * Notes numbered events of registered screens as settled; whatever order they came in, and however often. Where numbers below them
 * are missing, asking becomes due after $waitMs; where none are missing any more, nothing is due.
 */
export const settleSeqs = statement({
  name: 'screens_settle_seqs',
  takes: { devices: t.texts, series: t.texts, seqs: t.ints, waitMs: t.int },
  gives: {},
  text: `
    with came as materialized (
      select device_id, series, range_agg(int4range(seq, seq + 1)) as seqs
      from unnest((select $devices), (select $series), (select $seqs)) as s(device_id, series, seq) group by device_id, series)
    insert into event_series as e (device_id, series, settled, next_ask_at)
    select device_id, series, seqs, case when not isempty(seqs_missing(seqs, null)) then now() + $waitMs * interval '1 ms' end
    from came
    where exists (select from devices d where d.device_id = came.device_id)
      and (select count(*) from event_series o where o.device_id = came.device_id and o.series <> came.series) < ${MOST_SERIES}
    order by device_id, series
    on conflict (device_id, series) do update
    set settled = seqs_add(e.settled, excluded.settled), touched_at = now(),
        asks = case when not coalesce(lower(seqs_missing(e.settled, e.said_last)) <@ excluded.settled, true) then e.asks else 0 end,
        next_ask_at = case when not isempty(seqs_missing(seqs_add(e.settled, excluded.settled), e.said_last))
                           then coalesce(e.next_ask_at, now() + $waitMs * interval '1 ms') end`,
});

/**
 * Notes which events screens say they keep. What is missing between their first and last is asked for after $waitMs, unless it comes
 * by itself; what is missing before the first is lost, as is what is missing of an older series. Of a series never heard of, what was before
 * the first is no loss of ours. Answers how many were lost by it.
 */
export const noteKept = statement({
  name: 'screens_note_kept',
  takes: { devices: t.texts, series: t.texts, firsts: t.ints, lasts: t.ints, waitMs: t.int },
  gives: { lost: t.bigint },
  text: `
    with told as materialized (
      select * from unnest((select $devices), (select $series), (select $firsts), (select $lasts)) as k(device_id, series, first, last)),
    had as materialized (
      select device_id, series, settled, said_last, touched_at from event_series where device_id = any($devices) order by device_id, series for update),
    older as materialized (
      select had.*, row_number() over (partition by device_id order by touched_at desc) as age
      from had join told using (device_id) where had.series <> told.series),
    forgotten as (
      delete from event_series e using older o where e.device_id = o.device_id and e.series = o.series and o.age > 3),
    ended as (
      update event_series e
      set lost = e.lost + seqs_count(seqs_missing(o.settled, o.said_last)), next_ask_at = null,
          settled = o.settled + seqs_missing(o.settled, o.said_last)
      from older o where e.device_id = o.device_id and e.series = o.series and o.age <= 3 and not isempty(seqs_missing(o.settled, o.said_last))
      returning seqs_count(seqs_missing(o.settled, o.said_last)) as lost),
    skipped as materialized (
      select had.device_id, had.series, seqs_count(int4multirange(int4range(lower(had.settled), greatest(lower(had.settled), told.first))) - had.settled) as lost
      from had join told using (device_id, series)),
    kept as (
      insert into event_series as e (device_id, series, settled, said_last, next_ask_at)
      select device_id, series, int4multirange(int4range(-1, first)), last, case when last >= first then now() + $waitMs * interval '1 ms' end
      from told where exists (select from devices d where d.device_id = told.device_id) order by device_id, series
      on conflict (device_id, series) do update
      set settled = e.settled + excluded.settled, said_last = excluded.said_last, touched_at = now(),
          lost = e.lost + coalesce((select lost from skipped s where s.device_id = excluded.device_id and s.series = excluded.series), 0),
          asks = case when lower(seqs_missing(e.settled, e.said_last)) <@ (e.settled + excluded.settled) then 0 else e.asks end,
          next_ask_at = case when not isempty(seqs_missing(e.settled + excluded.settled, excluded.said_last))
                             then coalesce(e.next_ask_at, now() + $waitMs * interval '1 ms') end)
    select coalesce(sum(lost), 0)::bigint as lost from (select lost from ended union all select lost from skipped) as losses`,
});

/**
 * Takes screens that are due to be asked, at most $most, each by one caller only: answers from which number on. A screen that is away is not
 * asked; its next status makes it due. One that was asked $mostAsks times for the same number without an answer is not asked
 * for it any more: what is missing is lost, $from is null.
 */
export const takeReplays = statement({
  name: 'screens_take_replays',
  takes: { most: t.int, mostAsks: t.int, waitMs: t.int, maxMs: t.int },
  gives: { device_id: t.text, from_seq: nullable(t.int), lost: t.bigint, online: t.bool },
  text: `
    with due as materialized (
      select e.device_id, e.series, seqs_missing(e.settled, e.said_last) as missing, e.asks >= $mostAsks as hopeless
      from event_series e where e.next_ask_at <= now() order by e.next_ask_at limit $most for update skip locked),
    taken as materialized (
      select due.*, d.status = 'online' as online, d.status = 'online' and hopeless as given_up from due join devices d using (device_id))
    update event_series e
    set asks = case when taken.online then e.asks + 1 else e.asks end,
        settled = case when given_up then e.settled + missing else e.settled end,
        lost = case when given_up then e.lost + seqs_count(missing) else e.lost end,
        next_ask_at = case when taken.online and not given_up and not isempty(missing)
                           then now() + least($maxMs, $waitMs * 2 ^ least(e.asks, 20)) * interval '1 ms' end
    from taken where e.device_id = taken.device_id and e.series = taken.series
    returning e.device_id, case when not given_up then lower(missing) end as from_seq,
              case when given_up then seqs_count(missing) else 0 end as lost, taken.online`,
});
