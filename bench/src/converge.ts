import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Api, campaignBody } from './api.js';
import { type FleetProcess, PREFIX } from './broker-setup.js';
import { epochNow } from './epoch.js';
import type { FleetMethods, FleetRoles } from './children/fleet.js';
import { until } from './processes.js';
import { Remote } from './remote.js';
import { report } from './result.js';
import { Scratch } from './scratch.js';
import { type ServerProcess, startServer } from './server-process.js';
import { rounded } from './statistics.js';

export interface ConvergeOptions {
  n: number;
  /** How long the absent stay away, seconds; an hour in life. */
  away: number;
  flap: number;
  absent: number;
  silent: number;
  /** How long the work is measured when only the silent are left, seconds. */
  idle: number;
}

const RIGHT_MS = 600_000;
const POLL_MS = 100;
const SEED = 20_000;
const FLAP = { onMs: { min: 8000, max: 25_000 }, offMs: { min: 2000, max: 10_000 } };
/** Repeats to a silent screen a minute and at most: after some minutes they are minutes apart. */
const MOST_REPEATS = 3;
/** Rows of deliveries read a minute for each that is not right, at most. */
const MOST_ROWS = 30;

interface Work {
  rowsRead: number;
  rowsChanged: number;
  offers: number;
}

/** One campaign on a fleet of which some flap, some are away and some never answer: until all is right, and what it costs to keep it so. */
export async function benchConverge(options: ConvergeOptions): Promise<void> {
  await Scratch.during(async (scratch) => {
    const server = await startServer(scratch);
    const run = await Run.prepare(scratch, server, options);
    const figures = await run.measure();
    const { n, silent } = options;
    const quiet = Math.floor(silent * n);
    await report({
      bench: 'converge',
      options: {
        ...options,
        flapOnMs: FLAP.onMs,
        flapOffMs: FLAP.offMs,
        note: `the absent are away for ${options.away} s; it stands for an hour`,
      },
      ours: figures,
      floor: { messages: n },
      ratio: { messages: rounded(figures.messagesUntilRight / n) },
      targets: {
        'every screen ends right': figures.wrong === 0,
        'those that came back are right within 10 s': figures.returnedMs <= 10_000,
        'at most half as many messages again as needed': figures.messagesUntilRight <= 1.5 * n,
        'repeats are paced once only the silent are left': figures.idleOffersAMinute <= MOST_REPEATS * quiet,
        'work goes with what is not right': figures.idleRowsReadAMinute <= MOST_ROWS * quiet,
      },
      runs: { floors: [], ours: [figures] },
    });
  });
}

interface Figures extends Record<string, number> {
  messagesUntilRight: number;
  returnedMs: number;
  idleOffersAMinute: number;
  idleRowsReadAMinute: number;
  wrong: number;
}

class Run {
  private constructor(
    private readonly options: ConvergeOptions,
    private readonly server: ServerProcess,
    private readonly api: Api,
    private readonly database: pg.Client,
    private readonly fleet: FleetProcess,
    private readonly roles: FleetRoles,
  ) {}

  static async prepare(scratch: Scratch, server: ServerProcess, options: ConvergeOptions): Promise<Run> {
    const { n, flap, absent, silent } = options;
    const api = new Api(server.api);
    await api.importFleet(PREFIX, n);
    const database = new pg.Client({ connectionString: server.databaseUrl });
    await database.connect();
    scratch.defer(() => database.end());
    const fleet: FleetProcess = new Remote<FleetMethods>(scratch, 'fleet.js');
    const habits = { flap: { share: flap, ...FLAP }, away: { share: absent }, silent };
    await fleet.call('start', {
      screens: n,
      broker: server.broker,
      prefix: PREFIX,
      seed: SEED,
      ackDelayMs: { min: 0, max: 200 },
      ...habits,
    });
    return new Run(options, server, api, database, fleet, await fleet.call('roles', null));
  }

  async measure(): Promise<Figures> {
    const { options, api, fleet, roles, server } = this;
    const answering = options.n - roles.silent.length;
    const asset = await api.uploadPixel();
    await server.usage();
    const startedAt = epochNow();
    const { id } = await api.create(campaignBody(asset));
    const rightMs = (await this.reached(id, 'acknowledged', answering - roles.away.length)) - startedAt;
    process.stderr.write(`right after ${Math.round(rightMs)} ms\n`);
    await this.sayLatest(id);
    await delay(Math.max(0, options.away * 1000 - (epochNow() - startedAt)));
    const backAt = epochNow();
    await fleet.call('steady', roles.away);
    const returnedMs = (await this.reached(id, 'acknowledged', answering)) - backAt;
    process.stderr.write(`those away are right ${Math.round(returnedMs)} ms after they came\n`);
    const messages = await this.messages(id);
    const load = await server.usage();
    const idle = await this.idle();
    const wrong = await this.wrong(id);
    const cancelledAt = epochNow();
    await api.cancel(id);
    const clearedMs = (await this.reached(id, 'revoked', answering)) - cancelledAt;
    return {
      rightMs: rounded(rightMs),
      returnedMs: rounded(returnedMs),
      messagesUntilRight: messages.all,
      messagesToSilent: messages.silent,
      messagesReceived: messages.received,
      ...load,
      ...idle,
      clearedMs: rounded(clearedMs),
      wrong,
    };
  }

  /** What kept it waiting: the last to acknowledge, for whoever asks. */
  private async sayLatest(id: string): Promise<void> {
    const { rows } = await this.database.query(
      `select extract(epoch from settled_at - c.created_at)::numeric(9, 2) as sent_s, extract(epoch from acknowledged_at - c.created_at)::numeric(9, 2) as acknowledged_s,
              offers, recipient = any($2) as flaps
       from deliveries d join campaigns c on c.id = d.campaign_id
       where d.campaign_id = $1 and acknowledged_at is not null order by acknowledged_at desc limit 8`,
      [id, this.roles.flapping],
    );
    for (const row of rows) process.stderr.write(`  among the last: ${JSON.stringify(row)}\n`);
  }

  /** When so many screens were in that state. */
  private async reached(id: string, state: 'acknowledged' | 'revoked', count: number): Promise<number> {
    let at = 0;
    await until(`${count} ${state}`, RIGHT_MS, async () => {
      const { counts } = await this.api.campaign(id);
      at = epochNow();
      if (counts[state] >= count) return true;
      await delay(POLL_MS);
      return false;
    });
    return at;
  }

  private async messages(id: string): Promise<{ all: number; silent: number; received: number }> {
    const { rows } = await this.database.query<{ n: number; silent: number }>(
      `select sum(attempt + offers)::int as n, sum(attempt + offers) filter (where recipient = any($2))::int as silent
       from deliveries where campaign_id = $1`,
      [id, this.roles.silent],
    );
    const { manifests } = await this.fleet.call('counts', null);
    return { all: rows[0]?.n ?? 0, silent: rows[0]?.silent ?? 0, received: manifests };
  }

  /** Only the silent are left and nobody comes or goes: what is done for them, a minute. */
  private async idle(): Promise<Record<'idleOffersAMinute' | 'idleRowsReadAMinute', number> & Record<string, number>> {
    await this.fleet.call('steady', null);
    // Until the last offers to those that have answered are dropped, and the numbers of the database are its latest.
    await delay(15_000);
    await this.server.usage();
    const before = await this.work();
    await delay(this.options.idle * 1000);
    const after = await this.work();
    const usage = await this.server.usage();
    const aMinute = (value: number): number => rounded((value * 60) / this.options.idle);
    return {
      idleOffersAMinute: aMinute(after.offers - before.offers),
      idleRowsReadAMinute: aMinute(after.rowsRead - before.rowsRead),
      idleRowsChangedAMinute: aMinute(after.rowsChanged - before.rowsChanged),
      idleServerCpuMsAMinute: aMinute(usage.serverCpuMs),
      idleDatabaseCpuMsAMinute: aMinute(usage.databaseCpuMs),
    };
  }

  private async work(): Promise<Work> {
    const { manifests } = await this.fleet.call('counts', null);
    const { rows } = await this.database.query<{ read: number; changed: number }>(
      `select (seq_tup_read + coalesce(idx_tup_fetch, 0))::float8 as read, n_tup_upd::float8 as changed
       from pg_stat_user_tables where relname = 'deliveries'`,
    );
    return { rowsRead: rows[0]?.read ?? 0, rowsChanged: rows[0]?.changed ?? 0, offers: manifests };
  }

  /** Screens whose word is not the row's: one that answers must have it and be known to, a silent one must have been told. */
  private async wrong(id: string): Promise<number> {
    const ledger = (await this.fleet.call('ledgers', null)).find((each) => each.campaignId === id);
    const { rows } = await this.database.query<{ recipient: string }>(
      'select recipient from deliveries where campaign_id = $1 and acknowledged_at is not null',
      [id],
    );
    const acknowledged = new Set(rows.map((row) => row.recipient));
    const silent = new Set(this.roles.silent);
    return this.roles.all.filter((deviceId, screen) => {
      const installed = (ledger?.installed[screen] ?? 0) > 0;
      if (silent.has(deviceId)) return acknowledged.has(deviceId) || (ledger?.received[screen] ?? 0) === 0;
      return !installed || !acknowledged.has(deviceId);
    }).length;
  }
}
