import type { ChildProcess } from 'node:child_process';
import { ROUTES } from '@marquee/contracts';
import { Api } from '../api.js';
import type { ClickClientMethods } from '../children/click-client.js';
import { AmqpTamper } from '../clicks/amqp-tamper.js';
import { type ClickDaemons, sql } from '../clicks/click-daemons.js';
import { clickTokens } from '../clicks/click-token.js';
import { killProcess, until } from '../processes.js';
import { Remote } from '../remote.js';
import type { Scratch } from '../scratch.js';
import { type ServerProcess, startServer } from '../server-process.js';

const READY_MS = 60_000;

/** One server that accepts and counts clicks, another that only counts (nobody asks it), and those who click. */
export class ClicksWorld {
  /** Of the second one; nobody clicks there. */
  private counter: ServerProcess | undefined;

  private constructor(
    private readonly scratch: Scratch,
    private readonly environment: Record<string, string>,
    readonly daemons: ClickDaemons,
    readonly tamper: AmqpTamper,
    /** Another process after a restart. */
    private server: ServerProcess,
    readonly client: Remote<ClickClientMethods>,
  ) {}

  static async create(scratch: Scratch, daemons: ClickDaemons, ack: 'accepted' | 'durable'): Promise<ClicksWorld> {
    const tamper = await AmqpTamper.before(daemons.rabbit.port);
    scratch.defer(() => tamper.close());
    const environment = { ...(await daemons.environment(ack)), AMQP_URL: tamper.url };
    const server = await startServer(scratch, { ...environment, ROLES: 'api,clicks' });
    const client = new Remote<ClickClientMethods>(scratch, 'click-client.js');
    await client.call('open', { origin: server.api, path: ROUTES.adClicks, tokens: clickTokens(), repeats: true });
    return new ClicksWorld(scratch, environment, daemons, tamper, server, client);
  }

  get url(): string {
    return this.server.api;
  }

  async killServer(): Promise<void> {
    await this.server.kill();
    this.server = await startServer(this.scratch, { ...this.environment, ROLES: 'api,clicks' }, this.server.place);
  }

  /** Another process takes a part of what is to be counted. */
  async startCounter(): Promise<ChildProcess> {
    this.counter = await startServer(this.scratch, { ...this.environment, ROLES: 'clicks' });
    return this.counter.child;
  }

  async killCounter(): Promise<void> {
    if (this.counter !== undefined) await killProcess(this.counter.child);
  }

  /** Resolves when the server says that it is ready, with what it stands on. */
  async ready(): Promise<void> {
    const api = new Api(this.server.api);
    await until('the server', READY_MS, () => api.isReady());
  }

  async sql<Row extends Record<string, unknown>>(text: string): Promise<Row[]> {
    return await sql<Row>(this.environment['DATABASE_URL'] ?? '', text);
  }

  async stop(): Promise<void> {
    await this.client.call('close', null);
    await this.client.end();
    await Promise.all([this.server.stop(), this.counter?.stop()]);
    await this.tamper.close().catch(() => undefined);
  }
}
