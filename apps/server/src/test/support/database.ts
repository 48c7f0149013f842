import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { cloneDatabase, databaseUrl, dropDatabase, onServer } from './clone-database.js';

export interface TestDatabase {
  readonly url: string;
  /** Ends the sessions that are still open and removes it. */
  drop(): Promise<void>;
}

/** An empty, migrated database of the test file's own, on the run's server. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { url, template } = inject('testPostgres');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(url, (client) => cloneDatabase(client, template, name));
  return { url: databaseUrl(url, name), drop: () => onServer(url, (client) => dropDatabase(client, name)) };
}
