import { StartError } from '../kit/errors.js';
import { type Log, silentLog } from '../kit/log.js';
import { type BinarySources, usualSources } from './embedded/binaries.js';
import { removeUnfinished } from '../kit/files.js';
import { Holding } from './embedded/holding.js';
import { type Layout, readLayout } from './embedded/layout.js';
import { readPassword } from './embedded/password.js';
import type { Postmaster } from './embedded/pid-file.js';
import { settle } from './embedded/place.js';
import { type Party, PresenceFolder } from '../kit/processes/presence.js';
import { isAlive } from '../kit/processes/process-identity.js';
import { readRunFile } from './embedded/run-file.js';
import { connectionUrl, Server } from './embedded/server.js';
import { asStartError } from './embedded/start-failures.js';
import { inTurn } from '../kit/processes/turn.js';

export interface EmbeddedPostgresOptions {
  /** DATA_DIR; made when it is not there. */
  dataDir: string;
  log?: Log | undefined;
  /** Server settings that replace ours, as in postgresql.conf. */
  settings?: Readonly<Record<string, string>> | undefined;
  /** Where to look for PostgreSQL; the npm package first, then the machine. */
  sources?: BinarySources | undefined;
  /** Where the cluster goes whose user cannot get into DATA_DIR in any way. */
  outside?: string | undefined;
}

export interface EmbeddedPostgres {
  /** Of the database `marquee`, with role and password. Stays the same until `stop`, also when the server had to be started again. */
  readonly url: string;
  /**
   * `started`: by this call. `joined`: another living process holds it too. `adopted`: it ran, but who had started it is dead.
   */
  readonly role: 'started' | 'joined' | 'adopted';
  /**
   * Lets go of the server; the last one who does stops it, ending sessions that are still open, and answers when it is gone.
   * Never throws. Calling it again answers the same.
   */
  stop(): Promise<void>;
}

/**
 * The PostgreSQL in DATA_DIR, ready to be connected to: made, started, joined or adopted as the case may be, and started again
 * on the same port when it dies, until `stop`. Any number of processes may do this at the same time on one folder.
 *
 * @throws StartError with one sentence that names the setting: a full disk, a folder that cannot be written, a cluster of
 * another major version, no PostgreSQL for this machine. What was half made is removed, and the same call works once the cause is gone.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const layout = await readLayout(options.dataDir);
  try {
    return await inTurn(layout.turns, () => enter(options));
  } catch (error) {
    throw asStartError(error, layout.dataDir);
  }
}

/** The URL of the server that runs in DATA_DIR, or undefined when none does. Holds nothing: the server may end at any time. */
export async function readEmbeddedUrl(dataDir: string): Promise<string | undefined> {
  const layout = await readLayout(dataDir);
  const run = await readRunFile(layout);
  if (run === undefined || !(await isAlive(run.postmaster))) return undefined;
  const password = await readPassword(layout.password);
  return password === undefined ? undefined : connectionUrl(run.port, password);
}

async function enter(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log = silentLog, sources = usualSources, settings = {}, outside } = options;
  const { layout, account } = await settle(await readLayout(options.dataDir), log, outside);
  await Promise.all([layout.home, layout.place, layout.cluster, layout.binaries].map(removeUnfinished));
  const holders = new PresenceFolder(layout.holders);
  const others = await holders.living();
  if (others.some((party) => party.elsewhere)) throw inUseElsewhere(layout);
  const server = new Server({ layout, account, sources, settings, log });
  const holder = await holders.enter();
  try {
    const found = await server.running();
    const started = found ?? (await server.start(await portInUse(layout, others)));
    const postmaster = await withItsPassword(server, started, layout, others);
    const role = found === undefined ? 'started' : others.length > 0 ? 'joined' : 'adopted';
    const url = await server.url(postmaster);
    log.info(`PostgreSQL ${role} (process ${postmaster.identity.pid}, port ${postmaster.port}) in ${layout.place}`);
    const holding = new Holding({ server, postmaster, url, dataDir: layout.dataDir, turns: layout.turns, holders, holder, log });
    return { url, role, stop: () => holding.end() };
  } catch (error) {
    await holder.leave();
    // Nobody would hold a server that runs on.
    if (others.length === 0) await server.stop();
    throw error;
  }
}

/** The port that the pools of other processes are open on, when the server died under them. */
async function portInUse(layout: Layout, others: readonly Party[]): Promise<number | undefined> {
  return others.length === 0 ? undefined : (await readRunFile(layout))?.port;
}

/** The same server once it is known that the password in our file is its own; started with a new one when that was lost. */
async function withItsPassword(server: Server, postmaster: Postmaster, layout: Layout, others: readonly Party[]): Promise<Postmaster> {
  if (await server.answers(postmaster)) return postmaster;
  if (others.length > 0) {
    const pids = others.map((party) => party.pid).join(', ');
    throw new StartError(
      `the database's password in DATA_DIR (${layout.dataDir}) was lost or changed: stop the other processes that use it (${pids}) and start again`,
    );
  }
  const restarted = await server.restartWithNewPassword();
  if (await server.answers(restarted)) return restarted;
  throw new StartError(`the database in DATA_DIR (${layout.dataDir}) does not take its password: see ${layout.serverLog}`);
}

function inUseElsewhere(layout: Layout): StartError {
  return new StartError(
    `DATA_DIR (${layout.dataDir}) is in use in another container or on another machine: set DATABASE_URL to a PostgreSQL that both can reach`,
  );
}
