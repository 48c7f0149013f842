import type { Runner } from './database.js';
import { statement, t } from './statement.js';

/** A fact as its consumer takes it. */
export interface Fact {
  id: number;
  aggregateId: string;
  attempts: number;
  payload: unknown;
}

/**
 * Takes the oldest open facts of one type under a lease, and promises that no other process has them until it ends.
 * The loser of a race gets the next ones; a crash costs the lease.
 */
const takeFacts = statement({
  name: 'outbox_take',
  takes: { eventType: t.text, most: t.int, leaseMs: t.int },
  gives: { id: t.bigint, aggregate_id: t.uuid, attempts: t.int, payload: t.json },
  text: `
    update outbox set claimed_until = now() + $leaseMs * interval '1 ms', attempts = attempts + 1
    where id in (
      select id from outbox
      where not processed and event_type = $eventType and (claimed_until is null or claimed_until < now())
      order by id limit $most for update skip locked)
    returning id, aggregate_id, attempts, payload`,
});

/** Marks facts as done. Run it in the transaction that did what they ask for. */
const finishFacts = statement({
  name: 'outbox_finish',
  takes: { ids: t.bigints },
  gives: {},
  text: 'update outbox set processed = true, claimed_until = null, last_error = null where id = any($ids) and not processed',
});

/** Gives facts back, to be taken again after a delay. */
const postponeFacts = statement({
  name: 'outbox_postpone',
  takes: { ids: t.bigints, delayMs: t.int, reason: t.text },
  gives: {},
  text: `update outbox set claimed_until = now() + $delayMs * interval '1 ms', last_error = $reason where id = any($ids) and not processed`,
});

/** The moment (ms from now) at which the next open fact of a type may be taken; no row when there is none. */
const nextFact = statement({
  name: 'outbox_next',
  takes: { eventType: t.text },
  gives: { wait_ms: t.float },
  text: `
    select greatest(0, extract(epoch from coalesce(claimed_until, now()) - now()) * 1000)::float8 as wait_ms
    from outbox where not processed and event_type = $eventType order by claimed_until nulls first limit 1`,
});

/** Ends all leases on open facts. Only for a process that knows itself to be the only one. */
const releaseFacts = statement({
  name: 'outbox_release',
  takes: {},
  gives: {},
  text: 'update outbox set claimed_until = null where not processed and claimed_until is not null',
});

/** The consumer's side of the outbox: facts of one type, taken in the order they were made. */
export class Outbox {
  constructor(private readonly leaseMs: number) {}

  async take(runner: Runner, eventType: string, most: number): Promise<Fact[]> {
    const rows = await runner.run(takeFacts, { eventType, most, leaseMs: this.leaseMs });
    return rows
      .map((row) => ({ id: row.id, aggregateId: row.aggregate_id, attempts: row.attempts, payload: row.payload }))
      .sort((a, b) => a.id - b.id);
  }

  async finish(runner: Runner, facts: readonly Fact[]): Promise<void> {
    if (facts.length > 0) await runner.run(finishFacts, { ids: facts.map((fact) => fact.id) });
  }

  async postpone(runner: Runner, facts: readonly Fact[], delayMs: number, reason: string): Promise<void> {
    if (facts.length > 0) await runner.run(postponeFacts, { ids: facts.map((fact) => fact.id), delayMs, reason });
  }

  /** Gives back what processes that are dead had taken. Only for a process that knows itself to be the only one. */
  async release(runner: Runner): Promise<void> {
    await runner.run(releaseFacts, {});
  }

  /** Ms until the next open fact of the type may be taken, or `otherwise` when there is none or it is further away. */
  async nextIn(runner: Runner, eventType: string, otherwise: number): Promise<number> {
    const [next] = await runner.run(nextFact, { eventType });
    return Math.min(otherwise, Math.ceil(next?.wait_ms ?? otherwise));
  }
}
