import { AlertRules } from '../alerts/alert-rules.service.js';
import { Outages } from '../alerts/outages.service.js';
import type { Backlog } from '@marquee/contracts';
import { Audiences } from '../audience/audiences.service.js';
import type { ScreenBroker } from '../broker/broker.js';
import { CampaignTiming } from '../campaigns/campaign-timing.js';
import { Campaigns } from '../campaigns/campaigns.service.js';
import { Interruptions } from '../campaigns/interruptions.service.js';
import { Clearances } from '../campaigns/clearances.service.js';
import { CampaignCreator } from '../campaigns/create-campaigns.js';
import { CampaignVersions } from '../campaigns/versions.service.js';
import { Ledger } from '../clicks/ledger/ledger.js';
import { DeadLetters } from '../clicks/dead-letters/dead-letters.service.js';
import { ClickReport } from '../clicks/stats/click-report.js';
import type { Config } from '../config/config.js';
import { Contacts } from '../contacts/contacts.service.js';
import { Codes } from '../creatives/codes.js';
import { Templates } from '../creatives/templates.js';
import { Deliveries } from '../deliveries/deliveries.service.js';
import { Executions } from '../executions/executions.service.js';
import { FeedHub } from '../feed/hub.js';
import type { HttpSettings } from '../http/assets.controller.js';
import { readTls, startHttpServer, stopHttpServer } from '../http/server.js';
import type { System } from '../http/system.controller.js';
import {
  ALERT_RULES,
  AUDIENCES,
  CAMPAIGNS,
  CLEARANCES,
  CODES,
  CLICK_LEDGER,
  CLICK_REPORT,
  CLICKS_STATUS,
  CONTACTS,
  CONTROLS,
  DEAD_LETTERS,
  DELIVERIES,
  EXECUTIONS,
  INTERRUPTIONS,
  FEED,
  OUTAGES,
  PLAYS,
  SCREENS,
  SCREEN_HISTORY,
  STORAGE,
  SYSTEM,
  TEMPLATES,
  VERSIONS,
  WHY,
} from '../http/tokens.js';
import { systemClock } from '../kit/clock.js';
import { urlHost } from '../kit/hosts.js';
import { Controls } from '../screens/controls.js';
import { PlayReport } from '../screens/play-report.js';
import { ScreenHistory } from '../screens/screen-history.js';
import { Screens } from '../screens/screens.service.js';
import { Why } from '../screens/why/why.service.js';
import type { Database } from '../store/database.js';
import { Statuses } from '../clicks/status/clicks-status.js';
import type { Clicks } from './clicks.js';
import { statusOf } from './bus.js';
import { type Context, POLL_MS, actorErrors } from './context.js';

const SCREEN_COUNT_KEPT_MS = 5000;

/** What piles up, in the database and so the same in every process. */
const BACKLOG: { name: string; help: string; value: (backlog: Backlog) => number }[] = [
  { name: 'marquee_executions_new', help: 'New executions that wait to be started', value: (backlog) => backlog.new },
  {
    name: 'marquee_oldest_new_seconds',
    help: 'How long the oldest new execution that queues behind none has waited',
    value: (backlog) => (backlog.oldestNewMs ?? 0) / 1000,
  },
  { name: 'marquee_executions_running', help: 'Executions that run', value: (backlog) => backlog.running },
  {
    name: 'marquee_deliveries_pending',
    help: 'Deliveries of live executions that nobody has claimed',
    value: (backlog) => backlog.pendingDeliveries,
  },
  { name: 'marquee_slots_overdue', help: 'Slots that are due and have no execution', value: (backlog) => backlog.overdueSlots },
];

function measuredExecutions({ database, metrics }: Context): Executions {
  const executions = new Executions(database, systemClock);
  metrics.gauges(() => executions.backlog(), BACKLOG);
  return executions;
}

/** `clicks` where this process has that role too: it is served beside the API. */
export async function startApi(context: Context, clicks: Clicks | undefined): Promise<void> {
  const { config, log, metrics, ends, database, fence, notifications, storage, apiBaseUrl } = context;
  const screens = new Screens(database);
  const creator = new CampaignCreator(database, systemClock);
  const timing = new CampaignTiming(systemClock, {
    minLeadMs: config.minLeadMs,
    countScreens: keptFor(SCREEN_COUNT_KEPT_MS, () => screens.count()),
  });
  const campaigns = new Campaigns(database, creator, timing);
  const feed = new FeedHub(database, { pollMs: POLL_MS, onError: actorErrors(log) });
  notifications.on('feed', () => feed.wake());
  metrics.gauge('marquee_feed_readers', 'Readers of the live feed', () => feed.readers);
  feed.start();
  ends.add('the feed', () => feed.stop());
  const system = systemOf(context, clicks);
  const services = new Map<symbol, unknown>([
    [CAMPAIGNS, campaigns],
    [INTERRUPTIONS, new Interruptions(database, fence, systemClock)],
    [VERSIONS, new CampaignVersions(database, timing)],
    [CLEARANCES, new Clearances(database)],
    [EXECUTIONS, measuredExecutions(context)],
    [DELIVERIES, new Deliveries(database)],
    [SCREENS, screens],
    [CONTACTS, new Contacts(database)],
    [CONTROLS, new Controls(database, apiBaseUrl)],
    [PLAYS, new PlayReport(database)],
    ...clickServices(database, clicks),
    [SCREEN_HISTORY, new ScreenHistory(database)],
    [WHY, new Why(database, systemClock)],
    [ALERT_RULES, new AlertRules(database, systemClock, { mails: config.smtpUrl !== undefined })],
    [OUTAGES, new Outages(database)],
    [AUDIENCES, new Audiences(database)],
    [CODES, new Codes(database, apiBaseUrl)],
    [TEMPLATES, new Templates(database)],
    [STORAGE, storage],
    [FEED, feed],
    [SYSTEM, system],
  ]);
  const app = await startHttpServer({
    host: config.host,
    port: config.port,
    tls: readTls(config.tlsCert, config.tlsKey),
    settings: settingsOf(context),
    services,
    trustProxy: config.trustProxy,
    addRoutes: clicks === undefined ? undefined : (fastify) => clicks.addRoutes(fastify),
    log,
  });
  ends.add('the API', async () => {
    await feed.stop();
    await stopHttpServer(app);
  });
}

function settingsOf(context: Context): HttpSettings {
  const { config, apiBaseUrl } = context;
  return {
    apiBaseUrl,
    brokerUrl: () => playersBroker(context),
    assetMaxBytes: config.assetMaxBytes,
    importMaxBytes: config.importMaxBytes,
    corsOrigins: config.corsOrigins,
  };
}

function systemOf({ config, metrics, broker, database, bus }: Context, clicks: Clicks | undefined): System {
  return {
    now: () => systemClock.now(),
    unready: async () => [...(clicks?.unready() ?? []), ...(await unready(database, broker, config))],
    bus: () => statusOf(bus),
    metrics: () => metrics.text(),
  };
}

function clickServices(database: Database, clicks: Clicks | undefined): [symbol, unknown][] {
  const statuses = new Statuses(database);
  return [
    [CLICK_REPORT, new ClickReport(database)],
    [CLICK_LEDGER, new Ledger(database, systemClock)],
    [DEAD_LETTERS, new DeadLetters(database, systemClock)],
    [CLICKS_STATUS, clicks ?? { status: () => statuses.read() }],
  ];
}

/** Where players in a browser find the broker: asked each time, for another process may run it now. */
async function playersBroker({ config, gateway }: Context): Promise<string> {
  const scheme = config.tlsCert === undefined ? 'ws' : 'wss';
  return config.mqttPublicWsUrl ?? `${scheme}://${urlHost(config.host)}:${await gateway.webSocketPort()}`;
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
