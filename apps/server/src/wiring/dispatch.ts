import { CHANNELS } from '@marquee/contracts';
import { REDELIVERY } from '../channels/channel.js';
import { AssetSources } from '../creatives/asset-sources.js';
import { Builder } from '../creatives/builder.js';
import { Producer } from '../dispatch/producer.js';
import { Joiner } from '../dispatch/joiner.js';
import { Launcher } from '../dispatch/launcher.js';
import { Reconciler } from '../dispatch/reconciler.js';
import { Rescuer } from '../dispatch/rescuer.js';
import { Starter } from '../dispatch/starter.js';
import { Sweeper } from '../dispatch/sweeper.js';
import { Relay } from '../feed/relay.js';
import { systemClock } from '../kit/clock.js';
import { StartError } from '../kit/errors.js';
import { AddressPolicy, parseFetchAllow } from '../kit/address-policy.js';
import { GuardedFetcher } from '../storage/guarded-fetcher.js';
import { startAlerts } from './alerts.js';
import { claimForWorkers } from './bus.js';
import { newId } from '../kit/ids.js';
import { LeaseLock } from '../store/lease-lock.js';
import { Growth } from '../store/growth.js';
import { type Context, POLL_MS, actorErrors } from './context.js';

const SAFE_CHANNELS = CHANNELS.filter((channel) => REDELIVERY[channel] === 'safe');

/** Long enough for a turn of the producer's, short enough for a slot to bear the death of whoever had it. */
const PRODUCER_LEASE = { atMostMs: 1000, atLeastMs: 20 };

/** How often a look is taken at how large the tables are: two rows of the catalogue. */
const GROWTH_MS = 500;

export async function startDispatch(context: Context): Promise<void> {
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
  const builder = new Builder(database, outbox, sources, { pollMs: POLL_MS, apiBaseUrl: context.screensApi, onError }, log);
  const launcher = new Launcher(database, outbox, systemClock, { pollMs: POLL_MS, onError });
  const starter = new Starter(database, { pollMs: POLL_MS, attempts: config.startAttempts, retryMs: config.startRetryMs, onError });
  const lock = new LeaseLock(database, 'producer', newId(), PRODUCER_LEASE);
  const producer = new Producer(database, lock, systemClock, { pollMs: POLL_MS, onError }, log);
  const joiner = new Joiner(database, { pollMs: POLL_MS, onError });
  const sweeper = new Sweeper(database, outbox, { pollMs: POLL_MS, onError });
  const relay = new Relay(database, { pollMs: POLL_MS, onError });
  const rescuer = new Rescuer(database, { intervalMs: config.rescueIntervalMs, safeChannels: SAFE_CHANNELS, onError }, log);
  const reconciler = new Reconciler(database, systemClock, {
    intervalMs: config.reconcileIntervalMs,
    playLogKeepMs: config.playLogKeepDays * 86_400_000,
    deliveryLogKeepMs: config.deliveryLogKeepDays * 86_400_000,
    onError,
  });
  const growth = new Growth(database, { intervalMs: GROWTH_MS, onError });
  notifications.on('campaign_created', () => builder.wake());
  notifications.on('campaign_edited', () => builder.wake());
  notifications.on('template_ready', () => launcher.wake());
  notifications.on('execution_started', () => launcher.wake());
  notifications.on('slot_set', () => producer.wake());
  notifications.on('campaign_resumed', () => producer.wake());
  notifications.on('execution_new', () => starter.wake());
  notifications.on('device_entered', () => joiner.wake());
  notifications.on('campaign_cancelled', () => sweeper.wake());
  notifications.on('campaign_completed', () => sweeper.wake());
  notifications.on('fact', () => relay.wake());
  for (const actor of [sources, builder, launcher, producer, starter, joiner, sweeper, relay, rescuer, reconciler, growth]) {
    actor.start();
    ends.add(actor.name, () => actor.stop());
  }
  if (context.bus !== undefined) claimForWorkers(context, context.bus);
  startAlerts(context);
}
