import { createHash, randomBytes } from 'node:crypto';
import { access, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';
import { type Account, canEnter, chooseIds } from './account.js';
import { makeFolder, writeWhole } from '../../kit/files.js';
import { type Layout, layoutAt } from './layout.js';

/** Where a cluster goes whose account cannot get into DATA_DIR in any way. */
const OUTSIDE = '/var/lib/marquee';

/** An account, and a layout whose cluster and binaries that account can reach. */
export interface Settled {
  readonly account: Account;
  readonly layout: Layout;
}

/**
 * Makes DATA_DIR and finds the account for the server. As root that is nobody, who may not be able to enter DATA_DIR (under
 * a home of mode 0700): then it gets the one capability to pass through closed folders, and where that cannot be given
 * (a container without it) the cluster lies under /var/lib/marquee. Either is said in one line.
 *
 * @throws StartError when none of these works; the file system's error when DATA_DIR cannot be written.
 */
export async function settle(layout: Layout, log: Log, outside = OUTSIDE): Promise<Settled> {
  await makeFolder(layout.home);
  const ids = await chooseIds(layout.cluster);
  const plain = { ids, throughClosedFolders: false };
  if (ids === undefined) return { account: plain, layout };
  // The server's account has to get through; what is secret in here is closed by itself.
  await chmod(layout.home, 0o755);
  if (await canEnter(plain, layout.place)) return { account: plain, layout };
  const passing = { ids, throughClosedFolders: true };
  if (await canEnter(passing, layout.place)) {
    log.info(`PostgreSQL runs as user ${ids.uid} with CAP_DAC_READ_SEARCH, since that user cannot enter DATA_DIR (${layout.dataDir})`);
    return { account: passing, layout };
  }
  if (await exists(layout.cluster)) {
    throw new StartError(
      `user ${ids.uid}, who owns the database in DATA_DIR (${layout.dataDir}), cannot enter that folder: open it (chmod o+x on the path), or set DATA_DIR to another folder`,
    );
  }
  return { account: plain, layout: await settleOutside(layout, plain, log, outside) };
}

async function settleOutside(layout: Layout, account: Account, log: Log, outside: string): Promise<Layout> {
  const digest = createHash('sha256').update(layout.dataDir).digest('hex').slice(0, 8);
  // Random too: when DATA_DIR is removed, its successor must not find the old rows.
  const place = join(outside, `${digest}-${randomBytes(4).toString('hex')}`);
  await makeFolder(place);
  await chmod(outside, 0o755);
  await chmod(place, 0o755);
  if (!(await canEnter(account, place))) {
    throw new StartError(
      `the user of the database cannot enter DATA_DIR (${layout.dataDir}): set DATA_DIR to a folder that every user can enter, or set DATABASE_URL`,
    );
  }
  await writeWhole(layout.placeFile, `${place}\n`, 0o644);
  log.info(`the database lies in ${place}, since its user cannot enter DATA_DIR (${layout.dataDir})`);
  return layoutAt(layout, place);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
