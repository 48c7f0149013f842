import { randomUUID } from 'node:crypto';
import type { CampaignDetail, CreatedCampaign } from '@marquee/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUS_ENGINES } from '../support/bus-engines.js';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { HookReceiver } from '../support/hook-receiver.js';
import { ServerProcess } from '../support/server-process.js';

const CONTACTS = 4000;
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
    const environment = { BUS_URL: engine.url, WEBHOOK_CONNECTIONS: '16', DISPATCH_BATCH: '50', CLAIM_LEASE_MS: '5000' };
    const flow = await Flow.start({ ...environment, ROLES: 'api,dispatch,gateway' });
    const world = new World(engine, flow, await HookReceiver.start(), environment);
    for (let worker = 0; worker < 2; worker += 1) world.workers.push(await world.worker());
    const lines = Array.from({ length: CONTACTS }, (_, index) => JSON.stringify({ id: `c${index}`, tags: index < 500 ? ['few'] : [] }));
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

  /** Exactly one post for each delivery, and nothing claimed or under way. */
  async expectOnce(id: string, count: number): Promise<void> {
    await eventually(
      async () =>
        expect(await this.campaign(id)).toMatchObject({ status: 'completed', counts: { SUCCESS: count, IN_PROGRESS: 0, SENDING: 0 } }),
      PATIENT_MS,
    );
    const keys = this.receiver.posts.all.map((post) => post.headers['idempotency-key']);
    expect(new Set(keys).size).toBe(count);
    expect(keys).toHaveLength(count);
    expect(await this.flow.sql('select from claims')).toEqual([]);
  }

  async stop(): Promise<void> {
    for (const worker of this.workers) await worker.stop();
    await this.flow.stop();
    await this.receiver.stop();
    await this.engine.remove();
  }
}

describe.each(BUS_ENGINES)('deliveries by way of $kind', ({ missing, start }) => {
  describe.skipIf(missing)('from one process to two others', () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start(await start());
    }, PATIENT_MS);
    afterAll(() => world.stop(), PATIENT_MS);

    test('come once each, though it is paused, resumed and the bus is killed in the middle', async () => {
      const { receiver, engine, flow } = world;
      const id = await world.dispatch();
      await receiver.posts.count(300);
      const paused = await flow.http.post(`/campaigns/${id}/pause?wait=5000`);
      expect(paused.json()).toMatchObject({ paused: true, draining: 0 });
      const sent = receiver.posts.all.length;
      await engine.halt('SIGKILL');
      await engine.run();
      expect(receiver.posts.all).toHaveLength(sent);
      expect((await flow.http.post(`/campaigns/${id}/resume`)).status).toBe(200);
      await receiver.posts.count(sent + 500);
      await engine.halt('SIGKILL');
      await engine.run();
      await world.expectOnce(id, CONTACTS);
    });
  });
});
