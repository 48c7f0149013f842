import type { ChannelModel, Options } from 'amqplib';
import type { Log } from '../log.js';

const PRECONDITION_FAILED = 406;

/** Declares a durable topic exchange; one that is there already in another shape is used as it is, with a warning. */
export async function declareExchange(model: ChannelModel, name: string, log: Log): Promise<void> {
  await asItIs(
    () => withChannel(model, (channel) => channel.assertExchange(name, 'topic', { durable: true })),
    () => withChannel(model, (channel) => channel.checkExchange(name)),
    () => log.warn({ exchange: name }, 'the exchange is there with other properties, and is used as it is'),
  );
}

/** The same of a queue. Rejects when it cannot be had. */
export async function declareQueue(model: ChannelModel, name: string, options: Options.AssertQueue, log: Log): Promise<void> {
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
