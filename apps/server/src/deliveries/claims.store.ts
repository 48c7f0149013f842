import { nullable, statement, t } from '../store/statement.js';

/** Claims that are under way, by campaign, of those that send; and how many of each nobody has begun. Reads some rows for each claim that there is, and no delivery. */
export const claimsUnderWay = statement({
  name: 'claims_under_way',
  takes: {},
  gives: { campaign_id: t.uuid, channel: t.text, rate_per_second: nullable(t.int), n: t.bigint, unbegun: t.bigint },
  text: `
    select k.campaign_id, c.channel, c.rate_per_second, count(*) as n, count(*) filter (where k.begun_at is null) as unbegun
    from claims k join campaigns c on c.id = k.campaign_id
    where not c.paused and c.status not in ('cancelled', 'completed') and k.lease_until > now()
    group by k.campaign_id, c.channel, c.rate_per_second`,
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
