import type pg from 'pg';
import type { Log } from '../kit/log.js';
import type { Database } from './database.js';

/** Session-level advisory lock that every process of ours holds shared while it lives; any number will do that nobody else uses. */
const LOCK_KEY = 7_301_120_519;
const AGAIN_MS = 1000;

/** Who else works on this database. */
export class Members {
  private client: pg.Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly database: Database,
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
    if (alone) await first();
    await client.query('select pg_advisory_lock_shared($1)', [LOCK_KEY]);
    if (alone) await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]);
    return alone;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    await this.client?.end();
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
        .then((client) => client.query('select pg_advisory_lock_shared($1)', [LOCK_KEY]))
        .catch((error: unknown) => {
          this.log.debug({ err: error }, 'not counted among the processes of this database yet');
          this.comeBack();
        });
    }, AGAIN_MS);
  }
}
