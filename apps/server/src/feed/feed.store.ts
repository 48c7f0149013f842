import { KEPT_FACTS } from '../store/prune.js';
import { nullable, statement, t } from '../store/statement.js';

/**
 * Numbers new facts for the feed: the order of their ids is not the order of their commits, so a reader that follows ids would pass
 * over what commits late. One relay at a time; the loser of the lock does nothing. Answers the last number given.
 */
export const numberFacts = statement({
  name: 'feed_number_facts',
  takes: { most: t.int },
  gives: { n: t.bigint },
  text: `
    with mine as materialized (select pg_try_advisory_xact_lock(7301, 3) as won),
    fresh as materialized (select o.id from outbox o, mine where mine.won and o.feed_seq is null order by o.id limit $most),
    numbered as materialized (select id, nextval('feed_seq') as seq from (select id from fresh order by id) as ordered),
    done as (
      update outbox o set feed_seq = numbered.seq from numbered where o.id = numbered.id and o.feed_seq is null returning 1),
    told as (select pg_notify('marquee', 'feed') from (select count(*) as n from done) as k where n > 0)
    select count(*) as n from done where (select count(*) from told) >= 0`,
});

const factRow = { feed_seq: t.bigint, aggregate_id: t.uuid, event_type: t.text, payload: t.json, ts: t.bigint };

/** Numbered facts after a number, in order. */
export const factsAfter = statement({
  name: 'feed_facts_after',
  takes: { after: t.bigint, most: t.int },
  gives: factRow,
  text: `
    select feed_seq, aggregate_id, event_type, payload, epoch_ms(created_at) as ts from outbox
    where feed_seq > $after order by feed_seq limit $most`,
});

/**
 * The last number there is (null when there are no facts), and whether all that came after $after is still there for sure: it is among
 * the facts that are kept however old they are, or happened within the last minute. Each fact tells one event or more.
 */
export const feedBounds = statement({
  name: 'feed_bounds',
  takes: { after: t.bigint },
  gives: { last: nullable(t.bigint), reachable: t.bool },
  text: `
    with ends as (select max(feed_seq) as last from outbox where feed_seq is not null)
    select last, coalesce(last - $after <= ${KEPT_FACTS}, false) or exists (
      select from outbox where feed_seq between $after and $after + 1 and created_at > now() - interval '60 s') as reachable
    from ends`,
});
