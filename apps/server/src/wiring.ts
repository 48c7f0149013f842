import { join } from 'node:path';
import { Audiences } from './audience/audiences.service.js';
import type { MessageHandler, ScreenBroker } from './broker/broker.js';
import { EmbeddedBroker } from './broker/embedded-broker.js';
import { OutsideBroker } from './broker/outside-broker.js';
import { LocalBus } from './bus/local-bus.js';
import { Campaigns } from './campaigns/campaigns.service.js';
import { CampaignCreator } from './campaigns/create-campaigns.js';
import { FenceKeys } from './campaigns/fence-keys.store.js';
import type { Channel } from './channels/channel.js';
import { revokeBy } from './channels/revoke.js';
import { ScreenChannel } from './channels/screen-channel.js';
import type { Config } from './config/config.js';
import { AssetSources } from './creatives/asset-sources.js';
import { Builder } from './creatives/builder.js';
import { Manifests } from './creatives/manifest.js';
import { Templates } from './creatives/templates.js';
import { Deliveries } from './deliveries/deliveries.service.js';
import { expireLeases } from './deliveries/deliveries.store.js';
import { Consumer } from './dispatch/consumer.js';
import { Converger } from './dispatch/converger.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { Joiner } from './dispatch/joiner.js';
import { Launcher } from './dispatch/launcher.js';
import { Reconciler } from './dispatch/reconciler.js';
import { Rescuer } from './dispatch/rescuer.js';
import { Sweeper } from './dispatch/sweeper.js';
import { Executions } from './executions/executions.service.js';
import { FeedHub } from './feed/hub.js';
import { Relay } from './feed/relay.js';
import type { HttpSettings } from './http/assets.controller.js';
import { readTls, startHttpServer, stopHttpServer } from './http/server.js';
import type { System } from './http/system.controller.js';
import { AUDIENCES, CAMPAIGNS, DELIVERIES, EXECUTIONS, FEED, SCREENS, STORAGE, SYSTEM, TEMPLATES } from './http/tokens.js';
import type { OnActorError } from './kit/actor.js';
import { systemClock } from './kit/clock.js';
import { Ends } from './kit/ends.js';
import { StartError } from './kit/errors.js';
import { freePort } from './kit/free-port.js';
import type { Log } from './kit/log.js';
import { Metrics } from './metrics.js';
import { Acknowledgements } from './screens/acknowledgements.js';
import { Intake } from './screens/intake.js';
import { Presence } from './screens/presence.js';
import { allOffline } from './screens/screens.store.js';
import { Screens } from './screens/screens.service.js';
import { AddressPolicy, parseFetchAllow } from './storage/address-policy.js';
import { FileStorage } from './storage/file-storage.js';
import { GuardedFetcher } from './storage/guarded-fetcher.js';
import { Database, isUnavailable } from './store/database.js';
import { startEmbeddedPostgres } from './store/embedded-postgres.js';
import { Fence } from './store/fence.js';
import { migrate } from './store/migrate.js';
import { Notifications } from './store/notifications.js';
import { Outbox } from './store/outbox.js';

/** The net below the wake-ups: how long an actor sleeps that nothing wakes, ms. */
const POLL_MS = 1000;
/** What a fact waits when its consumer died; one taken again too early is done twice, which changes nothing. */
const OUTBOX_LEASE_MS = 10_000;
/** Batches that a worker begins at the same time: each holds a lock's connection and one for its statements. */
const WORKER_SLOTS = 4;
const SCREEN_ATTEMPTS = 1000;
const SCREEN_COUNT_KEPT_MS = 5000;

/** What is running, and how to end it. */
export interface Running {
  apiBaseUrl: string;
  databaseRole: string;
  brokerUrl: string;
  /** Ends everything in the reverse order of its start: no new work, what is under way ends, connections close. */
  stop(): Promise<void>;
}

/** Builds the object graph of this process's roles and starts it. On failure what was started is stopped again. */
export async function start(config: Config, log: Log): Promise<Running> {
  const ends = new Ends(log);
  try {
    return await startAll(await withPorts(config), log, ends);
  } catch (error) {
    await ends.run();
    throw error;
  }
}

/** Addresses are told to screens before anything listens, so a port that may be any is chosen first. */
async function withPorts(config: Config): Promise<Config> {
  const chosen = (port: number): Promise<number> | number => (port === 0 ? freePort(config.host) : port);
  const [port, mqttPort, mqttWsPort] = await Promise.all([chosen(config.port), chosen(config.mqttPort), chosen(config.mqttWsPort)]);
  return { ...config, port, mqttPort, mqttWsPort };
}

async function startAll(config: Config, log: Log, ends: Ends): Promise<Running> {
  const has = (role: Config['roles'][number]): boolean => config.roles.includes(role);
  if (has('worker') && !has('gateway') && config.mqttUrl === undefined) {
    throw new StartError('ROLES has worker without gateway: set MQTT_URL, since the embedded broker lives in the gateway’s process.');
  }
  const metrics = new Metrics();
  ends.add('metrics', () => metrics.stop());
  const store = await openStore(config, log, metrics, ends);
  const broker = openBroker(config, log);
  const brokerUrl =
    config.mqttPublicWsUrl ?? `${config.tlsCert === undefined ? 'ws' : 'wss'}://${urlHost(config.host)}:${config.mqttWsPort}`;
  const apiBaseUrl = config.apiBaseUrl ?? `${config.tlsCert === undefined ? 'http' : 'https'}://${urlHost(config.host)}:${config.port}`;
  if (config.apiBaseUrl === undefined && isWildcard(config.host))
    log.warn(
      `HOST=${config.host} without API_BASE_URL: screens on other machines are sent to ${apiBaseUrl}, which only this machine reaches`,
    );
  const context: Context = { config, log, metrics, ends, broker, apiBaseUrl, ...store };

  const manifests = new Manifests(store.database, apiBaseUrl);
  if (has('gateway')) await startGateway(context, manifests);
  else if (has('worker')) await startBroker(context, () => Promise.resolve());
  if (has('worker')) startWorker(context, manifests);
  if (has('dispatch')) await startDispatch(context);
  if (has('api')) await startApi(context, brokerUrl);
  await store.notifications.start();
  ends.add('notifications', () => store.notifications.stop());
  return {
    apiBaseUrl,
    databaseRole: store.databaseRole,
    brokerUrl: config.mqttUrl ?? `mqtt://${urlHost(config.host)}:${config.mqttPort}`,
    stop: () => ends.run(),
  };
}

interface Store {
  database: Database;
  fence: Fence;
  keys: FenceKeys;
  notifications: Notifications;
  outbox: Outbox;
  storage: FileStorage;
  databaseRole: string;
}

interface Context extends Store {
  config: Config;
  log: Log;
  metrics: Metrics;
  ends: Ends;
  broker: ScreenBroker;
  apiBaseUrl: string;
}

async function openStore(config: Config, log: Log, metrics: Metrics, ends: Ends): Promise<Store> {
  let url = config.databaseUrl;
  let databaseRole = 'outside';
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, log });
    ends.add('the embedded database', () => embedded.stop());
    ({ url, role: databaseRole } = embedded);
  }
  await migrateOrExplain(url, config);
  const open = (poolSize: number, readUrl?: string): Database => {
    const database = new Database({
      url,
      readUrl,
      poolSize,
      log,
      observe: (name, seconds, failed) => metrics.statement(name, seconds, failed),
    });
    ends.add('the database', () => database.close());
    return database;
  };
  const database = open(config.databasePool, config.databaseReadUrl);
  const outbox = new Outbox(OUTBOX_LEASE_MS);
  if (databaseRole === 'started') {
    // Nobody else has this database open, so whoever held a lease is dead: waiting it out would only delay the screens.
    await database.run(expireLeases, {});
    await outbox.release(database);
  }
  const { fenceDeadlineMs: deadlineMs, fenceIdleMs: idleMs, fenceWaitMs: waitMs } = config;
  const fence = new Fence(open(WORKER_SLOTS + 2), open(4), systemClock, { deadlineMs, idleMs, waitMs });
  const storage = await openStorage(config);
  return {
    database,
    fence,
    keys: new FenceKeys(database),
    notifications: new Notifications(database, log),
    outbox,
    storage,
    databaseRole,
  };
}

async function migrateOrExplain(url: string, config: Config): Promise<void> {
  try {
    await migrate(url);
  } catch (error) {
    if (error instanceof StartError || config.databaseUrl === undefined) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`DATABASE_URL cannot be used: ${reason || 'nothing answers there'}.`);
  }
}

async function openStorage(config: Config): Promise<FileStorage> {
  const folder = join(config.dataDir, 'storage');
  try {
    return await FileStorage.at(folder);
  } catch (error) {
    throw new StartError(
      `DATA_DIR ${config.dataDir} cannot be used for assets: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
}

function openBroker(config: Config, log: Log): ScreenBroker {
  if (config.mqttUrl !== undefined) {
    return new OutsideBroker({ url: config.mqttUrl, connections: config.mqttConnections, clientId: 'marquee-intake', log });
  }
  const tls = readTls(config.tlsCert, config.tlsKey);
  return new EmbeddedBroker({ host: config.host, port: config.mqttPort, wsPort: config.mqttWsPort, tls, log });
}

function actorErrors(log: Log): OnActorError {
  return (error, actor) => {
    if (isUnavailable(error))
      log.warn({ actor, reason: error instanceof Error ? error.message : String(error) }, 'the database cannot be reached; trying again');
    else log.error({ err: error, actor }, 'an actor failed; trying again');
  };
}

async function startBroker({ broker, ends }: Context, take: MessageHandler): Promise<void> {
  await broker.start(take);
  ends.add('the broker', () => broker.stop());
}

async function startGateway(context: Context, manifests: Manifests): Promise<void> {
  const { config, log, metrics, ends, broker, database, fence, keys, notifications } = context;
  const revoke = revokeBy((topic, payload) => broker.publish(topic, payload));
  const converger = new Converger(database, fence, keys, screenChannel(context, manifests), revoke, systemClock, {
    firstMs: config.offerFirstMs,
    maxMs: config.offerMaxMs,
    pollMs: POLL_MS,
    onError: actorErrors(log),
    onRepeated: (kind, count) => metrics.repeat(kind, count),
  });
  const presence = new Presence(
    database,
    { waitMs: config.presenceWaitMs, enroll: config.deviceEnrollment === 'open', revoke, onContact: () => converger.wake() },
    metrics.presence,
    log,
  );
  const acknowledgements = new Acknowledgements(
    database,
    { batch: config.intakeBatch, waitMs: config.intakeWaitMs, registerWaiting: () => presence.written() },
    metrics.acknowledgements,
    log,
  );
  const intake = new Intake(acknowledgements, presence);
  ends.add('the intake', () => intake.stop());
  if (config.mqttUrl === undefined) await database.run(allOffline, {});
  await startBroker(context, (message) => intake.take(message));
  converger.start();
  notifications.on('revokes_due', () => converger.wake());
  ends.add('the converger', () => converger.stop());
}

function screenChannel({ broker }: Context, manifests: Manifests): ScreenChannel {
  return new ScreenChannel(
    (topic, payload) => broker.publish(topic, payload),
    (id) => manifests.of(id),
  );
}

function startWorker(context: Context, manifests: Manifests): void {
  const { config, log, metrics, ends, broker, database, fence, keys, notifications } = context;
  const screen = screenChannel(context, manifests);
  const channels = new Map<string, Channel>([[screen.name, screen]]);
  const consumer = new Consumer(
    database,
    fence,
    keys,
    channels,
    { sendMs: config.sendTimeoutMs + 10_000, firstOfferMs: config.offerFirstMs, maxAttempts: SCREEN_ATTEMPTS },
    metrics.consumer,
    log,
  );
  const onError = actorErrors(log);
  const bus = new LocalBus(WORKER_SLOTS, (error) => onError(error, 'consumer'));
  bus.subscribe((message) => consumer.consume(message));
  const dispatcher = new Dispatcher(database, bus, { batch: config.dispatchBatch, leaseMs: config.claimLeaseMs, pollMs: POLL_MS, onError });
  notifications.on('deliveries_due', () => dispatcher.wake());
  broker.onConnectionChange((connected) => {
    if (connected) dispatcher.wake();
  });
  dispatcher.start();
  ends.add('the consumers', () => bus.stop());
  ends.add('the dispatcher', () => dispatcher.stop());
}

async function startDispatch(context: Context): Promise<void> {
  const { config, log, ends, database, notifications, outbox, storage, apiBaseUrl } = context;
  const onError = actorErrors(log);
  const allow = parseFetchAllow(config.assetFetchAllow.join(','));
  if (!allow.ok) throw new StartError(`ASSET_FETCH_ALLOW ${allow.error}.`);
  const fetcher = new GuardedFetcher(storage, new AddressPolicy(allow.allow), {
    maxBytes: config.assetMaxBytes,
    totalMs: config.assetFetchTimeoutMs,
  });
  const sources = new AssetSources(database, storage, fetcher, { apiBaseUrl, waitMs: config.assetWaitMs, onError }, log);
  ends.add('the assets being fetched', () => sources.idle());
  ends.add('the fetcher', () => fetcher.close());
  const builder = new Builder(database, outbox, sources, { pollMs: POLL_MS, onError }, log);
  const launcher = new Launcher(database, outbox, systemClock, { pollMs: POLL_MS, onError });
  const joiner = new Joiner(database, { pollMs: POLL_MS, onError });
  const sweeper = new Sweeper(database, outbox, { pollMs: POLL_MS, onError });
  const relay = new Relay(database, { pollMs: POLL_MS, onError });
  const rescuer = new Rescuer(database, { intervalMs: config.rescueIntervalMs, safeChannels: ['screen'], onError }, log);
  const reconciler = new Reconciler(database, systemClock, { intervalMs: config.reconcileIntervalMs, onError });
  notifications.on('campaign_created', () => builder.wake());
  notifications.on('template_ready', () => launcher.wake());
  notifications.on('execution_started', () => launcher.wake());
  notifications.on('device_entered', () => joiner.wake());
  notifications.on('campaign_cancelled', () => sweeper.wake());
  notifications.on('campaign_completed', () => sweeper.wake());
  notifications.on('fact', () => relay.wake());
  for (const actor of [sources, builder, launcher, joiner, sweeper, relay, rescuer, reconciler]) {
    actor.start();
    ends.add(actor.name, () => actor.stop());
  }
}

async function startApi(context: Context, brokerUrl: string): Promise<void> {
  const { config, log, metrics, ends, broker, database, fence, notifications, storage, apiBaseUrl } = context;
  const screens = new Screens(database);
  const creator = new CampaignCreator(database, systemClock);
  const campaigns = new Campaigns(database, creator, fence, systemClock, {
    minLeadMs: config.minLeadMs,
    countScreens: keptFor(SCREEN_COUNT_KEPT_MS, () => screens.count()),
  });
  const feed = new FeedHub(database, { pollMs: POLL_MS, onError: actorErrors(log) });
  notifications.on('feed', () => feed.wake());
  metrics.gauge('marquee_feed_readers', 'Readers of the live feed', () => feed.readers);
  feed.start();
  ends.add('the feed', () => feed.stop());
  const settings: HttpSettings = { apiBaseUrl, brokerUrl, assetMaxBytes: config.assetMaxBytes, corsOrigins: config.corsOrigins };
  const system: System = {
    now: () => systemClock.now(),
    unready: () => unready(database, broker, config),
    metrics: () => metrics.text(),
  };
  const services = new Map<symbol, unknown>([
    [CAMPAIGNS, campaigns],
    [EXECUTIONS, new Executions(database, systemClock)],
    [DELIVERIES, new Deliveries(database)],
    [SCREENS, screens],
    [AUDIENCES, new Audiences(database)],
    [TEMPLATES, new Templates(database)],
    [STORAGE, storage],
    [FEED, feed],
    [SYSTEM, system],
  ]);
  const app = await startHttpServer({
    host: config.host,
    port: config.port,
    tls: readTls(config.tlsCert, config.tlsKey),
    settings,
    services,
    log,
  });
  ends.add('the API', async () => {
    await feed.stop();
    await stopHttpServer(app);
  });
}

async function unready(database: Database, broker: ScreenBroker, config: Config): Promise<string[]> {
  const reasons: string[] = [];
  await database.withClient((client) => client.query('select 1')).catch(() => reasons.push('the database cannot be reached'));
  const speaksMqtt = config.roles.includes('gateway') || config.roles.includes('worker');
  if (speaksMqtt && !broker.connected) reasons.push('the broker cannot be reached');
  return reasons;
}

/** A value that is read at most so often. */
function keptFor(ms: number, read: () => Promise<number>): () => Promise<number> {
  let kept: { at: number; value: Promise<number> } | undefined;
  return () => {
    const now = performance.now();
    if (kept === undefined || now - kept.at > ms) kept = { at: now, value: read() };
    kept.value.catch(() => {
      kept = undefined;
    });
    return kept.value;
  };
}

/** A host as it stands in a URL; an address that means "every interface" is reached on this machine by loopback. */
function urlHost(host: string): string {
  if (isWildcard(host)) return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
