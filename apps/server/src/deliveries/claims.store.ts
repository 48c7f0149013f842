import { nullable, statement, t } from '../store/statement.js';

/**
 * Claims that are under way, by campaign, of those that send, how many of each nobody has begun, and how many processes send: always at least one
 * row, without a campaign where there is no claim. Reads some rows for each claim that there is, and no delivery.
 */
export const claimsUnderWay = statement({
  name: 'claims_under_way',
  takes: {},
  gives: {
    workers: t.bigint,
    campaign_id: nullable(t.uuid),
    channel: nullable(t.text),
    rate_per_second: nullable(t.int),
    n: nullable(t.bigint),
    unbegun: nullable(t.bigint),
  },
  text: `
    select w.n as workers, u.campaign_id, u.channel, u.rate_per_second, u.n, u.unbegun
    from (select count(*) as n from processes where 'worker' = any(roles) and missing_since is null) as w
    left join (
      select k.campaign_id, c.channel, c.rate_per_second, count(*) as n, count(*) filter (where k.begun_at is null) as unbegun
      from claims k join campaigns c on c.id = k.campaign_id
      where not c.paused and c.status not in ('cancelled', 'completed') and k.lease_until > now()
      group by k.campaign_id, c.channel, c.rate_per_second) as u on true`,
});

/**
 * Ends a claim, unless some of its deliveries are still claimed or being sent: then whoever settles the last of them ends it, or the rescuer,
 * who finds nothing in it.
 */
export const endClaim = statement({
  name: 'claims_end',
  takes: { claim: t.uuid },
  gives: {},
  text: `
    delete from claims k where k.id = $claim and not exists (
      select from unnest(k.delivery_ids) as held(id) join deliveries d on d.id = held.id
      where d.claim_id = k.id and d.status in ('IN_PROGRESS', 'SENDING'))`,
});
