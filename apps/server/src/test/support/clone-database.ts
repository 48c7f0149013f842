import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { errorCode } from '../../kit/errors.js';

/** The same server's URL with another database. */
export function databaseUrl(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

/** Runs `work` with a connection to the server that is closed afterwards. */
export async function onServer<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  // A connection lost between two queries is told by the next query.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const BUSY = '55006';
const BUSY_MS = 60_000;

/** Makes `name` a copy of `template`, in place of a database of that name; waits while somebody is connected to the template. */
export async function cloneDatabase(client: pg.Client, template: string, name: string): Promise<string> {
  await dropDatabase(client, name);
  const until = performance.now() + BUSY_MS;
  for (;;) {
    try {
      await client.query(`create database ${name} template ${template}`);
      return name;
    } catch (error) {
      if (errorCode(error) !== BUSY || performance.now() > until) throw error;
      await delay(50);
    }
  }
}

/** Removes a database with the sessions in it. */
export async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  await client.query(`drop database if exists ${name} with (force)`);
}
