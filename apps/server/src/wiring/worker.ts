import { Contents } from '../campaigns/contents.store.js';
import { LocalBus } from '../bus/local-bus.js';
import type { Channel } from '../channels/channel.js';
import { GatedPoster } from '../channels/gated-poster.js';
import { type ContentOf, NullChannel } from '../channels/null-channel.js';
import { WebhookChannel } from '../channels/webhook-channel.js';
import type { Manifests } from '../creatives/manifest.js';
import { Claims } from '../dispatch/claims.js';
import { Consumer } from '../dispatch/consumer.js';
import { recipientsOf } from '../deliveries/recipients.store.js';
import { Dispatcher, type RateOf } from '../dispatch/dispatcher.js';
import { Pacer } from '../dispatch/pacer.js';
import { systemClock } from '../kit/clock.js';
import { webhookPolicy } from './alerts.js';
import { type Context, POLL_MS, WORKER_SLOTS, actorErrors } from './context.js';
import { screenChannel } from './gateway.js';

/** Claims that a worker sends at the same time, of all campaigns: most of them wait for receivers. */
const MOST_MESSAGES = 64;
/** Claims of a campaign that wait for their moments: one is sent, one is prepared, one is on its way. */
const PACED_MESSAGES = 3;

export function startWorker(context: Context, manifests: Manifests): void {
  const { config, log, metrics, ends, broker, database, fence, keys, notifications } = context;
  const screen = screenChannel(context, manifests);
  const contents = new Contents(database);
  const contentOf: ContentOf = (campaignId) => contents.of(campaignId);
  const channels = new Map<string, Channel>(
    [screen, webhookChannel(context, contentOf), new NullChannel(contentOf)].map((channel) => [channel.name, channel]),
  );
  const onError = actorErrors(log);
  const claims = new Claims(database, config.claimLeaseMs, (error) => onError(error, 'claims'));
  ends.add('the claims given back', () => claims.stop());
  const channelRates = new Map(config.webhookRate === undefined ? [] : [['webhook', config.webhookRate]]);
  const pacer = new Pacer(database, systemClock, channelRates);
  const consumer = new Consumer(
    database,
    fence,
    keys,
    claims,
    channels,
    pacer,
    { sendMs: config.sendTimeoutMs + 10_000, firstOfferMs: config.offerFirstMs },
    metrics.consumer,
    log,
  );
  const ofConsumers = { onError: (error: unknown) => onError(error, 'consumer') };
  const plain = new LocalBus({ ofOneCampaign: WORKER_SLOTS, most: MOST_MESSAGES, ...ofConsumers });
  const paced = new LocalBus({ ofOneCampaign: PACED_MESSAGES, most: Number.POSITIVE_INFINITY, ...ofConsumers });
  for (const bus of [plain, paced]) bus.subscribe((message, started) => consumer.consume(message, started));
  const rateOf: RateOf = (perSecond, channel) => pacer.rateOf(perSecond, channel);
  const dispatcher = new Dispatcher(database, { plain, paced }, rateOf, claims, {
    process: context.members.id,
    batch: config.dispatchBatch,
    leaseMs: config.claimLeaseMs,
    pollMs: POLL_MS,
    onError,
  });
  notifications.on('deliveries_due', () => dispatcher.wake());
  notifications.on('campaign_stopped', (detail) => consumer.callOff(detail));
  broker.onConnectionChange((connected) => {
    if (connected) dispatcher.wake();
  });
  dispatcher.start();
  ends.add('the consumers', async () => {
    await Promise.all([plain.stop(), paced.stop()]);
  });
  ends.add('the dispatcher', () => {
    // First, for the dispatcher may be waiting for a claim to end.
    consumer.hurry();
    return dispatcher.stop();
  });
}

function webhookChannel({ config, database, ends }: Context, contentOf: ContentOf): Channel {
  const connections = config.webhookConnections;
  const poster = new GatedPoster(webhookPolicy(config), systemClock, {
    timeoutMs: config.sendTimeoutMs,
    connections,
    allowSetting: 'WEBHOOK_ALLOW',
  });
  ends.add('the webhooks', () => poster.close());
  const options = { slots: connections, maxAttempts: config.webhookAttempts };
  return new WebhookChannel(poster, contentOf, (deliveryIds) => recipientsOf(database, deliveryIds), options);
}
