import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CreateCampaignInput, CreatedCampaign } from '@marquee/contracts';
import { expect } from 'vitest';
import { Fleet } from '@marquee/simulator';
import { eventually } from './eventually.js';
import { campaignBody } from './flow.js';
import { freePort } from '@marquee/testing';
import { ServerProcess } from './server-process.js';

/** Several processes on one DATA_DIR, as a user starts them: each with a PORT of its own, all with the same MQTT ports. */
export class Processes {
  private readonly started: ServerProcess[] = [];
  private readonly fleets: Fleet[] = [];

  private constructor(
    readonly dataDir: string,
    private readonly mqtt: number,
    private readonly ws: number,
    private readonly environment: Record<string, string>,
  ) {}

  static async at(environment: Record<string, string> = {}): Promise<Processes> {
    const dataDir = await mkdtemp(join(tmpdir(), 'marquee-processes-'));
    return new Processes(dataDir, await freePort(), await freePort(), {
      RECONCILE_INTERVAL_MS: '100',
      PRESENCE_WAIT_MS: '50',
      OFFER_FIRST_MS: '2000',
      ...environment,
    });
  }

  /** Starts one more and waits until it is ready. `as`: one that has ended, to be started again where it was. */
  async start(roles = 'all', as?: ServerProcess, more: Record<string, string> = {}): Promise<ServerProcess> {
    const server = await ServerProcess.start({
      dataDir: this.dataDir,
      ports: as?.ports ?? { http: await freePort(), mqtt: this.mqtt, ws: this.ws },
      environment: { ...this.environment, ROLES: roles, ...more },
    });
    this.started.push(server);
    return server;
  }

  /** Screens that keep connecting to where the broker was first. */
  async fleet(screens: number, broker = `mqtt://127.0.0.1:${this.mqtt}`): Promise<Fleet> {
    const fleet = new Fleet({ screens, broker, connections: Math.ceil(screens / 100) });
    this.fleets.push(fleet);
    await fleet.start();
    return fleet;
  }

  async online(at: ServerProcess, screens: number): Promise<void> {
    await eventually(async () => expect((await at.http.read('/screens?limit=1&status=online')).total).toBe(screens));
  }

  async create(at: ServerProcess, body: Partial<CreateCampaignInput> = {}): Promise<CreatedCampaign> {
    const answer = await at.http.post('/campaigns', campaignBody(at.url, body));
    expect(answer.status, answer.text).toBe(201);
    return answer.json() as CreatedCampaign;
  }

  async acknowledged(at: ServerProcess, { id }: CreatedCampaign, screens: number, withinMs = 20_000): Promise<void> {
    await eventually(async () => {
      const { counts } = await at.http.read(`/campaigns/${id}`);
      expect(counts).toMatchObject({ SUCCESS: screens, acknowledged: screens });
    }, withinMs);
  }

  /** Ends all that still runs, in good order. */
  async stop(): Promise<void> {
    for (const fleet of this.fleets) await fleet.stop({ announce: false });
    for (const server of this.started) if (server.child.exitCode === null && server.child.signalCode === null) await server.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
