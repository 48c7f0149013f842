import pg from 'pg';
import { Api } from '../api.js';
import { type BrokerKind, type FleetProcess, PREFIX } from '../broker-setup.js';
import type { FleetMethods, FleetRoles } from '../children/fleet.js';
import { type MosquittoProcess, runMosquitto } from '../mosquitto-process.js';
import { until } from '../processes.js';
import { Remote } from '../remote.js';
import type { Scratch } from '../scratch.js';
import { type ServerProcess, startServer } from '../server-process.js';

const READY_MS = 60_000;
/** A lost manifest or revoke is repeated while somebody still watches. */
const ENVIRONMENT = { OFFER_FIRST_MS: '2000', OFFER_MAX_MS: '10000', LOG_LEVEL: 'info' };

/** The whole system, and how to break it: server, database, perhaps a broker, screens. */
export class World {
  private constructor(
    private readonly scratch: Scratch,
    private readonly environment: Record<string, string>,
    /** Another process after a restart. */
    public server: ServerProcess,
    readonly mosquitto: MosquittoProcess | undefined,
    readonly api: Api,
    readonly fleet: FleetProcess,
    readonly roles: FleetRoles,
  ) {}

  static async create(scratch: Scratch, kind: BrokerKind, screens: number, seed: number): Promise<World> {
    const mosquitto = kind === 'mosquitto' ? await runMosquitto(scratch) : undefined;
    const environment = { ...ENVIRONMENT, ...(mosquitto === undefined ? {} : { MQTT_URL: mosquitto.url }) };
    const server = await startServer(scratch, environment);
    const api = new Api(server.api);
    await api.importFleet(PREFIX, screens);
    const fleet: FleetProcess = new Remote<FleetMethods>(scratch, 'fleet.js');
    await fleet.call('start', {
      screens,
      broker: server.broker,
      prefix: PREFIX,
      seed,
      connections: Math.max(10, Math.ceil(screens / 100)),
      ackDelayMs: { min: 0, max: 300 },
      silent: 0.01,
      flap: { share: 0.1, onMs: { min: 1000, max: 8000 }, offMs: { min: 300, max: 3000 } },
    });
    return new World(scratch, environment, server, mosquitto, api, fleet, await fleet.call('roles', null));
  }

  /** Starts the server again, in its folder and on its ports, when it has ended; resolves when it says that it is ready. */
  async restart(): Promise<void> {
    this.server = await startServer(this.scratch, this.environment, this.server.place);
  }

  /** How long it took until the server said that it is ready, ms. */
  async ready(): Promise<number> {
    const from = performance.now();
    await until('the server', READY_MS, () => this.api.isReady());
    return performance.now() - from;
  }

  async sql<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.server.databaseUrl });
    // One that is ended from the other side while it is idle.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }
}
