import type { ScreenBroker } from '../broker/broker.js';
import type { OutsideBus } from '../bus/bus.js';
import type { FenceKeys } from '../campaigns/fence-keys.store.js';
import type { Config } from '../config/config.js';
import type { OnActorError } from '../kit/actor.js';
import type { Ends } from '../kit/ends.js';
import type { Log } from '../kit/log.js';
import type { Metrics } from '../metrics.js';
import type { FileStorage } from '../storage/file-storage.js';
import { type Database, isUnavailable } from '../store/database.js';
import type { Fence } from '../store/fence.js';
import type { Members } from '../store/members.js';
import type { Notifications } from '../store/notifications.js';
import type { Outbox } from '../store/outbox.js';
import type { GatewayBroker } from './broker.js';

/** The net below the wake-ups: how long an actor sleeps that nothing wakes, ms. */
export const POLL_MS = 1000;

export interface Store {
  database: Database;
  fence: Fence;
  keys: FenceKeys;
  members: Members;
  notifications: Notifications;
  outbox: Outbox;
  storage: FileStorage;
  databaseRole: string;
}

export interface Context extends Store {
  /** Undefined: each worker claims for itself. */
  bus: OutsideBus | undefined;
  config: Config;
  log: Log;
  metrics: Metrics;
  ends: Ends;
  broker: ScreenBroker;
  gateway: GatewayBroker;
  apiBaseUrl: string;
  /** Where screens reach an API now: this process' own, and without one that of another process. */
  screensApi(this: void): Promise<string>;
}

export function actorErrors(log: Log): OnActorError {
  return (error, actor) => {
    if (isUnavailable(error))
      log.warn({ actor, reason: error instanceof Error ? error.message : String(error) }, 'the database cannot be reached; trying again');
    else log.error({ err: error, actor }, 'an actor failed; trying again');
  };
}

/** Sends a second of channels that have a limit, by name. */
export function channelRatesOf({ webhookRate }: Config): Map<string, number> {
  return new Map(webhookRate === undefined ? [] : [['webhook', webhookRate]]);
}

/** Batches that a worker begins at the same time: each holds a lock's connection and one for its statements. */
export const WORKER_SLOTS = 4;
