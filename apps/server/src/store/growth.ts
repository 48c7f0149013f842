import { Actor, type OnActorError } from '../kit/actor.js';
import type { Database } from './database.js';
import { statement, t } from './statement.js';

/**
 * Of the tables that a burst fills, those that are several times as large as when their statistics were taken; and those where so much
 * changed since that they are not worth much: taken while the burst was not committed, they say that there are no rows.
 */
export const grownTables = statement({
  name: 'growth_find',
  takes: {},
  gives: { name: t.text },
  text: `
    select relname::text as name from pg_class
    where oid in ('deliveries'::regclass, 'devices'::regclass)
      and (pg_relation_size(oid) / current_setting('block_size')::int > 50 + 4 * greatest(relpages, 0)
           or pg_stat_get_mod_since_analyze(oid) > 2000 + 20 * greatest(reltuples, 0))`,
});

export const analyzeDeliveries = statement({ name: 'growth_analyze_deliveries', takes: {}, gives: {}, text: 'analyze deliveries' });
export const analyzeDevices = statement({ name: 'growth_analyze_devices', takes: {}, gives: {}, text: 'analyze devices' });

/**
 * Has statistics taken of a table that grew at once. A prepared statement keeps the plan of its first calls until then, and one made on
 * an empty table reads all of it ever after: 20,000 screens that come and go were looked up in 450 ms a batch in place of 5, for the
 * minute until autovacuum came by. After that it is left to autovacuum.
 */
export class Growth extends Actor {
  constructor(
    private readonly database: Database,
    private readonly options: { intervalMs: number; onError: OnActorError },
  ) {
    super('growth', options.onError);
  }

  protected override async turn(): Promise<number> {
    for (const { name } of await this.database.run(grownTables, {})) {
      await this.database.run(name === 'devices' ? analyzeDevices : analyzeDeliveries, {});
    }
    return this.options.intervalMs;
  }
}
