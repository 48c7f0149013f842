import type { Config } from './config/config.js';
import { Manifests } from './creatives/manifest.js';
import { Ends } from './kit/ends.js';
import { freePort } from './kit/free-port.js';
import { isWildcard, urlHost } from './kit/hosts.js';
import type { Log } from './kit/log.js';
import { Metrics } from './metrics.js';
import { startApi } from './wiring/api.js';
import { startClickApi } from './wiring/click-api.js';
import { startClicks } from './wiring/clicks.js';
import type { Context } from './wiring/context.js';
import { startDispatch } from './wiring/dispatch.js';
import { openBroker } from './wiring/broker.js';
import { openBus } from './wiring/bus.js';
import { startBroker, startGateway } from './wiring/gateway.js';
import type { Database } from './store/database.js';
import { oldestApi } from './store/processes.js';
import { openStore } from './wiring/store.js';
import { startWorker } from './wiring/worker.js';

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
  const metrics = new Metrics();
  ends.add('metrics', () => metrics.stop());
  const apiBaseUrl = config.apiBaseUrl ?? `${config.tlsCert === undefined ? 'http' : 'https'}://${urlHost(config.host)}:${config.port}`;
  if (config.apiBaseUrl === undefined && isWildcard(config.host))
    log.warn(
      `HOST=${config.host} without API_BASE_URL: screens on other machines are sent to ${apiBaseUrl}, which only this machine reaches`,
    );
  const store = await openStore(config, apiBaseUrl, log, metrics, ends);
  const gateway = openBroker(config, store.database, log);
  const context: Context = {
    config,
    log,
    metrics,
    ends,
    gateway,
    broker: gateway.broker,
    bus: await openBus(config, log, metrics, ends),
    apiBaseUrl,
    screensApi: () => screensApi(config, store.database, apiBaseUrl),
    ...store,
  };

  const manifests = new Manifests(store.database, context.screensApi);
  if (has('gateway')) await startGateway(context, manifests);
  else if (has('worker')) await startBroker(context);
  if (has('worker')) startWorker(context, manifests);
  if (has('dispatch')) await startDispatch(context);
  const clicks = has('clicks') ? await startClicks(context) : undefined;
  if (has('api')) await startApi(context, clicks);
  else if (clicks !== undefined) await startClickApi(context, clicks);
  await store.notifications.start();
  ends.add('notifications', () => store.notifications.stop());
  return {
    apiBaseUrl,
    databaseRole: store.databaseRole,
    brokerUrl: await gateway.url(),
    stop: () => ends.run(),
  };
}

async function screensApi(config: Config, database: Database, apiBaseUrl: string): Promise<string> {
  if (config.apiBaseUrl !== undefined || config.roles.includes('api')) return apiBaseUrl;
  const [oldest] = await database.run(oldestApi, {});
  return oldest?.api_base_url ?? apiBaseUrl;
}
