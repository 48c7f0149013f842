import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@marquee/server/store/embedded-postgres';
import { answerParent } from '../remote.js';

/** The embedded PostgreSQL with nobody but this process to hold it, so that it can be stopped under those who use it. */
export type DatabaseMethods = {
  start: (dataDir: string) => Promise<{ url: string; holderPid: number; serverPid: number }>;
  stop: (nothing: null) => Promise<void>;
};

let database: EmbeddedPostgres | undefined;

const methods: DatabaseMethods = {
  start: async (dataDir) => {
    database ??= await startEmbeddedPostgres({ dataDir });
    const run = JSON.parse(await readFile(join(dataDir, 'postgres', 'run.json'), 'utf8')) as { postmaster: { pid: number } };
    return { url: database.url, holderPid: process.pid, serverPid: run.postmaster.pid };
  },
  stop: async () => await database?.stop(),
};

answerParent(methods);
