import { Contents } from '../campaigns/contents.store.js';
import { LANES, type OutsideBus } from '../bus/bus.js';
import { LocalBus } from '../bus/local-bus.js';
import type { Channel } from '../channels/channel.js';
import { GatedPoster } from '../channels/gated-poster.js';
import { type ContentOf, NullChannel } from '../channels/null-channel.js';
import { WebhookChannel } from '../channels/webhook-channel.js';
import type { Manifests } from '../creatives/manifest.js';
import { Claims } from '../dispatch/claims.js';
import { Consumer } from '../dispatch/consumer.js';
import { recipientsOf } from '../deliveries/recipients.store.js';
import { Pacer } from '../dispatch/pacer.js';
import { systemClock } from '../kit/clock.js';
import { webhookPolicy } from './alerts.js';
import { dispatcherOf, handlerOf, MOST_MESSAGES, PACED_MESSAGES, PREFETCH } from './bus.js';
import { type Context, WORKER_SLOTS, actorErrors, channelRatesOf } from './context.js';
import { screenChannel } from './gateway.js';

export function startWorker(context: Context, manifests: Manifests): void {
  const { config, log, metrics, ends, database, fence, keys, members, notifications, bus } = context;
  const screen = screenChannel(context, manifests);
  const contents = new Contents(database);
  const contentOf: ContentOf = (campaignId) => contents.of(campaignId);
  const channels = new Map<string, Channel>(
    [screen, webhookChannel(context, contentOf), new NullChannel(contentOf)].map((channel) => [channel.name, channel]),
  );
  const onError = actorErrors(log);
  const claims = new Claims(database, config.claimLeaseMs, (error) => onError(error, 'claims'));
  ends.add('the claims given back', () => claims.stop());
  const pacer = new Pacer(database, systemClock, channelRatesOf(config));
  const consumer = new Consumer(
    database,
    fence,
    keys,
    claims,
    channels,
    pacer,
    { process: members.id, sendMs: config.sendTimeoutMs + 10_000, firstOfferMs: config.offerFirstMs },
    metrics.consumer,
    log,
  );
  notifications.on('campaign_stopped', (detail) => consumer.callOff(detail));
  if (bus === undefined) claimHere(context, consumer, claims, pacer);
  else takeFrom(bus, context, consumer);
}

/** What another process claimed. */
function takeFrom(bus: OutsideBus, { log, ends }: Context, consumer: Consumer): void {
  const handler = handlerOf(consumer, log);
  const consumptions = LANES.map((lane) => bus.consume(lane, PREFETCH[lane], handler));
  ends.add('the consumers', async () => {
    consumer.hurry();
    await Promise.all(consumptions.map((each) => each.stop()));
  });
}

/** What this process claims for itself. */
function claimHere(context: Context, consumer: Consumer, claims: Claims, pacer: Pacer): void {
  const { log, ends, broker, notifications } = context;
  const onError = actorErrors(log);
  const ofConsumers = { onError: (error: unknown) => onError(error, 'consumer') };
  const plain = new LocalBus({ ofOneCampaign: WORKER_SLOTS, most: MOST_MESSAGES, ...ofConsumers });
  const paced = new LocalBus({ ofOneCampaign: PACED_MESSAGES, most: Number.POSITIVE_INFINITY, ...ofConsumers });
  for (const bus of [plain, paced]) bus.subscribe((message, started) => consumer.consume(message, started));
  const dispatcher = dispatcherOf(context, { plain, paced }, claims, pacer);
  notifications.on('deliveries_due', () => dispatcher.wake());
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
