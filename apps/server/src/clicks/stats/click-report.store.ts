import { nullable, statement, t } from '../../store/statement.js';

const filter = {
  ad: nullable(t.text),
  campaign: nullable(t.uuid),
  creative: nullable(t.uuid),
  device: nullable(t.text),
  source: nullable(t.text),
  from: t.bigint,
  to: t.bigint,
};
/** Whole minutes: that in which the time begins belongs to it. */
const FILTER = `
  minute >= $from - $from % 60000 and minute < $to and ($ad is null or ad_id = $ad) and ($campaign is null or campaign_id = $campaign)
  and ($creative is null or creative_id = $creative) and ($device is null or device_id = $device) and ($source is null or source = $source)`;

const counts = { raw: t.bigint, uniq: t.bigint, human: t.bigint };
const SUMS = 'sum(raw)::bigint as raw, sum(uniq)::bigint as uniq, sum(human)::bigint as human';

/** Clicks in order of time. An hour or a day is one of the zone; the hour that summer time repeats is two. */
export const clickSeries = statement({
  name: 'clicks_series',
  takes: { ...filter, bucket: t.text, timeZone: t.text },
  gives: { at: t.bigint, ...counts },
  text: `
    select epoch_ms(date_trunc($bucket, to_timestamp(minute / 1000.0), $timeZone)) as at, ${SUMS}
    from click_minutes where ${FILTER} group by 1 order by 1`,
});

/** One page of clicks by something, most first, and how many rows there are in all. '' where a click did not say. */
export const clickRows = statement({
  name: 'clicks_rows',
  takes: { ...filter, by: t.text, skip: t.int, most: t.int },
  gives: { key: t.text, name: nullable(t.text), ...counts, rows: t.bigint },
  text: `
    with grouped as (
      select coalesce(case $by when 'campaign' then campaign_id::text when 'ad' then ad_id when 'creative' then creative_id::text
                               when 'screen' then device_id else source end, '') as key, ${SUMS}
      from click_minutes where ${FILTER} group by 1),
    page as (select *, count(*) over () as rows from grouped order by raw desc, key offset $skip limit $most)
    select page.key, c.name, page.raw, page.uniq, page.human, page.rows
    from page left join campaigns c on $by = 'campaign' and c.id::text = page.key
    order by page.raw desc, page.key`,
});

/** Clicks of each bucket and key (campaign, ad, creative, screen, source; '' where a click did not say), in that order, after the one named. */
export const clickLines = statement({
  name: 'clicks_lines',
  takes: { ...filter, bucket: t.text, timeZone: t.text, afterAt: t.bigint, after: t.texts, most: t.int },
  gives: { at: t.bigint, key: t.texts, campaign: nullable(t.text), ...counts },
  text: `
    with grouped as (
      select epoch_ms(date_trunc($bucket, to_timestamp(minute / 1000.0), $timeZone)) as at,
             array[coalesce(campaign_id::text, ''), ad_id, coalesce(creative_id::text, ''), coalesce(device_id, ''), source] as key, ${SUMS}
      from click_minutes where ${FILTER} group by 1, 2),
    page as (select * from grouped where (at, key) > ($afterAt, $after) order by at, key limit $most)
    select page.at, page.key, c.name as campaign, page.raw, page.uniq, page.human
    from page left join campaigns c on c.id::text = page.key[1] order by page.at, page.key`,
});
