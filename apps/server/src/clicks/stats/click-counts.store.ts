import { nullable, statement, t } from '../../store/statement.js';

/**
 * Takes the ids of clicks that are to be counted in the same transaction. Promises that each is answered once for ever, to one of all who
 * ask at the same time; the losers wait for the winner's end and get none. In the order of the ids, so that no two wait for each other.
 */
export const takeClickIds = statement({
  name: 'clicks_take_ids',
  takes: { ids: t.uuids, processes: t.ints, seqs: t.bigints },
  gives: { message_id: t.uuid },
  text: `
    insert into click_ids (message_id, process, seq)
    select * from unnest((select $ids), (select $processes), (select $seqs)) as c(message_id, process, seq) order by message_id
    on conflict (message_id) do nothing returning message_id`,
});

/**
 * Of clicks whose id was taken before, notes those that another acceptance took; each acceptance is answered once. The same acceptance again
 * is a message that came twice, and is not answered. Runs after takeClickIds in its transaction, as a statement of its own: only so it sees
 * ids that others took meanwhile.
 */
export const noteRepeats = statement({
  name: 'clicks_note_repeats',
  takes: { ids: t.uuids, processes: t.ints, seqs: t.bigints },
  gives: { process: t.int, seq: t.bigint },
  text: `
    with told as materialized (
      select distinct * from unnest((select $ids), (select $processes), (select $seqs)) as c(message_id, process, seq) where process > 0)
    insert into click_repeats (process, seq)
    select told.process, told.seq from told
    where exists (select from click_ids i where i.message_id = told.message_id and (i.process, i.seq) <> (told.process, told.seq))
    order by 1, 2
    on conflict (process, seq) do nothing returning process, seq`,
});

/** Adds clicks to what is known of visitors; answers what was known before, and how many clicks there are now. */
export const noteVisits = statement({
  name: 'clicks_note_visits',
  takes: { visitors: t.uuids, times: t.bigints, counts: t.ints },
  gives: { visitor: t.uuid, before_at: nullable(t.bigint), n: t.int },
  text: `
    insert into click_visitors as v (visitor, last_at, n)
    select * from unnest((select $visitors), (select $times), (select $counts)) as c(visitor, last_at, n) order by visitor
    on conflict (visitor) do update
    set before_at = v.last_at, last_at = greatest(v.last_at, excluded.last_at), n = v.n + excluded.n, touched_at = excluded.touched_at
    returning visitor, before_at, n`,
});

/**
 * Stores clicks and adds them to the counts of their minutes, and their acceptances to the ledger. Only for ids that the same transaction
 * took. Every table in the order of its key, so that consumers wait for each other in one order.
 */
export const countClicks = statement({
  name: 'clicks_count',
  takes: {
    ids: t.uuids,
    times: t.bigints,
    ads: t.texts,
    adTypes: t.texts,
    campaigns: t.nullableUuids,
    creatives: t.nullableUuids,
    devices: t.nullableTexts,
    sources: t.texts,
    uids: t.texts,
    ips: t.texts,
    agents: t.nullableTexts,
    bots: t.bools,
    duplicates: t.bools,
  },
  gives: {},
  text: `
    with told as materialized (
      select * from unnest((select $ids), (select $times), (select $ads), (select $adTypes), (select $campaigns), (select $creatives), (select $devices),
                           (select $sources), (select $uids), (select $ips), (select $agents), (select $bots), (select $duplicates))
        as c(message_id, clicked_at, ad_id, ad_type, campaign_id, creative_id, device_id, source, uid, ip, agent, bot, duplicate)),
    stored as (
      insert into clicks (message_id, clicked_at, ad_id, ad_type, campaign_id, creative_id, device_id, source, uid, ip, agent, bot, duplicate)
      select * from told)
    insert into click_minutes as m (minute, campaign_id, ad_id, creative_id, device_id, source, raw, uniq, human)
    select clicked_at - clicked_at % 60000, campaign_id, ad_id, creative_id, device_id, source,
           count(*), count(*) filter (where not duplicate), count(*) filter (where not duplicate and not bot)
    from told group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
    on conflict (minute, campaign_id, ad_id, creative_id, device_id, source) do update
    set raw = m.raw + excluded.raw, uniq = m.uniq + excluded.uniq, human = m.human + excluded.human`,
});

/** Adds to what became of acceptances, a row a process and minute. In the transaction that makes it true, last in it: many meet here. */
export const settleClicks = statement({
  name: 'clicks_settle',
  takes: { processes: t.ints, minutes: t.bigints, stored: t.ints, duplicates: t.ints },
  gives: {},
  text: `
    insert into click_settled as s (process, minute, stored, duplicates)
    select * from unnest((select $processes), (select $minutes), (select $stored), (select $duplicates)) as c(process, minute, stored, duplicates)
    order by process, minute
    on conflict (process, minute) do update set stored = s.stored + excluded.stored, duplicates = s.duplicates + excluded.duplicates`,
});
