import type { ChannelModel, Options } from 'amqplib';
import type { Log } from '../../kit/log.js';
import { declareExchange, declareQueue, withChannel } from '../../kit/rabbitmq/declare.js';

/** Where clicks go, as outside publishers and consumers know it. */
export const CLICKS = { exchange: 'stats.events', key: 'stats.ad.click', queue: 'stats.ad.click' } as const;
/** Where dead letters go: a topic exchange and its queue, which takes all. */
export const DEAD = { exchange: 'dlq.stats.events', queue: 'dlq.stats.events' } as const;

const DAY_MS = 86_400_000;
/** How long a click may wait in the queue, as the string that AMQP 0-9-1 asks for. */
export const CLICK_TTL = String(DAY_MS);

const CLICK_QUEUE: Options.AssertQueue = {
  durable: true,
  arguments: {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': DEAD.exchange,
    // What dies in the queue leaves it when it has arrived among the dead letters, which a queue offers only that refuses when it is full.
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
    // The net below the consumer's own count of tries: also who has it and dies each time comes to an end.
    'x-delivery-limit': 100,
  },
};
const DEAD_QUEUE: Options.AssertQueue = { durable: true, arguments: { 'x-message-ttl': DAY_MS, 'x-max-length': 100_000 } };

/** Declares what clicks need. What is there already in another shape is used as it is, with a warning; rejects when it cannot be had. */
export async function declareTopology(model: ChannelModel, log: Log): Promise<void> {
  await declareExchange(model, CLICKS.exchange, log);
  await declareExchange(model, DEAD.exchange, log);
  await declareQueue(model, DEAD.queue, DEAD_QUEUE, log);
  await declareQueue(model, CLICKS.queue, CLICK_QUEUE, log);
  await withChannel(model, async (channel) => {
    await channel.bindQueue(DEAD.queue, DEAD.exchange, '#');
    await channel.bindQueue(CLICKS.queue, CLICKS.exchange, CLICKS.key);
  });
}
