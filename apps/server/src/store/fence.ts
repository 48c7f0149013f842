import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Clock } from '../kit/clock.js';
import { errorCode, reasonOf } from '../kit/errors.js';
import type { Database } from './database.js';

export interface FenceOptions {
  /** D: no send starts later than this after its lock was asked for, ms. */
  deadlineMs: number;
  /** K > D: PostgreSQL ends the session of a holder that has been silent for this long, ms. */
  idleMs: number;
  /** How long pause and cancel wait for the lock, ms. */
  waitMs: number;
}

/** A shared hold of a campaign's lock: while it lasts, pause and cancel of that campaign wait. */
export interface Hold {
  /** True while a send may start: before the deadline and with the lock's session alive; then false for good. Ask right before the first byte. */
  mayStart(): boolean;
  /** Gives the lock back; call it when everything that will start has started. Never throws. */
  release(): Promise<void>;
}

/** Who stands in the way of a pause or cancel: a database session that holds the campaign's lock. */
export interface Holder {
  pid: number;
  application: string;
  sinceMs: number;
}

export type BarrierResult<T> = { confirmed: true; read: T; forced: number } | { confirmed: false; holders: Holder[] };

const LOCK_NOT_AVAILABLE = '55P03';

/** Barriers of one process at the same time, each on a connection of its own; others wait their turn. */
export const BARRIERS_AT_ONCE = 4;

/**
 * The campaign's lock (docs/protocol: rules 2, 5, 8). Whoever is about to send holds it shared, in a transaction of its own
 * on a connection of its own, from before begin until its batch has started. Pause and cancel commit their flag, take it
 * exclusively, and read again: when they have it, nothing is between begin and start in any process.
 */
export class Fence {
  private barriersUnderWay = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    /** Connections for holders. Apart from the barriers', or waiting barriers could starve the holders they wait for. */
    private readonly holders: Database,
    private readonly barriers: Database,
    private readonly clock: Clock,
    private readonly options: FenceOptions,
  ) {}

  /** Takes the lock shared. Throws when the database cannot be reached: then nothing may be begun. */
  async hold(lockKey: number): Promise<Hold> {
    const client = await this.holders.borrow();
    // From before the lock is asked for: how long a connection had to be waited for takes nothing from it.
    const deadline = this.clock.monotonic() + this.options.deadlineMs;
    let alive = true;
    const lost = (): void => {
      alive = false;
    };
    client.on('error', lost);
    client.on('end', lost);
    const end = async (statement: 'commit' | undefined): Promise<void> => {
      const broken =
        statement === undefined ||
        !(await client.query(statement).then(
          () => alive,
          () => false,
        ));
      client.off('error', lost);
      client.off('end', lost);
      client.release(broken);
    };
    try {
      // One simple query, so one round trip: key and timeout are numbers of ours, not text from outside.
      await client.query(
        `begin; set local idle_in_transaction_session_timeout = ${Math.trunc(this.options.idleMs)}; ` +
          `select pg_advisory_xact_lock_shared(${BigInt(lockKey)})`,
      );
    } catch (error) {
      await end(undefined);
      throw error;
    }
    return { mayStart: () => alive && this.clock.monotonic() < deadline, release: () => end('commit') };
  }

  /**
   * Waits until nobody holds the lock and runs `read` while holding it exclusively. `confirmed: false` names the holders
   * when the lock did not come in time,
   * and nobody when it could not be asked for, since too many others wait for theirs: nothing new begins, but something begun may still start; ask again.
   * With `force` the holders' sessions are ended and counted in `forced`.
   */
  async barrier<T>(lockKey: number, read: () => Promise<T>, force = false): Promise<BarrierResult<T>> {
    if (!(await this.turn())) return { confirmed: false, holders: [] };
    try {
      return await this.passed(lockKey, read, force);
    } finally {
      this.leave();
    }
  }

  /** True when it is this barrier's turn, which `leave` ends; false when it did not come in time. */
  private async turn(): Promise<boolean> {
    if (this.barriersUnderWay < BARRIERS_AT_ONCE) {
      this.barriersUnderWay += 1;
      return true;
    }
    return await new Promise((resolve) => {
      const start = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(start), 1);
        resolve(false);
      }, this.options.waitMs);
      this.waiting.push(start);
    });
  }

  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.barriersUnderWay -= 1;
    else next();
  }

  private async passed<T>(lockKey: number, read: () => Promise<T>, force: boolean): Promise<BarrierResult<T>> {
    return await this.barriers.withClient(async (client) => {
      let forced = 0;
      for (let attempt = 0; ; attempt += 1) {
        const upMs = await this.lockExclusively(client, lockKey);
        if (upMs !== undefined) {
          try {
            await this.outliveRestart(upMs);
            return { confirmed: true as const, read: await read(), forced };
          } finally {
            await client.query('commit');
          }
        }
        const holders = await this.holdersOf(client, lockKey);
        if (!force || attempt > 0) return { confirmed: false as const, holders };
        for (const holder of holders) {
          await client.query('select pg_terminate_backend($1)', [holder.pid]);
          forced += 1;
        }
      }
    });
  }

  /** A restart of the database drops all locks: until D after it, who held one before may still start a send. */
  private async outliveRestart(upMs: number): Promise<void> {
    const left = this.options.deadlineMs - upMs;
    if (left > 0) await delay(left);
  }

  /** In one trip, which answers for how long the database had been up when it had the lock, ms; undefined when it did not come in time. */
  private async lockExclusively(client: pg.PoolClient, lockKey: number): Promise<number | undefined> {
    try {
      const answers: unknown = await client.query(
        `begin; set local lock_timeout = ${Math.trunc(this.options.waitMs)}; select pg_advisory_xact_lock(${BigInt(lockKey)}); ` +
          'select (extract(epoch from clock_timestamp() - pg_postmaster_start_time()) * 1000)::float8 as up_ms',
      );
      // One result for each statement, which the types of pg do not know.
      const [up] = (answers as pg.QueryResult<{ up_ms: number }>[]).at(-1)?.rows ?? [];
      return up?.up_ms ?? 0;
    } catch (error) {
      await client.query('rollback');
      if (errorCode(error) === LOCK_NOT_AVAILABLE) return undefined;
      throw new Error(`the campaign's lock could not be taken: ${reasonOf(error)}`, { cause: error });
    }
  }

  private async holdersOf(client: pg.PoolClient, lockKey: number): Promise<Holder[]> {
    const { rows } = await client.query<{ pid: number; application_name: string; since_ms: number }>(
      `select l.pid, a.application_name, (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::float8 as since_ms
       from pg_locks l join pg_stat_activity a using (pid)
       where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.mode = 'ShareLock'
         and l.database = (select oid from pg_database where datname = current_database())
         and ((l.classid::bigint << 32) | l.objid::bigint) = $1`,
      [lockKey],
    );
    return rows.map((row) => ({ pid: row.pid, application: row.application_name, sinceMs: Math.round(row.since_ms) }));
  }
}
