import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { registeredStatements } from '../store/statement.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';

const modules = import.meta.glob(['../**/*.store.ts', '../store/*.ts', '!../**/*.test.ts'], { eager: true });

/** Asks the server what a statement gives (Describe, PostgreSQL protocol 3.0 §55.2.3) without running it. */
class Description {
  readonly done: Promise<{ name: string; type: number }[]>;
  private fields: { name: string; type: number }[] = [];
  private resolve!: (fields: { name: string; type: number }[]) => void;
  private reject!: (error: Error) => void;

  constructor(private readonly sql: string) {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  submit(connection: { parse(query: object, more: boolean): void; describe(what: object, more: boolean): void; sync(): void }): void {
    connection.parse({ name: '', text: this.sql, types: [] }, true);
    connection.describe({ type: 'S', name: '' }, true);
    connection.sync();
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.fields = message.fields.map((field) => ({ name: field.name, type: field.dataTypeID }));
  }

  handleReadyForQuery(): void {
    this.resolve(this.fields);
  }

  handleError(error: Error): void {
    this.reject(error);
  }
}

let database: TestDatabase;
let client: pg.Client;
const typeNames = new Map<number, string>();

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ oid: number; name: string }>('select oid::int, typname as name from pg_type');
  for (const { oid, name } of rows) typeNames.set(oid, name);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** How PostgreSQL calls the type that a statement declares. */
function serverName(sql: string): string {
  return sql.endsWith('[]') ? `_${sql.slice(0, -2)}` : sql;
}

test('every store is read, so every statement is registered', () => {
  expect(Object.keys(modules).length).toBeGreaterThan(8);
  expect(registeredStatements().length).toBeGreaterThan(40);
});

describe('the database agrees with what each statement declares', () => {
  test.each(registeredStatements().map((statement) => [statement.name, statement] as const))('%s', async (_name, statement) => {
    const description = new Description(statement.sql);
    client.query(description as unknown as pg.Query);
    const fields = await description.done;
    const gives = Object.fromEntries(fields.map((field) => [field.name, typeNames.get(field.type)]));
    const declared = Object.fromEntries(Object.entries(statement.gives).map(([name, type]) => [name, serverName(type.sql)]));
    expect(gives).toEqual(declared);
  });
});
