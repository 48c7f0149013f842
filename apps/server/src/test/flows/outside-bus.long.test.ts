import { randomUUID } from 'node:crypto';
import type { CampaignDetail, CreatedCampaign } from '@marquee/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BUS_ENGINES } from '../support/bus-engines.js';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { HookReceiver, takes } from '../support/hook-receiver.js';
import { mostWithin } from '../support/rates.js';
import { ServerProcess } from '../support/server-process.js';

const CONTACTS = 3000;
/** Contacts of the campaigns that are about less. */
const FEW = 600;
/** What a receiver takes: so long that something is always on its way. */
const ANSWER_MS = 100;
/** A busy machine takes its time. */
const PATIENT_MS = 120_000;

interface Engine {
  url: string;
  halt(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  run(): Promise<void>;
  remove(): Promise<void>;
}

/** A server that claims, and two workers that send, with an outside bus between them. */
class World {
  readonly workers: ServerProcess[] = [];

  private constructor(
    readonly engine: Engine,
    readonly flow: Flow,
    readonly receiver: HookReceiver,
    private readonly environment: Record<string, string>,
  ) {}

  static async start(engine: Engine): Promise<World> {
    // What a Redis forgets that is killed waits for its lease.
    const environment = { BUS_URL: engine.url, WEBHOOK_CONNECTIONS: '64', DISPATCH_BATCH: '100', CLAIM_LEASE_MS: '5000' };
    const flow = await Flow.start({ ...environment, ROLES: 'api,dispatch,gateway' });
    const receiver = await HookReceiver.start();
    receiver.behave = (post, response) => void setTimeout(() => takes(post, response), ANSWER_MS);
    const world = new World(engine, flow, receiver, environment);
    for (let worker = 0; worker < 2; worker += 1) world.workers.push(await world.worker());
    const lines = Array.from({ length: CONTACTS }, (_, index) => JSON.stringify({ id: `c${index}`, tags: index < FEW ? ['few'] : [] }));
    await flow.http.post('/contacts/import', `${lines.join('\n')}\n`, { 'content-type': 'application/x-ndjson' });
    return world;
  }

  async worker(): Promise<ServerProcess> {
    const { dataDir, ports } = this.flow.server;
    const environment = { ...this.environment, ROLES: 'worker', MQTT_PORT: String(ports.mqtt), MQTT_WS_PORT: String(ports.ws) };
    return await ServerProcess.start({ dataDir, databaseUrl: this.flow.database.url, environment });
  }

  async dispatch(body: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.flow.http.post('/campaigns', {
      name: 'A campaign',
      idempotencyKey: randomUUID(),
      channel: 'webhook',
      audience: { all: true },
      content: { url: this.receiver.url },
      ...body,
    });
    expect(answer.status, answer.text).toBe(201);
    const { id } = answer.json() as CreatedCampaign;
    const dispatched = await this.flow.http.post(`/campaigns/${id}/dispatch`);
    expect(dispatched.status, dispatched.text).toBe(200);
    return id;
  }

  async campaign(id: string): Promise<CampaignDetail> {
    return (await this.flow.http.get(`/campaigns/${id}`)).json() as CampaignDetail;
  }

  /** Resolves when each of so many deliveries has succeeded, and nothing is claimed or on the bus any more. */
  async succeeded(id: string, count: number): Promise<void> {
    await eventually(
      async () =>
        expect(await this.campaign(id)).toMatchObject({ status: 'completed', counts: { SUCCESS: count, IN_PROGRESS: 0, SENDING: 0 } }),
      PATIENT_MS,
    );
    await eventually(async () => expect(await this.flow.sql('select from claims')).toEqual([]), PATIENT_MS);
    await eventually(
      async () => expect((await this.flow.http.get('/bus/status')).json()).toMatchObject({ connected: true, waiting: 0 }),
      PATIENT_MS,
    );
  }

  keys(): string[] {
    return this.receiver.posts.all.map((post) => String(post.headers['idempotency-key']));
  }

  async stop(): Promise<void> {
    for (const worker of this.workers) await worker.stop();
    await this.flow.stop();
    await this.receiver.stop();
    await this.engine.remove();
  }
}

describe.each(BUS_ENGINES)('deliveries by way of $kind', ({ kind, missing, start }) => {
  describe.skipIf(missing)('from one process to two others', () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start(await start());
    }, PATIENT_MS);
    afterAll(() => world.stop(), PATIENT_MS);
    beforeEach(() => {
      world.receiver.posts.all.splice(0);
    });

    test('come once each, though it is paused, resumed and the bus is killed in the middle', async () => {
      const { receiver, engine, flow } = world;
      const id = await world.dispatch();
      await receiver.posts.count(300);
      const paused = await flow.http.post(`/campaigns/${id}/pause?wait=10000`);
      expect(paused.json()).toMatchObject({ paused: true, draining: 0 });
      const sent = receiver.posts.all.length;
      await engine.halt('SIGKILL');
      await engine.run();
      expect(receiver.posts.all).toHaveLength(sent);
      expect((await flow.http.post(`/campaigns/${id}/resume`)).status).toBe(200);
      await receiver.posts.count(sent + 500);
      await engine.halt('SIGKILL');
      await eventually(
        async () => expect((await flow.http.get('/bus/status')).json()).toMatchObject({ kind, connected: false }),
        PATIENT_MS,
      );
      await engine.run();
      await world.succeeded(id, CONTACTS);
      const keys = world.keys();
      expect(new Set(keys).size).toBe(CONTACTS);
      expect(keys).toHaveLength(CONTACTS);
    });

    test('come each, though a worker is killed; what that one had not begun once', async () => {
      const { receiver, flow } = world;
      const id = await world.dispatch();
      await receiver.posts.count(500);
      await world.workers[0]?.kill();
      world.workers[0] = await world.worker();
      await world.succeeded(id, CONTACTS);
      const times = new Map<string, number>();
      for (const key of world.keys()) times.set(key, (times.get(key) ?? 0) + 1);
      expect(times.size).toBe(CONTACTS);
      const twice = [...times].filter(([, count]) => count > 1).map(([key]) => key);
      const doubted = await flow.sql<{ id: string }>('select id from deliveries where campaign_id = $1 and doubt', [id]);
      expect(doubted.map((row) => row.id)).toEqual(expect.arrayContaining(twice));
    });

    test('keep the rate of their campaign over both', async () => {
      const id = await world.dispatch({ audience: { tags: { any: ['few'] } }, rate: { perSecond: 150 } });
      await world.succeeded(id, FEW);
      expect(new Set(world.keys()).size).toBe(FEW);
      expect(world.receiver.posts.all).toHaveLength(FEW);
      const stamps = world.receiver.posts.all.map((post) => Number(post.headers['x-marquee-timestamp'])).sort((a, b) => a - b);
      expect(mostWithin(stamps, 1000)).toBeLessThanOrEqual(150);
    });
  });
});
