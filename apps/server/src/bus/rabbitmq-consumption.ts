import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { setTimeout as delay } from 'node:timers/promises';
import type { OnActorError } from '../kit/actor.js';
import { backoff } from '../kit/backoff.js';
import { reasonOf } from '../kit/errors.js';
import { type LinkOptions, RabbitLink } from '../kit/rabbitmq/rabbitmq-link.js';
import type { BusHandler, BusMetrics } from './bus.js';
import { type BusPatience, decodeMessage } from './bus-message.js';

export interface RabbitmqConsumptionOptions {
  link: LinkOptions;
  queue: string;
  prefetch: number;
  declare: (model: ChannelModel) => Promise<void>;
  patience: BusPatience;
  handler: BusHandler;
  /** Puts a message among the dead letters; false when that is not certain. */
  bury: (message: ConsumeMessage, reason: string) => Promise<boolean>;
  metrics: BusMetrics;
  onError: OnActorError;
}

/** One channel and what came on it. What is not answered when it is lost is the server's again. */
interface Session {
  channel: Channel;
  tag: string | undefined;
  lost: AbortController;
}

/** A consumer of one queue on a connection of its own, which is made anew for ever, with the queue declared where it is gone. */
export class RabbitmqConsumption {
  private readonly link: RabbitLink;
  private session: Session | undefined;
  private readonly handling = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(private readonly options: RabbitmqConsumptionOptions) {
    this.link = new RabbitLink(options.link, {
      up: (model) => this.open(model),
      down: () => this.session?.lost.abort(),
    });
    this.link.start();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    const { session } = this;
    // What is sent meanwhile is not begun, and the server's again as soon as the channel is closed. They reject when it is closed already.
    if (session?.tag !== undefined) await unlessLost(session, session.channel.cancel(session.tag));
    await Promise.all(this.handling);
    // The server answers it behind all that was said before.
    if (session !== undefined) await unlessLost(session, session.channel.close());
    await this.link.close();
  }

  private async open(model: ChannelModel): Promise<void> {
    const { queue, prefetch, declare } = this.options;
    await declare(model);
    const channel = await model.createChannel();
    const session: Session = { channel, tag: undefined, lost: new AbortController() };
    channel.on('error', (error) => this.options.onError(error, 'bus'));
    const hangUp = (): void => void model.close().catch(() => undefined);
    channel.once('close', () => {
      session.lost.abort();
      // Its connection goes with it, and both are made anew.
      if (this.link.model === model && !this.stopping.signal.aborted) hangUp();
    });
    await channel.prefetch(prefetch);
    this.session = session;
    // A message that is null: the queue is gone.
    const { consumerTag } = await channel.consume(queue, (message) => (message === null ? hangUp() : this.take(session, message)));
    session.tag = consumerTag;
  }

  private take(session: Session, message: ConsumeMessage): void {
    if (this.stopping.signal.aborted) return;
    const work = this.handle(session, message)
      .catch((error: unknown) => this.options.onError(error, 'bus'))
      .finally(() => this.handling.delete(work));
    this.handling.add(work);
  }

  private async handle(session: Session, message: ConsumeMessage): Promise<void> {
    const { handler, metrics, onError, patience } = this.options;
    const before = deliveriesBefore(message);
    const decoded = decodeMessage(message.content);
    if ('poison' in decoded) return await this.bury(session, message, decoded.poison);
    if (before >= patience.tries) return await this.bury(session, message, `handed out ${before} times, and nobody was done with it`);
    let isDone = false;
    const done = (): void => {
      if (isDone) return;
      isDone = true;
      metrics.message('done');
      this.say(session, () => session.channel.ack(message));
    };
    try {
      await handler(decoded.message, done);
      done();
    } catch (error) {
      onError(error, 'bus');
      if (isDone) return;
      if (before + 1 >= patience.tries) return await this.bury(session, message, reasonOf(error));
      await this.pause(session, backoff(before + 1, patience.again));
      metrics.message('again');
      this.say(session, () => session.channel.nack(message, false, true));
    }
  }

  /** Acknowledged only when it has arrived among the dead letters; until then it is tried again. */
  private async bury(session: Session, message: ConsumeMessage, reason: string): Promise<void> {
    for (let failures = 1; !(await this.options.bury(message, reason)); failures += 1) {
      await this.pause(session, backoff(failures, this.options.patience.again));
      if (session.lost.signal.aborted || this.stopping.signal.aborted) return;
    }
    this.options.metrics.message('dead');
    this.say(session, () => session.channel.ack(message));
  }

  private async pause(session: Session, ms: number): Promise<void> {
    const over = AbortSignal.any([this.stopping.signal, session.lost.signal]);
    await delay(ms, undefined, { signal: over }).catch(() => undefined);
  }

  private say(session: Session, word: () => void): void {
    if (session.lost.signal.aborted) return;
    try {
      word();
    } catch (error) {
      // The channel is closing: the server gives the message to somebody again.
      this.options.onError(error, 'bus');
    }
  }
}

/** Of a lost connection nothing is answered any more. */
async function unlessLost({ lost: { signal } }: Session, asked: Promise<unknown>): Promise<void> {
  const lost = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([asked.catch(() => undefined), lost]);
}

/** How often a quorum queue has handed it out before. */
function deliveriesBefore({ properties }: ConsumeMessage): number {
  const count: unknown = properties.headers?.['x-delivery-count'];
  return typeof count === 'number' && count > 0 ? count : 0;
}
