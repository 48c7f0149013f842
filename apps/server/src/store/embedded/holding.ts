import { reasonOf } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';
import type { Postmaster } from './pid-file.js';
import type { Presence, PresenceFolder } from '../../kit/processes/presence.js';
import type { Server } from './server.js';
import { asStartError } from './start-failures.js';
import { inTurn } from '../../kit/processes/turn.js';
import { Watcher } from './watcher.js';

export interface HoldingOptions {
  readonly server: Server;
  readonly postmaster: Postmaster;
  readonly url: string;
  readonly dataDir: string;
  readonly turns: string;
  readonly holders: PresenceFolder;
  readonly holder: Presence;
  readonly log: Log;
}

/** One process's hold on the server: while it lasts, the server is kept running; the last hold that ends stops it. */
export class Holding {
  private readonly watcher: Watcher;
  private ended: Promise<void> | undefined;

  constructor(private readonly options: HoldingOptions) {
    const { postmaster, log } = options;
    this.watcher = new Watcher({ postmaster, revive: () => this.revive(), log });
  }

  /** Never throws; the same answer to every caller. */
  end(): Promise<void> {
    this.ended ??= this.letGo();
    return this.ended;
  }

  private async revive(): Promise<Postmaster> {
    const { server, dataDir, postmaster, url, turns } = this.options;
    try {
      return await inTurn(turns, () => server.revive(postmaster.port, url));
    } catch (error) {
      throw asStartError(error, dataDir);
    }
  }

  private async letGo(): Promise<void> {
    const { turns, holder, log } = this.options;
    const postmaster = await this.watcher.stop();
    try {
      await inTurn(turns, () => this.leave(postmaster));
    } catch (error) {
      // No turn can be had on a full disk or in a folder that is gone. Whoever starts at this very moment has its own watcher.
      log.warn(`PostgreSQL is let go of without a turn: ${reasonOf(error)}`);
      await this.leave(postmaster);
    } finally {
      await holder.leave();
    }
  }

  private async leave(postmaster: Postmaster): Promise<void> {
    const { server, holder, holders, log } = this.options;
    await holder.leave();
    const others = await holders.living();
    if (others.length > 0) return;
    await server.stop(postmaster);
    log.info('PostgreSQL stopped');
  }
}
