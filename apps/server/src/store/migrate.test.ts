import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StartError } from '../kit/errors.js';
import { createTestDatabase, type TestDatabase } from '../test/support/database.js';
import { query } from '../test/support/postgres-folder.js';
import { migrate, readMigrations } from './migrate.js';

let folder: string;
let database: TestDatabase;

// The template is migrated already, so the tests' own numbers begin in a schema that is emptied first.
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'marquee-migrations-'));
  database = await createTestDatabase();
  await query(database.url, 'drop table schema_migrations');
});
afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const write = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text);

test('applies what is due, in order, and once', async () => {
  await write('000002_second.sql', 'insert into t values (2); alter table t add column more int;');
  await write('000001_first.sql', 'create table t (n int); insert into t values (1);');
  await write('notes.txt', 'no migration');
  expect(await migrate(database.url, folder)).toEqual(['first', 'second']);
  expect(await migrate(database.url, folder)).toEqual([]);
  await write('000003_third.sql', 'insert into t values (3);');
  expect(await migrate(database.url, folder)).toEqual(['third']);
  expect(await query(database.url, 'select n from t order by n')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(await query(database.url, 'select version, name, length(sha256) as digits from schema_migrations order by version')).toEqual(
    ['first', 'second', 'third'].map((name, index) => ({ version: index + 1, name, digits: 64 })),
  );
});

test('is done once when many processes start at the same moment', async () => {
  await write('000001_first.sql', 'create table t as select 1 as n; select pg_sleep(0.2);');
  const done = await Promise.all(Array.from({ length: 6 }, () => migrate(database.url, folder)));
  expect(done.filter((names) => names.length === 1)).toHaveLength(1);
  expect(await query(database.url, 'select n from t')).toEqual([{ n: 1 }]);
});

test('a failing migration leaves those before it and nothing of its own', async () => {
  await write('000001_first.sql', 'create table t (n int);');
  await write('000002_second.sql', 'insert into t values (1); select 1 / 0;');
  const failure = await migrate(database.url, folder).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StartError);
  expect(String(failure)).toContain('migration 000002_second.sql failed: division by zero');
  expect(await query(database.url, 'select n from t')).toEqual([]);
  // What was done and the record of it are one transaction.
  await write('000002_second.sql', "insert into t values (1); insert into schema_migrations values (2, 'in the way', '');");
  await expect(migrate(database.url, folder)).rejects.toThrow(/duplicate key/);
  expect(await query(database.url, 'select n from t')).toEqual([]);
  await write('000002_second.sql', 'insert into t values (1);');
  expect(await migrate(database.url, folder)).toEqual(['second']);
});

test('refuses a migration that was changed after it was applied, but not other line ends', async () => {
  await write('000001_first.sql', 'create table t (n int);\ninsert into t values (1);\n');
  await migrate(database.url, folder);
  await write('000001_first.sql', 'create table t (n int);\r\ninsert into t values (1);\r\n');
  expect(await migrate(database.url, folder)).toEqual([]);
  await write('000001_first.sql', 'create table t (n bigint);');
  await write('000002_second.sql', 'insert into t values (2);');
  await expect(migrate(database.url, folder)).rejects.toThrow(/^migration 000001_first.sql was changed after/);
  expect(await query(database.url, 'select n from t')).toEqual([{ n: 1 }]);
});

test('refuses a database that is newer than the code', async () => {
  await write('000001_first.sql', 'create table t (n int);');
  await write('000002_second.sql', 'select 1;');
  await migrate(database.url, folder);
  await rm(join(folder, '000002_second.sql'));
  await expect(migrate(database.url, folder)).rejects.toThrow(/newer Marquee \(000002_second.sql is not known here\).*DATABASE_URL/);
});

test('takes names and numbers seriously', async () => {
  await write('000001_first.sql', 'select 1;');
  await write('000001_other.sql', 'select 1;');
  await expect(readMigrations(folder)).rejects.toThrow(/two migrations .* number 1$/);
  await rm(join(folder, '000001_other.sql'));
  await write('2-second.sql', 'select 1;');
  await expect(readMigrations(folder)).rejects.toThrow(/2-second.sql is not named like/);
});

test('the database of a test is migrated, empty and its own', async () => {
  const other = await createTestDatabase();
  const names = (await readMigrations()).map((migration) => migration.name);
  expect(names.length).toBeGreaterThan(0);
  expect(await query(other.url, 'select name from schema_migrations order by version')).toEqual(names.map((name) => ({ name })));
  expect(await migrate(other.url)).toEqual([]);
  await query(other.url, 'create table mine (n int)');
  await expect(query(database.url, 'table mine')).rejects.toThrow('does not exist');
  await other.drop();
  await expect(query(other.url, 'select 1')).rejects.toThrow('does not exist');
});
