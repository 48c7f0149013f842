import type pg from 'pg';
import type { Log } from '../kit/log.js';
import type { Database } from './database.js';
import { enterProcess, leaveProcess, PROCESS_LOCK } from './processes.js';

/** Session-level advisory lock that every process of ours holds shared while it lives; any number will do that nobody else uses. */
const LOCK_KEY = 7_301_120_519;
const AGAIN_MS = 250;

/** What a process says of itself to the others. */
export interface Member {
  roles: readonly string[];
  /** Where screens reach its API; undefined when it has none. */
  apiBaseUrl: string | undefined;
}

/** Who works on this database: this process, for the others to see, and whether there are others. */
export class Members {
  /** The number of this process, from `enter` on. */
  id: number | null = null;
  private client: pg.Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly member: Member,
    private readonly log: Log,
  ) {}

  /**
   * Joins. Answers true, after `first` has been done, when nobody else is here: whoever held a lease is dead then, because the database
   * lets go of a lock with the connection that held it. Others who join meanwhile wait for `first`.
   */
  async enter(first: () => Promise<void>): Promise<boolean> {
    const client = await this.connect();
    const { rows } = await client.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [LOCK_KEY]);
    const alone = rows[0]?.alone === true;
    if (alone) {
      await this.database.run(leaveProcess, { id: null });
      await first();
    }
    await this.show(client);
    if (alone) await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]);
    return alone;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    // Else it is missed, and forgotten then.
    if (this.id !== null)
      await this.database
        .run(leaveProcess, { id: this.id })
        .catch((error: unknown) => this.log.debug({ err: error }, 'this process is left to be missed'));
    await this.client?.end();
  }

  private async show(client: pg.Client): Promise<void> {
    await client.query('select pg_advisory_lock_shared($1)', [LOCK_KEY]);
    const { roles, apiBaseUrl = null } = this.member;
    const [entered] = await this.database.run(enterProcess, { id: this.id, roles: [...roles], apiBaseUrl });
    this.id = entered?.id ?? null;
    await client.query('select pg_advisory_lock($1, $2)', [PROCESS_LOCK, this.id]);
  }

  private async connect(): Promise<pg.Client> {
    const client = await this.database.dedicatedClient();
    if (this.stopped) await client.end();
    else this.client = client;
    client.once('end', () => this.comeBack());
    return client;
  }

  /** A process that is not counted any more costs its claims, never a delivery, should another start meanwhile. */
  private comeBack(): void {
    if (this.stopped) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      this.connect()
        .then((client) => this.show(client))
        .catch((error: unknown) => {
          this.log.debug({ err: error }, 'not counted among the processes of this database yet');
          this.comeBack();
        });
    }, AGAIN_MS);
  }
}
