import { nullable, statement, t } from './statement.js';

/**
 * Reserves the moments of $most sends: evenly spaced, after all that was reserved before in these scopes by whatever process, not before now
 * and $leadMs. By the database's clock, read while the rows are locked; $now stands in for it in tests. `own` is the campaign's limit,
 * `shared` the channel's, each with the distance of its sends; one of them may be missing.
 *
 * Refused (`granted` 0, and in how many ms to ask again) when the first moment would be later than $aheadMs beyond the lead: so a process that
 * dies takes little with it. With both limits also as long as the campaign's own moment lies more than $slackMs after the next one of
 * the channel, which would else stand idle until then; a channel's count may run ahead of the sends by that much.
 * A moment further in the future than any reservation goes means that the clock was set back: it counts as one second from now.
 * `missing`: a scope has no row yet.
 */
export const reserveSlots = statement({
  name: 'rates_reserve',
  takes: {
    own: nullable(t.text),
    ownMs: nullable(t.float),
    shared: nullable(t.text),
    sharedMs: nullable(t.float),
    most: t.int,
    leadMs: t.float,
    aheadMs: t.float,
    slackMs: t.float,
    now: nullable(t.time),
  },
  gives: { granted: t.int, start_at: t.float, now_at: t.float, wait_ms: t.float, missing: t.bool },
  text: `
    with held as materialized (
      select scope, next_at from rate_slots where scope in ($own, $shared) order by scope for update),
    clock as materialized (select coalesce($now, clock_timestamp()) as now, count(*) as n from held),
    sane as (
      select h.scope, case when h.next_at > k.now + interval '5 s' then k.now + interval '1 s' else h.next_at end as next_at
      from held h, clock k),
    heads as (
      select k.now, k.now + $leadMs * interval '1 ms' as soonest, k.n < num_nonnulls($own, $shared) as missing,
        (select next_at from sane where scope = $own) as own_next, (select next_at from sane where scope = $shared) as shared_next
      from clock k),
    wanted as (
      select *, greatest(own_next, shared_next, soonest) as start,
        coalesce(own_next > greatest(shared_next, soonest) + $slackMs * interval '1 ms' and shared_next is not null, false) as early
      from heads),
    plan as materialized (
      select *, not missing and not early and start <= soonest + $aheadMs * interval '1 ms' as granted from wanted),
    taken as (
      update rate_slots r
      set next_at = case when r.scope = $own
        then p.start + (($most - 1) * greatest($ownMs, $sharedMs) + $ownMs) * interval '1 ms'
        else greatest(p.shared_next, p.start - $slackMs * interval '1 ms') + $most * $sharedMs * interval '1 ms' end
      from plan p where p.granted and r.scope in ($own, $shared)
      returning 1)
    select case when granted and (select count(*) from taken) > 0 then $most else 0 end as granted,
      (extract(epoch from start) * 1000)::float8 as start_at, (extract(epoch from now) * 1000)::float8 as now_at,
      case when granted or missing then 0
        else (extract(epoch from case when early then own_next - soonest else start - soonest end) * 1000)::float8
          - case when early then $slackMs / 2 else $aheadMs end
      end as wait_ms,
      missing
    from plan`,
});

/** Makes the rows of scopes that have none. */
export const openScopes = statement({
  name: 'rates_open',
  takes: { scopes: t.texts },
  gives: {},
  text: `insert into rate_slots (scope, next_at) select scope, 'epoch' from unnest($scopes) as wanted(scope) order by scope on conflict do nothing`,
});

/** Deletes the rows of scopes that were not used for a day; they are made again when needed. */
export const pruneSlots = statement({
  name: 'rates_prune',
  takes: {},
  gives: {},
  text: `delete from rate_slots where next_at < now() - interval '1 day'`,
});
