import { setTimeout as delay } from 'node:timers/promises';
import { realpath, rm } from 'node:fs/promises';
import pg from 'pg';
import { errorCode, StartError } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';
import type { Account } from './account.js';
import { type BinarySources, findBinaries } from './binaries.js';
import { clusterMajor, configure, createCluster, DATABASE, renewPassword, ROLE } from './cluster.js';
import { removeOtherCopies } from './copy-binaries.js';
import type { Layout } from './layout.js';
import { readPassword } from './password.js';
import { findPostmaster, type Postmaster } from './pid-file.js';
import { isAlive } from '../../kit/processes/process-identity.js';
import { isPortFree, portsFor } from './ports.js';
import { becomesReady, halt, launch, LaunchError } from './postmaster.js';
import { readRunFile } from './run-file.js';
import { serverSettings } from './settings.js';
import { diskFull } from './start-failures.js';

export interface ServerOptions {
  readonly layout: Layout;
  readonly account: Account;
  readonly sources: BinarySources;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** How long a start is repeated while the port or the remains of a killed server are in its way, ms. */
const INSIST_MS = 15_000;

/** The PostgreSQL of one DATA_DIR. Every method is to be called in one's turn only. */
export class Server {
  constructor(private readonly options: ServerOptions) {}

  /** The server that runs and takes connections; one that is ending is waited for. */
  async running(): Promise<Postmaster | undefined> {
    const { layout, log } = this.options;
    const found = await findPostmaster(layout);
    if (found === undefined || !(await becomesReady(layout, found.identity, log))) return undefined;
    return found;
  }

  /**
   * Starts the server, making the cluster when there is none.
   *
   * @param port the one to use when others have pools open on it; absent, the last one or a free one.
   * @throws StartError with the sentence for the person at the terminal.
   */
  async start(port?: number): Promise<Postmaster> {
    const { layout, account, sources, log, settings } = this.options;
    const existing = await clusterMajor(layout);
    const binaries = await findBinaries(sources, layout.binaries, account, existing, log);
    if (existing === undefined) await createCluster(layout, binaries, account);
    else if ((await readPassword(layout.password)) === undefined) await renewPassword(layout, binaries, account);
    await configure(layout, account, await serverSettings(layout.cluster, binaries.major, settings));
    const postmaster = await this.insist(port, (chosen) => launch(layout, binaries, account, chosen, log));
    await removeOtherCopies(layout.binaries, binaries.postgres);
    return postmaster;
  }

  /**
   * Brings a server that died back for those who have pools open on it, unless somebody did so already.
   *
   * @throws StartError when it cannot be, or when what is in DATA_DIR now is not what they are connected to.
   */
  async revive(port: number, url: string): Promise<Postmaster> {
    const { layout } = this.options;
    const found = await this.running();
    if (found === undefined && (await clusterMajor(layout)) === undefined) {
      throw new StartError(`DATA_DIR (${layout.dataDir}) was removed while its database was in use: start again`);
    }
    const postmaster = found ?? (await this.start(port));
    if ((await this.url(postmaster)) === url) return postmaster;
    throw new StartError(`DATA_DIR (${layout.dataDir}) holds another database than the one that was in use: start again`);
  }

  /** Stops what runs in DATA_DIR, or what is known to have run there when the folder is gone, and answers when it is gone. */
  async stop(known?: Postmaster): Promise<void> {
    const { layout, log } = this.options;
    const postmaster = (await findPostmaster(layout)) ?? known;
    if (postmaster !== undefined && (await isAlive(postmaster.identity))) await halt(postmaster.identity, log);
  }

  /** The URL that applications connect with. */
  async url(postmaster: Postmaster): Promise<string> {
    return connectionUrl(postmaster.port, (await readPassword(this.options.layout.password)) ?? '');
  }

  /** Connects as an application does. False when the password is not the server's; throws when it is not the server of this folder. */
  async answers(postmaster: Postmaster): Promise<boolean> {
    const { layout } = this.options;
    if ((await readPassword(layout.password)) === undefined) return false;
    const client = new pg.Client({
      connectionString: await this.url(postmaster),
      connectionTimeoutMillis: 20_000,
      application_name: 'marquee start',
    });
    try {
      await client.connect();
      const { rows } = await client.query<{ folder: string }>("select current_setting('data_directory') as folder");
      if (rows[0]?.folder === (await realpath(layout.cluster))) return true;
    } catch (error) {
      if (errorCode(error) === '28P01') return false;
      // Full of connections: it knows us, it only has no place left.
      if (errorCode(error) === '53300') return true;
      throw error;
    } finally {
      await client.end();
    }
    throw new StartError(
      `another database answers on port ${postmaster.port} instead of the one in DATA_DIR (${layout.dataDir}): stop it, or set DATABASE_URL`,
    );
  }

  /** Starts it with a new password, the old one being lost. */
  async restartWithNewPassword(): Promise<Postmaster> {
    await this.stop();
    await rm(this.options.layout.password, { force: true });
    return await this.start();
  }

  private async insist(fixed: number | undefined, attempt: (port: number) => Promise<Postmaster>): Promise<Postmaster> {
    const until = performance.now() + INSIST_MS;
    const taken = new Set<number>();
    for (;;) {
      const port = fixed ?? (await this.freePort(taken));
      try {
        return await attempt(port);
      } catch (error) {
        if (!(error instanceof LaunchError)) throw error;
        const passing = error.failure === 'port' || error.failure === 'remains';
        if (!passing || performance.now() > until) throw this.sentence(error, port);
        if (error.failure === 'port') taken.add(port);
        await delay(100);
      }
    }
  }

  private async freePort(taken: ReadonlySet<number>): Promise<number> {
    const { layout } = this.options;
    const last = (await readRunFile(layout))?.port;
    for (const port of [...(last === undefined ? [] : [last]), ...portsFor(layout.dataDir)]) {
      if (!taken.has(port) && (await isPortFree(port))) return port;
    }
    throw new StartError('no free port was found for the database on 127.0.0.1: set DATABASE_URL to a PostgreSQL that runs');
  }

  private sentence(error: LaunchError, port: number): StartError {
    const { dataDir, serverLog } = this.options.layout;
    if (error.failure === 'disk') return diskFull(dataDir);
    if (error.failure === 'port')
      return new StartError(
        `port ${port}, on which the database in DATA_DIR (${dataDir}) is in use, is taken by another program: stop that one`,
      );
    return new StartError(`the database in DATA_DIR (${dataDir}) does not start (${error.message}): see ${serverLog}`);
  }
}

export function connectionUrl(port: number, password: string): string {
  return `postgresql://${ROLE}:${encodeURIComponent(password)}@127.0.0.1:${port}/${DATABASE}`;
}
