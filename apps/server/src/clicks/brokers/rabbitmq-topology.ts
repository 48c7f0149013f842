import type { ChannelModel, Options } from 'amqplib';
import type { Log } from '../../kit/log.js';

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

const PRECONDITION_FAILED = 406;

/** Declares what clicks need. What is there already in another shape is used as it is, with a warning; rejects when it cannot be had. */
export async function declareTopology(model: ChannelModel, log: Log): Promise<void> {
  await exchange(model, CLICKS.exchange, log);
  await exchange(model, DEAD.exchange, log);
  await queue(model, DEAD.queue, DEAD_QUEUE, log);
  await queue(model, CLICKS.queue, CLICK_QUEUE, log);
  await withChannel(model, async (channel) => {
    await channel.bindQueue(DEAD.queue, DEAD.exchange, '#');
    await channel.bindQueue(CLICKS.queue, CLICKS.exchange, CLICKS.key);
  });
}

async function exchange(model: ChannelModel, name: string, log: Log): Promise<void> {
  await asItIs(
    () => withChannel(model, (channel) => channel.assertExchange(name, 'topic', { durable: true })),
    () => withChannel(model, (channel) => channel.checkExchange(name)),
    () => log.warn({ exchange: name }, 'the exchange is there with other properties, and is used as it is'),
  );
}

async function queue(model: ChannelModel, name: string, options: Options.AssertQueue, log: Log): Promise<void> {
  await asItIs(
    () => withChannel(model, (channel) => channel.assertQueue(name, options)),
    () => withChannel(model, (channel) => channel.checkQueue(name)),
    () => log.warn({ queue: name }, 'the queue is there with other arguments, and is used as it is'),
  );
}

async function asItIs(declare: () => Promise<unknown>, check: () => Promise<unknown>, warn: () => void): Promise<void> {
  try {
    await declare();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === PRECONDITION_FAILED)) throw error;
    await check();
    warn();
  }
}

type Channel = Awaited<ReturnType<ChannelModel['createChannel']>>;

/** On a channel of its own: what the server refuses closes the channel. */
export async function withChannel<Result>(model: ChannelModel, work: (channel: Channel) => Promise<Result>): Promise<Result> {
  const channel = await model.createChannel();
  // The call that caused it rejects with the same.
  channel.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => channel.once('close', () => resolve()));
  const result = await work(channel);
  // A close is never answered when the connection is lost meanwhile.
  await Promise.race([channel.close(), closed]);
  return result;
}
