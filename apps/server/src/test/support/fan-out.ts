import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CreatedCampaign } from '@marquee/contracts';
import { findProgram } from '@marquee/testing';
import { Fleet, type Ledger, SAID } from '@marquee/simulator';
import pg from 'pg';
import { expect } from 'vitest';
import { readEmbeddedUrl } from '../../store/embedded-postgres.js';
import { eventually, within } from './eventually.js';
import { campaignBody } from './flow.js';
import { Mosquitto } from './mosquitto.js';
import { type ServerOptions, ServerProcess } from './server-process.js';

const READY_MS = 60_000;
const RIGHT_MS = 60_000;

/** Everything that a restart concerns: a server with its own database, its own or an outside broker, and a fleet. */
export class FanOut {
  private constructor(
    /** Another one after a restart. */
    public server: ServerProcess,
    private readonly options: ServerOptions & { dataDir: string },
    readonly broker: Mosquitto | undefined,
    private readonly fleet: Fleet,
    private readonly screens: number,
  ) {}

  static async start(screens: number, outside: boolean): Promise<FanOut> {
    const dataDir = await mkdtemp(join(tmpdir(), 'marquee-fan-out-'));
    const broker = outside ? await Mosquitto.start(findProgram('mosquitto') ?? '') : undefined;
    const environment = broker === undefined ? {} : { MQTT_URL: broker.url };
    const server = await ServerProcess.start({ dataDir, environment });
    const fleet = new Fleet({ screens, broker: broker?.url ?? server.mqttUrl, connections: Math.ceil(screens / 100) });
    await fleet.start();
    const all = new FanOut(server, { dataDir, environment, ports: server.ports }, broker, fleet, screens);
    await eventually(async () => expect((await all.server.http.read('/screens?limit=1&status=online')).total).toBe(screens), READY_MS);
    return all;
  }

  async stop(): Promise<void> {
    await this.fleet.stop({ announce: false });
    await this.server.stop();
    await this.broker?.remove();
    await rm(this.options.dataDir, { recursive: true, force: true });
  }

  /** One campaign is everywhere and acknowledged; then, in the middle of a second one, something happens. Answers what came of it. */
  async interruptedBy(fault: () => Promise<void>): Promise<Interrupted> {
    const before = await this.create();
    await this.acknowledged(before.id, this.screens);
    const settled = await this.acknowledgedNow(before.id);
    const during = await this.create();
    await this.fleet.manifests(during.id).reached(Math.ceil(this.screens / 5));
    await fault();
    const known = await this.acknowledgedNow(during.id);
    await eventually(async () => expect((await this.server.http.get('/readyz')).status).toBe(200), READY_MS);
    const readyAt = performance.timeOrigin + performance.now();
    const lastAt = await within(RIGHT_MS, 'the last manifest', this.fleet.manifests(during.id).reached(this.screens));
    await this.acknowledged(during.id, this.screens);
    await eventually(() => expect(this.fleet.counts().sent).toBe(this.fleet.counts().accepted), RIGHT_MS);
    return { afterReadyMs: Math.round(lastAt - readyAt), ...(await this.compare([settled, known], during)) };
  }

  async restart(): Promise<void> {
    this.server = await ServerProcess.start(this.options);
  }

  async killDatabase(): Promise<void> {
    const run = JSON.parse(await readFile(join(this.options.dataDir, 'postgres', 'run.json'), 'utf8')) as { postmaster: { pid: number } };
    process.kill(run.postmaster.pid, 'SIGKILL');
    // Until its end is noticed the server believes in it.
    await eventually(async () => expect((await this.server.http.get('/readyz')).status).toBe(503));
  }

  private async create(): Promise<CreatedCampaign> {
    const answer = await this.server.http.post('/campaigns', campaignBody(this.server.url));
    expect(answer.status, answer.text).toBe(201);
    return answer.json() as CreatedCampaign;
  }

  private acknowledged(id: string, n: number): Promise<void> {
    return eventually(async () => expect((await this.server.http.read(`/campaigns/${id}`)).counts.acknowledged).toBe(n), RIGHT_MS);
  }

  /** How often each was sent to whose acknowledgement is a row, by the delivery; as soon as the database answers. */
  private async acknowledgedNow(campaignId: string): Promise<Map<string, number>> {
    const text = 'select id, attempt + offers as sends from deliveries where campaign_id = $1 and acknowledged_at is not null';
    const rows = await eventually(() => this.sql<{ id: string; sends: number }>(text, [campaignId]), READY_MS);
    return new Map(rows.map((row) => [row.id, row.sends]));
  }

  private async compare(known: ReadonlyMap<string, number>[], during: CreatedCampaign): Promise<Compared> {
    const ledger = this.fleet.ledgers().find(({ campaignId }) => campaignId === during.id) as Ledger;
    const rows = await this.sql<{ id: string; campaign_id: string; recipient: string; sends: number; kept: number }>(
      `select id, campaign_id, recipient, attempt + offers as sends,
              (select count(*) from delivery_events e where e.device_id = d.recipient and e.campaign_id = d.campaign_id and e.event_type = 'install_ack')::int as kept
       from deliveries d`,
      [],
    );
    const byScreen = new Map(rows.filter((row) => row.campaign_id === during.id).map((row) => [row.recipient, row]));
    const told = this.fleet.screens.map((id, screen) => ({
      received: ledger.received[screen] ?? 0,
      said: ((ledger.said[screen] ?? 0) & SAID.INSTALL_ACK) !== 0,
      row: byScreen.get(id),
    }));
    return {
      knownToHave: known.at(-1)?.size ?? 0,
      twiceAlthoughKnown: rows.filter((row) => known.some((sends) => row.sends > (sends.get(row.id) ?? row.sends))).length,
      unaccounted: told.filter((each) => each.received > (each.row?.sends ?? 0)).length,
      twice: told.filter((each) => each.received > 1).length,
      lost: told.filter((each) => each.said && (each.row?.kept ?? 0) === 0).length,
      installed: ledger.installed.filter((version) => version > 0).length,
    };
  }

  private async sql<Row extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
    const client = new pg.Client({ connectionString: await readEmbeddedUrl(this.options.dataDir) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }
}

interface Compared {
  /** Screens whose acknowledgement was a row when it was over. */
  knownToHave: number;
  /** Of those, and of the screens of the campaign before: sent to again, by the rows' account. */
  twiceAlthoughKnown: number;
  /** Screens that received more than was sent to them by the rows' account. */
  unaccounted: number;
  twice: number;
  /** Acknowledgements that the broker took and that are no rows. */
  lost: number;
  installed: number;
}

export interface Interrupted extends Compared {
  /** From the moment the server said that it is ready to the last screen's manifest, ms. */
  afterReadyMs: number;
}

export type Interruption = 'SIGTERM of the server' | 'kill -9 of the server' | 'kill -9 of the database' | 'kill -9 of the broker';

export function cause(all: FanOut, what: Interruption): Promise<void> {
  const causes: Record<Interruption, () => Promise<void>> = {
    'SIGTERM of the server': async () => {
      await all.server.stop();
      await all.restart();
    },
    'kill -9 of the server': async () => {
      await all.server.kill();
      await all.restart();
    },
    'kill -9 of the database': () => all.killDatabase(),
    'kill -9 of the broker': async () => {
      await all.broker?.halt('SIGKILL');
      await all.broker?.run();
    },
  };
  return causes[what]();
}
