import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type BinarySources, usualSources } from '../../store/embedded/binaries.js';
import { copyBinaries } from '../../store/embedded/copy-binaries.js';
import { pidExists } from '../../kit/processes/process-identity.js';

/** The packaged binaries, copied once for many clusters. */
export interface SharedBinaries {
  /** Holds `initdb` and `postgres`. */
  readonly bin: string;
  readonly sources: BinarySources;
  remove(): Promise<void>;
}

export async function shareBinaries(): Promise<SharedBinaries> {
  const packaged = await usualSources.packaged();
  if (packaged === undefined) {
    const [bin = ''] = await usualSources.folders();
    return { bin, sources: usualSources, remove: async () => undefined };
  }
  const folder = await mkdtemp(join(tmpdir(), 'marquee-binaries-'));
  const bin = join(await copyBinaries(packaged, folder), 'bin');
  return {
    bin,
    sources: { packaged: async () => undefined, folders: async () => [bin] },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The pid of the server in a DATA_DIR, as PostgreSQL noted it; undefined when it does not run. */
export function postmasterPid(dataDir: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(dataDir, 'postgres/cluster/postmaster.pid'), 'utf8'), 10);
    return pidExists(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Runs one statement on a connection of its own. */
export async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Asks again and again until the answer comes without an error. */
export async function eventually<Result>(ask: () => Promise<Result>, withinMs: number): Promise<Result> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
