import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { CreateCampaignInput, CreatedCampaign } from '@marquee/contracts';
import { expect } from 'vitest';
import { createTestDatabase, type TestDatabase } from './database.js';
import { type ServerOptions, ServerProcess } from './server-process.js';
import { TestScreen, type TestScreenOptions } from './test-screen.js';

/** What is waited for in a test, at a tenth of its time. */
const IMPATIENT = { RECONCILE_INTERVAL_MS: '100', PRESENCE_WAIT_MS: '50' };

/** What a flow plays with: one process on a database of its own, screens, and SQL as an outside report would use it. */
export class Flow {
  private readonly screens: TestScreen[] = [];

  private constructor(
    readonly database: TestDatabase,
    private readonly client: pg.Client,
    /** Another one after a restart. */
    public server: ServerProcess,
    private readonly options: ServerOptions,
  ) {}

  /** `route` leads the server to its database by another way than the test goes. */
  static async start(more: Record<string, string> = {}, route = async (url: string): Promise<string> => url): Promise<Flow> {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    // Tests that end sessions end this one as well.
    client.on('error', () => undefined);
    await client.connect();
    const dataDir = await mkdtemp(join(tmpdir(), 'marquee-flow-'));
    const options = { dataDir, databaseUrl: await route(database.url), environment: { ...IMPATIENT, ...more } };
    const server = await ServerProcess.start(options).catch(async (error: unknown) => {
      await client.end();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
      throw error;
    });
    return new Flow(database, client, server, options);
  }

  get http(): ServerProcess['http'] {
    return this.server.http;
  }

  async sql<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.client.query<Row>(text, values)).rows;
  }

  async screen(deviceId: string, options?: TestScreenOptions): Promise<TestScreen> {
    const screen = await TestScreen.connect(this.server.mqttUrl, deviceId, options);
    this.screens.push(screen);
    return screen;
  }

  /** Registers screens without connecting them. */
  async register(...deviceIds: string[]): Promise<void> {
    await this.sql('insert into devices (device_id) select unnest($1::text[])', [deviceIds]);
  }

  /** Creates a campaign that must be taken. */
  async create(body: Partial<CreateCampaignInput> = {}): Promise<CreatedCampaign> {
    const answer = await this.http.post('/campaigns', campaignBody(this.server.url, body));
    expect(answer.status, answer.text).toBe(201);
    return answer.json() as CreatedCampaign;
  }

  /** Stops the process in good order and starts another on the same database and folder. */
  async restart(): Promise<void> {
    await this.server.stop();
    await this.revive();
  }

  /** Starts another process on the same database and folder, when this one has ended. */
  async revive(): Promise<void> {
    this.server = await ServerProcess.start(this.options);
  }

  async stop(): Promise<void> {
    for (const screen of this.screens) await screen.close();
    try {
      await this.server.stop();
    } finally {
      await this.client.end();
      await this.database.drop();
      await rm(this.server.dataDir, { recursive: true, force: true });
    }
  }
}

/** A campaign that starts now and ends in an hour; its asset is one that needs no fetching, kept or not. */
export function campaignBody(base: string, more: Partial<CreateCampaignInput> = {}): CreateCampaignInput {
  const now = Date.now();
  return {
    name: 'A campaign',
    startAt: now,
    expireAt: now + 3_600_000,
    assets: [{ assetType: 'image', url: `${base}/assets/${'0'.repeat(64)}` }],
    idempotencyKey: randomUUID(),
    ...more,
  };
}
