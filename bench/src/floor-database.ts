import { migrate } from '@marquee/server/store/migrate';
import pg from 'pg';

/** A database of the same schema on the server's own PostgreSQL: the floor writes there, to the same disk with the same settings. */
export async function makeFloorDatabase(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('create database bench_floor');
  } finally {
    await client.end();
  }
  const url = new URL(databaseUrl);
  url.pathname = '/bench_floor';
  await migrate(url.href);
  return url.href;
}
