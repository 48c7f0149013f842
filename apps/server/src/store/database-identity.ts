import type { Database } from './database.js';
import { statement, t } from './statement.js';

/**
 * What tells one migrated database from another, however it is addressed: its number on its server, and the moment of its first migration. Kept by
 * a failover to a standby.
 */
export const databaseIdentity = statement({
  name: 'database_identity',
  takes: {},
  gives: { identity: t.text },
  text: `
    select (select oid from pg_database where datname = current_database()) || '-' || (extract(epoch from min(applied_at)) * 1000000)::bigint as identity
    from schema_migrations`,
});

/** A text that is the same for all processes on this database, by whatever URL, and another on any other. */
export async function identityOf(database: Database): Promise<string> {
  const [row] = await database.run(databaseIdentity, {});
  if (row === undefined) throw new Error('the database is not migrated');
  return row.identity;
}
