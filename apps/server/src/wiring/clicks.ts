import { hostname } from 'node:os';
import type { ClicksStatus } from '@marquee/contracts';
import type { FastifyInstance } from 'fastify';
import { DatabaseBroker } from '../clicks/brokers/database-broker.js';
import { RabbitmqBroker } from '../clicks/brokers/rabbitmq-broker.js';
import type { ClickBroker } from '../clicks/click-broker.js';
import { ScanTargets } from '../clicks/codes/scan-targets.js';
import { DeadLetterKeeper } from '../clicks/dead-letters/dead-letter-keeper.js';
import { LedgerWriter } from '../clicks/ledger/ledger-writer.js';
import { ClickFacts } from '../clicks/stats/click-facts.js';
import { ClickPruner } from '../clicks/stats/click-pruner.js';
import { StatsConsumer } from '../clicks/stats/stats-consumer.js';
import { ClickProcess, enter, type EnteredProcess } from '../clicks/status/click-process.js';
import { Statuses } from '../clicks/status/clicks-status.js';
import type { Config } from '../config/config.js';
import { tokenSecret } from '../config/token-secret.js';
import { BearerTokens } from '../http/bearer-tokens.js';
import { addClickRoutes, type ClickDoor } from '../http/click-routes.js';
import { addressKeeper } from '../http/client-address.js';
import { PublicKeys } from '../http/public-keys.js';
import { addScanRoute } from '../http/scan-route.js';
import { systemClock } from '../kit/clock.js';
import { doneWithin } from '../kit/timing.js';
import { keptSecret } from '../kit/kept-secret.js';
import { ClickPublishing } from './click-publishing.js';
import { type Context, POLL_MS, actorErrors } from './context.js';

/** How often a process says how it is, ms. */
const SAY_MS = 200;
/** How long the end waits for the database to hear that this process has ended, ms. */
const HEAR_MS = 1000;
/** How long a batch of a consumer's may take until another gets it too, ms: what the clicks of a killed one wait. Counted twice they are not. */
const CONSUME_LEASE_MS = 5000;
/**
 * At 1,000/s a transaction of 50 clicks costs 51 µs a click in the database and as much here, one of 200 costs 30 and 26, one of 1,000 costs 25
 * and 22; and each waits for the disk that the broker's confirms wait for.
 */
const CONSUME = { prefetch: 3000, batch: 1000, waitMs: 200, tries: 5 };

/** What a process with the role clicks offers to what listens. */
export interface Clicks {
  addRoutes(fastify: FastifyInstance): Promise<void>;
  status(): Promise<ClicksStatus>;
  /** What is not ready, one sentence each. */
  unready(): string[];
}

/** Starts all that accepts, publishes and counts clicks. What listens is to be started after it, so that it ends first. */
export async function startClicks(context: Context): Promise<Clicks> {
  const { config, ends, database, log } = context;
  const name = config.workerName ?? `${hostname().slice(0, 40)}:${process.pid}`;
  const entered = await enter(database, name);
  const endRow: (() => Promise<void>)[] = [];
  ends.add('the row of this process', async () => {
    for (const end of endRow) await end();
  });
  const ledger = new LedgerWriter(database, entered.id, systemClock, actorErrors(log));
  ledger.start();
  ends.add('the ledger of clicks', () => ledger.stop());
  const broker = openBroker(context);
  ends.add('the broker of clicks', () => broker.close());
  startConsumer(context, broker);
  startKeeper(context, broker);
  const rows: ClickProcess[] = [];
  const publishing = openPublishing(context, entered, broker, ledger, () => rows.some(({ liable }) => liable));
  let placed = false;
  ends.add('the publisher of clicks', async () => {
    placed = await publishing.stop();
  });
  const row = startRow(context, entered, broker, publishing);
  rows.push(row);
  endRow.push(async () => {
    const isSaid = await doneWithin(
      HEAR_MS,
      row.stop().then(() => (placed ? row.end() : undefined)),
    );
    if (placed && !isSaid) await publishing.leave([]);
  });
  const door = await openDoor(context, publishing, ledger);
  await publishing.start();
  context.notifications.on('clicks_replay', () => publishing.replayer.replayNow());
  const statuses = new Statuses(database, () => row.say());
  const scans = { ...door, targets: new ScanTargets(database) };
  return {
    addRoutes: async (fastify) => {
      await addClickRoutes(fastify, door);
      addScanRoute(fastify, scans);
    },
    status: () => statuses.read(),
    unready: () => (door.tokens.ready ? [] : ['JWKS_URL has not given its keys yet']),
  };
}

function openPublishing(
  { config, database, log }: Context,
  { id, name }: EnteredProcess,
  broker: ClickBroker,
  ledger: LedgerWriter,
  liable: () => boolean,
): ClickPublishing {
  return new ClickPublishing(database, broker, ledger, {
    process: id,
    holder: `${name}#${id}`,
    dataDir: config.dataDir,
    redisUrl: config.redisUrl,
    ack: config.clickAck,
    memory: config.clickMemory,
    durableMs: config.clickDurableMs,
    retryMs: config.clickRetryMs,
    breaker: { failures: config.clickBreakerFailures, openMs: config.clickBreakerOpenMs, successes: config.clickBreakerSuccesses },
    dedupeDays: config.clickDedupeDays,
    replayRate: config.clickReplayRate,
    liable,
    onError: actorErrors(log),
    log,
  });
}

/** Says how the process is: in its row, and in the metrics. */
function startRow(context: Context, entered: EnteredProcess, broker: ClickBroker, publishing: ClickPublishing): ClickProcess {
  const { config, database, metrics, log } = context;
  const { publisher, fallback, counters } = publishing;
  const row = new ClickProcess(
    database,
    entered,
    () => ({
      ack: config.clickAck,
      broker: { kind: broker.kind, connected: broker.connected, blocked: broker.blocked, channels: broker.channels },
      circuit: publishing.circuit(),
      memory: { clicks: publisher.inMemory, bound: config.clickMemory },
      fallback: fallback.kind,
      counters,
    }),
    { queue: () => broker.depth(), fallback: () => fallback.depth() },
    { intervalMs: SAY_MS, onError: actorErrors(log) },
  );
  row.start();
  const depth = (of: 'queue' | 'fallback'): number => row.say().depths[of] ?? Number.NaN;
  metrics.clicks(counters);
  metrics.gauge('marquee_clicks_in_memory', 'Accepted clicks that a kill of this process would lose', () => publisher.inMemory);
  metrics.gauge('marquee_click_circuit', 'Circuit before the broker of clicks: 0 closed, 1 half open, 2 open', () =>
    ['CLOSED', 'HALF_OPEN', 'OPEN'].indexOf(publishing.circuit().state),
  );
  metrics.gauge('marquee_click_queue_depth', 'Clicks that wait in the broker to be counted', () => depth('queue'));
  metrics.gauge('marquee_click_fallback_depth', 'Clicks that wait in the fallback', () => depth('fallback'));
  return row;
}

function openBroker({ config, database, notifications, log }: Context): ClickBroker {
  const onError = actorErrors(log);
  if (config.amqpUrl === undefined)
    return new DatabaseBroker(database, notifications, systemClock, {
      confirmMs: config.clickConfirmMs,
      leaseMs: CONSUME_LEASE_MS,
      pollMs: POLL_MS,
      onError,
    });
  return new RabbitmqBroker({ url: config.amqpUrl, channels: config.clickChannels, confirmMs: config.clickConfirmMs, log, onError });
}

/** Counts what the broker has, tells the feed of it, and keeps the tables that it fills. */
function startConsumer({ config, database, ends, log }: Context, broker: ClickBroker): void {
  const onError = actorErrors(log);
  const labels = { duplicateMs: config.clickDuplicateMs, botPerMinute: config.clickBotPerMinute };
  const facts = new ClickFacts(database, onError);
  const consumer = new StatsConsumer(database, systemClock, facts, { ...CONSUME, ...labels }, log);
  const { clickKeepDays: keepDays, clickDedupeDays: dedupeDays } = config;
  const pruner = new ClickPruner(database, systemClock, { keepDays, dedupeDays, duplicateMs: config.clickDuplicateMs, onError });
  facts.start();
  consumer.start(broker);
  pruner.start();
  ends.add('the facts and the tables of clicks', async () => void (await Promise.all([facts.stop(), pruner.stop()])));
  ends.add('the consumer of clicks', () => consumer.stop());
}

function startKeeper({ config, database, ends, log }: Context, broker: ClickBroker): void {
  const queue = broker instanceof RabbitmqBroker ? broker : undefined;
  const options = { keepMs: config.clickKeepDays * 86_400_000, onError: actorErrors(log) };
  const keeper = new DeadLetterKeeper(database, systemClock, queue, options);
  keeper.start();
  ends.add(keeper.name, () => keeper.stop());
}

async function openDoor({ config, log }: Context, { publisher, counters }: ClickPublishing, ledger: LedgerWriter): Promise<ClickDoor> {
  const secret = await tokenSecret(config);
  if (config.jwtSecret !== undefined && config.jwtSecret.length < 32)
    log.warn('JWT_SECRET has less than 32 characters: whoever has one token can find it out by trying');
  const claims = { issuer: config.jwtIssuer, audience: config.jwtAudience };
  const keys = config.jwksUrl === undefined ? undefined : new PublicKeys(config.jwksUrl, claims, systemClock, log);
  void keys?.fetch();
  return {
    tokens: new BearerTokens(secret, keys, claims),
    accept: (event) => publisher.accept(event),
    rejected: (reason, count) => {
      counters.rejected += count;
      ledger.rejected(reason, count);
    },
    keepAddress: addressKeeper(await keepAs(config)),
    clock: systemClock,
    log,
  };
}

async function keepAs({ clickIp, dataDir }: Config): Promise<Parameters<typeof addressKeeper>[0]> {
  return clickIp === 'hash' ? { as: clickIp, key: await keptSecret(dataDir, 'address-key') } : { as: clickIp };
}
