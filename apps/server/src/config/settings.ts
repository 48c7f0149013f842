import type { z } from 'zod';
import { clicks } from './click-settings.js';
import { optional, type Setting, setting } from './setting.js';
import {
  choice,
  flag,
  host,
  hostsAndNetworks,
  mailAddress,
  milliseconds,
  origins,
  path,
  roleList,
  sessionName,
  url,
  whole,
} from './types.js';

const port = whole(0, 65_535, 'a port');

const process = {
  port: setting(
    'PORT',
    port,
    '3000',
    'Port of the API, the console and the player; each process with the role api or clicks needs one of its own. 0: any free one.',
  ),
  host: setting('HOST', host, '127.0.0.1', 'Address that every listener binds to, the MQTT ones included.'),
  apiBaseUrl: optional(
    'API_BASE_URL',
    url('http', 'https'),
    'Address under which screens, and phones that scan QR codes, reach this API. Not set: made from HOST and PORT.',
  ),
  tlsCert: optional('TLS_CERT', path, 'PEM file with the certificate chain; with it and TLS_KEY every listener speaks TLS.'),
  tlsKey: optional('TLS_KEY', path, 'PEM file with the key of TLS_CERT.'),
  roles: setting(
    'ROLES',
    roleList,
    'all',
    'The work that this process does: api, dispatch, worker, gateway, clicks (with commas between), or all. See docs/processes.md.',
  ),
  workerName: optional(
    'WORKER_NAME',
    sessionName,
    'What this process is called in timelines and in the list of database sessions. Not set: the machine’s name and the process id.',
  ),
  logLevel: setting('LOG_LEVEL', choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'), 'info', 'The least that is logged.'),
};

const data = {
  dataDir: setting(
    'DATA_DIR',
    path,
    './data',
    'Folder of everything that is kept: the database, unless DATABASE_URL is set, and the assets.',
  ),
  databaseUrl: optional(
    'DATABASE_URL',
    url('postgres', 'postgresql'),
    'A PostgreSQL from 15 on. Not set: an embedded one is kept in DATA_DIR.',
  ),
  databaseReadUrl: optional(
    'DATABASE_READ_URL',
    url('postgres', 'postgresql'),
    'A replica for reads that may lag. Not set: the primary answers them.',
  ),
  databasePool: setting('DATABASE_POOL', whole(2, 1000), '10', 'Most connections to the database that this process holds for its queries.'),
  storageUrl: optional(
    'STORAGE_URL',
    choice('files').meta({ secret: true }),
    'Where assets are kept. Not set: files in DATA_DIR, the only place so far.',
  ),
};

const access = {
  auth: setting('AUTH', choice('off'), 'off', 'Who may call the API. So far: anyone who can reach it.'),
  allowOpen: setting('ALLOW_OPEN', flag, '0', 'With AUTH=off, lets HOST be an address that other machines can reach.'),
  corsOrigins: setting('CORS_ORIGINS', origins, '*', 'Origins whose pages may call the API.'),
  deviceEnrollment: setting(
    'DEVICE_ENROLLMENT',
    choice('open'),
    'open',
    'How a screen never seen before is taken in: open, by its first status.',
  ),
};

const mqtt = {
  mqttUrl: optional(
    'MQTT_URL',
    url('mqtt', 'mqtts', 'ws', 'wss'),
    'An outside broker. Not set: the embedded one, on the two ports below, shared by all processes on one DATA_DIR.',
  ),
  mqttPort: setting(
    'MQTT_PORT',
    port,
    '1883',
    'TCP port of the embedded broker, where this process is the first to run it. 0: any free one.',
  ),
  mqttWsPort: setting(
    'MQTT_WS_PORT',
    port,
    '9001',
    'WebSocket port of the embedded broker, where this process is the first to run it. 0: any free one.',
  ),
  mqttPublicWsUrl: optional(
    'MQTT_PUBLIC_WS_URL',
    url('ws', 'wss'),
    'Broker address handed to players in a browser. Not set: made from HOST and MQTT_WS_PORT.',
  ),
  mqttConnections: setting(
    'MQTT_CONNECTIONS',
    whole(1, 64),
    '1',
    'Connections of this process to an outside broker; screens are spread over them.',
  ),
  intakeBatch: setting('INTAKE_BATCH', whole(1, 10_000), '2000', 'Most acknowledgements written in one statement.'),
  intakeWaitMs: setting('INTAKE_WAIT_MS', milliseconds(0), '50', 'Longest that an acknowledgement waits for others to be written with.'),
  presenceWaitMs: setting(
    'PRESENCE_WAIT_MS',
    milliseconds(0),
    '500',
    'How long changes of presence are gathered; of each screen only the last is written.',
  ),
  replayWaitMs: setting(
    'REPLAY_WAIT_MS',
    milliseconds(1),
    '10000',
    'How long missing events of a screen may take to come by themselves before it is asked for them; asked again ever slower.',
  ),
  replaysPerSecond: setting('REPLAYS_PER_SECOND', whole(1, 10_000), '200', 'Most screens asked for missing events in one second.'),
  playLogKeepDays: setting(
    'PLAY_LOG_KEEP_DAYS',
    whole(8, 3650, 'a number of days'),
    '10',
    'How long the logs of plays are kept as they came; what was played in each hour is kept for good.',
  ),
};

const assets = {
  assetMaxBytes: setting(
    'ASSET_MAX_BYTES',
    whole(1, Number.MAX_SAFE_INTEGER, 'a number of bytes'),
    '1073741824',
    'Largest asset that is taken in or fetched.',
  ),
  importMaxBytes: setting(
    'IMPORT_MAX_BYTES',
    whole(1, Number.MAX_SAFE_INTEGER, 'a number of bytes'),
    '1073741824',
    'Largest file of contacts or screens that is imported.',
  ),
  assetFetchAllow: setting(
    'ASSET_FETCH_ALLOW',
    hostsAndNetworks,
    '',
    'Hosts and networks fetched from although private; the others are refused.',
  ),
  assetFetchTimeoutMs: setting('ASSET_FETCH_TIMEOUT_MS', milliseconds(1), '30000', 'Longest that one fetch of an asset may take.'),
  assetWaitMs: setting('ASSET_WAIT_MS', milliseconds(0), '2000', 'Longest that publishing waits for assets that are still being fetched.'),
};

const dispatch = {
  busUrl: optional(
    'BUS_URL',
    url('amqp', 'amqps', 'redis', 'rediss'),
    'What carries deliveries from the processes that claim (dispatch) to those that send (worker): RabbitMQ (amqp) or Redis. Not set: each worker claims for itself.',
  ),
  deliveryLogKeepDays: setting(
    'DELIVERY_LOG_KEEP_DAYS',
    whole(1, 3650, 'a number of days'),
    '30',
    'How long the timeline of a delivery is kept; what became of it is kept for good.',
  ),
  minLeadMs: setting('MIN_LEAD_MS', milliseconds(0), '0', 'Above 0, a campaign must start at least this much later than it is created.'),
  dispatchBatch: setting('DISPATCH_BATCH', whole(1, 10_000), '500', 'Most deliveries claimed, begun or settled in one statement.'),
  sendTimeoutMs: setting('SEND_TIMEOUT_MS', milliseconds(1, 600_000), '10000', 'Longest that one send may take.'),
  claimLeaseMs: setting(
    'CLAIM_LEASE_MS',
    milliseconds(1),
    '30000',
    'How long a claim is held; a worker that died costs its deliveries this long.',
  ),
  rescueIntervalMs: setting('RESCUE_INTERVAL_MS', milliseconds(1), '5000', 'How often expired claims and sends are returned.'),
  reconcileIntervalMs: setting(
    'RECONCILE_INTERVAL_MS',
    milliseconds(1),
    '1000',
    'How often drained executions are completed and cancelled ones swept.',
  ),
  startAttempts: setting('START_ATTEMPTS', whole(1, 100), '5', 'How often the start of an execution is tried before it is FAILED.'),
  startRetryMs: setting(
    'START_RETRY_MS',
    milliseconds(1),
    '1000',
    'Before the second attempt to start an execution; ever longer before later ones.',
  ),
  offerFirstMs: setting(
    'OFFER_FIRST_MS',
    milliseconds(1),
    '10000',
    'First repetition of an offer that a screen has not acknowledged; later ones come ever slower.',
  ),
  offerMaxMs: setting('OFFER_MAX_MS', milliseconds(1), '300000', 'Longest between two offers to one screen.'),
  fenceDeadlineMs: setting(
    'FENCE_DEADLINE_MS',
    milliseconds(1),
    '2000',
    'No send starts later than this after its batch asked for its campaign’s lock.',
  ),
  fenceIdleMs: setting(
    'FENCE_IDLE_MS',
    milliseconds(1),
    '5000',
    'The database ends a lock held for this long; must be above FENCE_DEADLINE_MS.',
  ),
  fenceWaitMs: setting(
    'FENCE_WAIT_MS',
    milliseconds(1),
    '5000',
    'Longest that pause and cancel wait for senders before they answer that they cannot be sure.',
  ),
};

const webhooks = {
  webhookAllow: setting(
    'WEBHOOK_ALLOW',
    hostsAndNetworks,
    '',
    'Hosts and networks that webhooks may lead to although private; with AUTH=off on a loopback HOST this machine is one, link-local addresses never.',
  ),
  webhookConnections: setting(
    'WEBHOOK_CONNECTIONS',
    whole(1, 10_000),
    '256',
    'Most webhooks of campaigns that this process has under way at once, each on a connection of its own.',
  ),
  webhookAttempts: setting(
    'WEBHOOK_ATTEMPTS',
    whole(1, 100),
    '10',
    'Attempts after which a webhook of a campaign that keeps failing is FAILED. The pauses grow from a second to a minute.',
  ),
  webhookRate: optional(
    'WEBHOOK_RATE',
    whole(1, 1_000_000, 'a number of webhooks'),
    'Most webhooks of campaigns that start in any one second, over all campaigns and processes; the same in every process. Not set: no limit.',
  ),
};

const alerts = {
  smtpUrl: optional(
    'SMTP_URL',
    url('smtp', 'smtps'),
    'Mail server, with user and password if it wants them. Not set: emails are not sent.',
  ),
  alertFrom: setting('ALERT_FROM', mailAddress, 'marquee@localhost', 'Sender of alert emails.'),
};

export type { Setting } from './setting.js';

export const sections = [
  { title: 'The process', settings: process },
  { title: 'Data', settings: data },
  { title: 'Access', settings: access },
  { title: 'Screens (MQTT)', settings: mqtt },
  { title: 'Assets', settings: assets },
  { title: 'Dispatch', settings: dispatch },
  { title: 'Webhooks', settings: webhooks },
  { title: 'Alerts', settings: alerts },
  { title: 'Clicks', settings: clicks },
];

export const settings = { ...process, ...data, ...access, ...mqtt, ...assets, ...dispatch, ...webhooks, ...alerts, ...clicks };

type Settings = typeof settings;

/** What the settings come to: durations in ms, paths absolute, lists as arrays. */
export type Config = {
  readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer Type, infer Fallback>
    ? z.output<Type> | (Fallback extends undefined ? undefined : never)
    : never;
};
