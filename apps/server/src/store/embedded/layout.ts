import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Where everything of the embedded server lies. */
export interface Layout {
  /** DATA_DIR as an absolute path. */
  readonly dataDir: string;
  /** Files of ours: turns, holders, run file, password, the server's log. */
  readonly home: string;
  readonly turns: string;
  readonly holders: string;
  readonly runFile: string;
  readonly password: string;
  readonly serverLog: string;
  /** Holds the path of `place` when that is outside DATA_DIR. */
  readonly placeFile: string;
  /** Files that the server's account must reach: cluster and binaries. `home`, unless that account cannot enter it. */
  readonly place: string;
  readonly cluster: string;
  readonly binaries: string;
}

/** The layout under a DATA_DIR, with the place that was chosen when the cluster was made. */
export async function readLayout(dataDir: string): Promise<Layout> {
  const root = resolve(dataDir);
  const home = join(root, 'postgres');
  const placeFile = join(home, 'place');
  const elsewhere = await readFile(placeFile, 'utf8').catch(() => '');
  const base = {
    dataDir: root,
    home,
    turns: join(home, 'turns'),
    holders: join(home, 'holders'),
    runFile: join(home, 'run.json'),
    password: join(home, 'password'),
    serverLog: join(home, 'server.log'),
    placeFile,
  };
  return layoutAt(base, elsewhere.trim() === '' ? home : elsewhere.trim());
}

/** The same layout with cluster and binaries in another place. */
export function layoutAt(layout: Omit<Layout, 'place' | 'cluster' | 'binaries'>, place: string): Layout {
  return { ...layout, place, cluster: join(place, 'cluster'), binaries: join(place, 'binaries') };
}
