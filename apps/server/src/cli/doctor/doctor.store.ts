import { nullable, statement, t } from '../../store/statement.js';

/** Signs that somebody is missing: what waits, and since when (epoch ms); all of it from indexes. */
export const vitalSigns = statement({
  name: 'doctor_signs',
  takes: {},
  gives: {
    now: t.bigint,
    /** The oldest execution that may start and has not. */
    oldest_new: nullable(t.bigint),
    claims: t.bigint,
    oldest_claim: nullable(t.bigint),
    /** The lease that ran out first of those that nobody has taken back. */
    expired_lease: nullable(t.bigint),
    /** The oldest fact that the feed has not numbered. */
    oldest_fact: nullable(t.bigint),
  },
  text: `
    select epoch_ms(now()) as now,
      (select epoch_ms(min(next_try_at)) from executions where state = 'NEW' and next_try_at <= now()) as oldest_new,
      (select count(*) from claims) as claims,
      (select epoch_ms(min(claimed_at)) from claims) as oldest_claim,
      (select epoch_ms(min(lease_until)) from claims where lease_until < now()) as expired_lease,
      (select epoch_ms(created_at) from outbox where feed_seq is null order by id limit 1) as oldest_fact`,
});
