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
import { Dispatcher } from '../dispatch/dispatcher.js';
import { systemClock } from '../kit/clock.js';
import { webhookPolicy } from './alerts.js';
import { type Context, POLL_MS, WORKER_SLOTS, actorErrors } from './context.js';
import { screenChannel } from './gateway.js';

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
  const consumer = new Consumer(
    database,
    fence,
    keys,
    claims,
    channels,
    { sendMs: config.sendTimeoutMs + 10_000, firstOfferMs: config.offerFirstMs },
    metrics.consumer,
    log,
  );
  const bus = new LocalBus(WORKER_SLOTS, (error) => onError(error, 'consumer'));
  bus.subscribe((message) => consumer.consume(message));
  const dispatcher = new Dispatcher(database, bus, claims, {
    process: context.members.id,
    batch: config.dispatchBatch,
    leaseMs: config.claimLeaseMs,
    pollMs: POLL_MS,
    onError,
  });
  notifications.on('deliveries_due', () => dispatcher.wake());
  broker.onConnectionChange((connected) => {
    if (connected) dispatcher.wake();
  });
  dispatcher.start();
  ends.add('the consumers', () => bus.stop());
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
