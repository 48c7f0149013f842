import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../kit/errors.js';
import { makeFolder, writeWhole } from '../kit/files.js';
import type { Log } from '../kit/log.js';
import { identify, isAlive, type ProcessIdentity, pidSpace } from '../kit/processes/process-identity.js';
import { inTurn } from '../kit/processes/turn.js';

/** Where the embedded broker of a DATA_DIR listens. */
export interface BrokerPlace {
  /** As it was bound: an address that means every interface is reached by loopback. */
  readonly host: string;
  readonly port: number;
  readonly wsPort: number;
  readonly tls: boolean;
}

/** The process that runs the broker, and where. */
export interface Seated extends BrokerPlace {
  readonly process: ProcessIdentity;
  /** Which database it works on; not known of one of an earlier release. */
  readonly database?: string | undefined;
}

/**
 * The right to run the embedded broker of a DATA_DIR: at most one living process has it, and it is free again in the moment in which
 * that process dies, however it does. It rests on the operating system alone, so a database that restarts moves no broker. A process
 * that is stopped (SIGSTOP) lives.
 *
 * Processes of another container or machine are not seen, as their ports are not: each of them has a seat of its own on a shared folder.
 */
export class BrokerSeat {
  private readonly folder: string;
  private readonly file: string;
  private mine: Seated | undefined;

  constructor(
    dataDir: string,
    private readonly log: Log,
  ) {
    this.folder = join(dataDir, 'broker');
    this.file = join(this.folder, `run-${pidSpace}.json`);
  }

  /** Who has it now; undefined when nobody that lives does. */
  async holder(): Promise<Seated | undefined> {
    const seated = await this.read();
    return seated !== undefined && (await isAlive(seated.process)) ? seated : undefined;
  }

  /**
   * Takes the seat if it is free: `open` is run while nobody else can, and answers where the broker listens then. False when somebody
   * else has it. When `open` throws, nothing is taken.
   */
  async take(open: () => Promise<BrokerPlace & Pick<Seated, 'database'>>): Promise<boolean> {
    return await inTurn(join(this.folder, 'turns'), async () => {
      if ((await this.holder()) !== undefined) return false;
      const place = await open();
      const self = (await identify(process.pid)) ?? { pid: process.pid, started: '' };
      this.mine = { ...place, process: self };
      // On a full disk the broker runs all the same; a process that joins later finds its ports taken and says so.
      await this.write(this.mine).catch((error: unknown) =>
        this.log.warn({ reason: reasonOf(error) }, 'where the broker listens could not be written for other processes on this DATA_DIR'),
      );
      return true;
    });
  }

  /** Gives the seat up, once the ports are closed and all that the broker took is written. Never throws. */
  async leave(): Promise<void> {
    if (this.mine === undefined) return;
    this.mine = undefined;
    await rm(this.file, { force: true }).catch((error: unknown) =>
      this.log.debug({ reason: reasonOf(error) }, 'the seat of the broker is free when this process has ended'),
    );
  }

  private async read(): Promise<Seated | undefined> {
    try {
      const value: unknown = JSON.parse(await readFile(this.file, 'utf8'));
      return isSeated(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  private async write(seated: Seated): Promise<void> {
    await makeFolder(this.folder);
    await writeWhole(this.file, `${JSON.stringify(seated)}\n`, 0o600);
  }
}

function isSeated(value: unknown): value is Seated {
  const seated = value as Partial<Seated> | null;
  return (
    typeof seated?.host === 'string' &&
    Number.isInteger(seated.port) &&
    Number.isInteger(seated.wsPort) &&
    typeof seated.tls === 'boolean' &&
    Number.isInteger(seated.process?.pid) &&
    typeof seated.process?.started === 'string'
  );
}
