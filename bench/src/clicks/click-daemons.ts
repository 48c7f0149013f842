import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RabbitServer, RedisServer } from '@marquee/testing';
import pg from 'pg';
import type { DatabaseMethods } from '../children/database.js';
import { until } from '../processes.js';
import { Remote } from '../remote.js';
import type { Scratch } from '../scratch.js';
import { SECRET } from './click-token.js';

const BACK_MS = 60_000;

/** What clicks stand on beside their server: a RabbitMQ, a Redis and a PostgreSQL of the bench's own, each of which can be stopped. */
export class ClickDaemons {
  private databases = 0;
  private bare: Promise<void> | undefined;

  private constructor(
    readonly rabbit: RabbitServer,
    readonly redis: RedisServer,
    readonly database: ClickDatabase,
  ) {}

  static async start(scratch: Scratch): Promise<ClickDaemons> {
    const [rabbit, redis, database] = await Promise.all([
      RabbitServer.start().then((server) => {
        scratch.defer(() => server.remove());
        return server;
      }),
      RedisServer.start().then((server) => {
        scratch.defer(() => server.remove());
        return server;
      }),
      ClickDatabase.start(scratch),
    ]);
    return new ClickDaemons(rabbit, redis, database);
  }

  /** Where bare libraries publish: a virtual host of their own, so that no server counts it. */
  async bareUrl(): Promise<string> {
    this.bare ??= (async () => {
      await this.rabbit.control('add_vhost', 'bare');
      await this.rabbit.control('set_permissions', '-p', 'bare', 'guest', '.*', '.*', '.*');
    })();
    await this.bare;
    return `${this.rabbit.url}/bare`;
  }

  /** For a server of clicks, with an empty database. */
  async environment(ack: 'accepted' | 'durable'): Promise<Record<string, string>> {
    this.databases += 1;
    const name = `clicks_${this.databases}`;
    await sql(this.database.url, `create database ${name}`);
    const url = new URL(this.database.url);
    url.pathname = `/${name}`;
    return { AMQP_URL: this.rabbit.url, REDIS_URL: this.redis.url, DATABASE_URL: url.href, JWT_SECRET: SECRET, CLICK_ACK: ack };
  }
}

/** A PostgreSQL that is away when it shall be. */
export class ClickDatabase {
  private constructor(
    readonly url: string,
    private readonly holderPid: number,
    private readonly serverPid: () => Promise<number>,
  ) {}

  static async start(scratch: Scratch): Promise<ClickDatabase> {
    const holder = new Remote<DatabaseMethods>(scratch, 'database.js');
    const dataDir = join(scratch.folder, 'database');
    await mkdir(dataDir);
    const { url, holderPid } = await holder.call('start', dataDir);
    scratch.defer(() => {
      process.kill(holderPid, 'SIGCONT');
      return holder.call('stop', null);
    });
    return new ClickDatabase(url, holderPid, async () => (await holder.call('start', dataDir)).serverPid);
  }

  /** Ends it as an operator does (fast), and sees to it that nobody starts it again. */
  async halt(): Promise<void> {
    const pid = await this.serverPid();
    process.kill(this.holderPid, 'SIGSTOP');
    process.kill(pid, 'SIGINT');
    await until('the database to be gone', BACK_MS, async () => !(await this.answers()));
  }

  /** Resolves when it answers again, on the same port. */
  async run(): Promise<void> {
    process.kill(this.holderPid, 'SIGCONT');
    await until('the database', BACK_MS, () => this.answers());
  }

  private async answers(): Promise<boolean> {
    return await sql(this.url, 'select 1').then(
      () => true,
      () => false,
    );
  }
}

export async function sql<Row extends pg.QueryResultRow>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  // One that is ended from the other side while it is idle.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}
