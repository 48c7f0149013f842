import { Socket } from 'node:net';
import pg from 'pg';
import { errorCode, ProblemError } from '../kit/errors.js';
import type { Log } from '../kit/log.js';
import type { Shape, Statement, ValuesOf } from './statement.js';

/** Whoever can run a statement: the pool, the replica, or one transaction. */
export interface Runner {
  /** Runs a statement; answers the rows it gives. */
  run<Takes extends Shape, Gives extends Shape>(statement: Statement<Takes, Gives>, args: ValuesOf<Takes>): Promise<ValuesOf<Gives>[]>;
}

export interface DatabaseOptions {
  url: string;
  /** For reads that may lag; the primary when absent. */
  readUrl?: string | undefined;
  poolSize: number;
  /** How many connections stay open however long nobody needs them; 0 when not given. */
  kept?: number;
  /** What its sessions are called; also who the log of deliveries says it was. */
  session?: string | undefined;
  log: Log;
  /** Told of each statement that ended. */
  observe?: (name: string, seconds: number, failed: boolean) => void;
}

export interface DedicatedOptions {
  signal?: AbortSignal | undefined;
  queryTimeoutMs?: number | undefined;
}

/** How long a connection may take to be made, ms. */
const CONNECT_MS = 10_000;

const DEADLOCK_DETECTED = '40P01';

/** int8 as a number: epoch ms, counts and sequences of ours stay below 2^53. */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);

/** SQLSTATE classes and system codes that mean "the server is not there now", not "the statement is wrong". */
const UNAVAILABLE = /^(08|57P0|53300|ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT)/;

/** True when the database could not be reached or is shutting down: the same call may succeed later. */
export function isUnavailable(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== undefined) return UNAVAILABLE.test(code);
  return error instanceof Error && /Connection terminated|timeout exceeded when trying to connect|connection ended/i.test(error.message);
}

/** True when a row with the same unique key was there first (SQLSTATE 23505). */
export function isUniqueViolation(error: unknown): boolean {
  return errorCode(error) === '23505';
}

/** True when the database's disk is full (SQLSTATE 53100). */
export function isDiskFull(error: unknown): boolean {
  return errorCode(error) === '53100';
}

/** PostgreSQL through a pool, named statements only. */
export class Database implements Runner {
  private readonly pool: pg.Pool;
  private readonly replica: pg.Pool | undefined;
  private readonly session: string;
  /** For reads that may be a little old: the replica where there is one. */
  readonly read: Runner;

  constructor(private readonly options: DatabaseOptions) {
    this.session = options.session ?? 'marquee';
    this.pool = this.createPool(options.url, options.poolSize);
    this.replica = options.readUrl === undefined ? undefined : this.createPool(options.readUrl, options.poolSize);
    const replica = this.replica;
    this.read = replica === undefined ? this : { run: (statement, args) => this.query(replica, statement, args) };
  }

  /** As every Runner; a statement that fell victim to a deadlock is run once more, since on its own it left nothing behind. */
  async run<Takes extends Shape, Gives extends Shape>(
    statement: Statement<Takes, Gives>,
    args: ValuesOf<Takes>,
  ): Promise<ValuesOf<Gives>[]> {
    try {
      return await this.query(this.pool, statement, args);
    } catch (error) {
      if (errorCode(error) !== DEADLOCK_DETECTED) throw error;
      return await this.query(this.pool, statement, args);
    }
  }

  /** Runs `work` in one transaction; rolled back when it throws. */
  async transaction<Result>(work: (runner: Runner) => Promise<Result>): Promise<Result> {
    return await this.withClient(async (client) => {
      await client.query('begin');
      try {
        const result = await work({ run: (statement, args) => this.query(client, statement, args) });
        await client.query('commit');
        return result;
      } catch (error) {
        await client
          .query('rollback')
          .catch((cause: unknown) => this.options.log.debug({ err: cause }, 'rollback failed; the connection is dropped'));
        throw error;
      }
    });
  }

  /** A connection of the pool's; the caller releases it. */
  borrow(): Promise<pg.PoolClient> {
    return this.pool.connect();
  }

  /** Lends a connection of the pool's; it is closed instead of returned when `work` throws. */
  async withClient<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.borrow();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /**
   * A connection outside the pool (LISTEN, long locks); the caller ends it. Rejects when there is none within 10 s. With `signal` it is cut
   * when that says so, also while it is being made; with `queryTimeoutMs` each query rejects when it has no answer by then.
   */
  async dedicatedClient({ signal, queryTimeoutMs }: DedicatedOptions = {}): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.options.url,
      types,
      application_name: this.session,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
      connectionTimeoutMillis: CONNECT_MS,
      ...(signal === undefined ? {} : { stream: () => new Socket({ signal }) }),
      ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    });
    client.on('error', (error) => this.options.log.debug({ err: error }, 'a dedicated connection was lost'));
    await client.connect();
    return client;
  }

  /** Resolves when every connection is closed. */
  async close(): Promise<void> {
    await Promise.all([this.pool.end(), this.replica?.end()]);
  }

  private createPool(connectionString: string, max: number): pg.Pool {
    const pool = new pg.Pool({
      connectionString,
      max,
      min: this.options.kept ?? 0,
      types,
      application_name: this.session,
      connectionTimeoutMillis: CONNECT_MS,
    });
    pool.on('error', (error) => this.options.log.warn({ reason: error.message }, 'an idle database connection was lost'));
    // A connection that dies while it is lent and silent has nobody else to tell; whoever holds it learns by its next query.
    pool.on('connect', (client) => client.on('error', (error) => this.options.log.debug({ err: error }, 'a database connection was lost')));
    return pool;
  }

  private async query<Takes extends Shape, Gives extends Shape>(
    on: pg.Pool | pg.PoolClient,
    statement: Statement<Takes, Gives>,
    args: ValuesOf<Takes>,
  ): Promise<ValuesOf<Gives>[]> {
    const started = performance.now();
    let failed = true;
    try {
      const values = statement.parameters.map((parameter) => args[parameter]);
      const result = await on.query<ValuesOf<Gives> & pg.QueryResultRow>({ name: statement.name, text: statement.sql, values });
      failed = false;
      return result.rows;
    } catch (error) {
      throw isDiskFull(error) ? new ProblemError('STORAGE_FULL', 'the database has no space left: free some on its disk') : error;
    } finally {
      this.options.observe?.(statement.name, (performance.now() - started) / 1000, failed);
    }
  }
}
