import { setTimeout as delay } from 'node:timers/promises';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { OnActorError } from '../../kit/actor.js';
import { backoff } from '../../kit/backoff.js';
import { reasonOf } from '../../kit/errors.js';
import { type LinkOptions, RabbitLink } from '../../kit/rabbitmq/rabbitmq-link.js';
import type { ConsumeOptions, Decision, Delivered } from '../click-broker.js';
import { ConsumeSession } from './consume-session.js';

/** A message as it came, beside what a consumer needs of it. */
export interface Arrived extends Delivered {
  message: ConsumeMessage;
}

export interface RabbitConsumerOptions extends ConsumeOptions {
  link: LinkOptions;
  queue: string;
  declare: (model: ChannelModel) => Promise<void>;
  handle: (batch: Arrived[]) => Promise<Decision[]>;
  /** Puts a message among the dead letters; false when that is not certain, and then it is asked again. */
  bury: (message: ConsumeMessage, reason: string) => Promise<boolean>;
  onError: OnActorError;
}

const REOPEN = { firstMs: 100, maxMs: 5000 };

/**
 * A consumer on a connection of its own: a server that takes no messages for want of memory stops reading from connections that publish,
 * and with them the acknowledgements. Its channel is opened anew for ever, with the queue declared where it is gone.
 */
export class RabbitConsumer {
  private readonly link: RabbitLink;
  private session: ConsumeSession | undefined;
  private consumerTag: string | undefined;
  private readonly stopping = new AbortController();
  private readonly ending = new Set<Promise<void>>();

  constructor(private readonly options: RabbitConsumerOptions) {
    this.link = new RabbitLink(options.link, {
      up: (model) => this.open(model),
      down: (reason) => this.session?.lose(reason),
    });
    this.link.start();
  }

  get model(): ChannelModel | undefined {
    return this.link.model;
  }

  /** Messages that were handed out and are not answered. */
  get out(): number {
    return this.session?.outstanding ?? 0;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.session?.stop(this.consumerTag);
    await Promise.all(this.ending);
    await this.link.close();
  }

  private async open(model: ChannelModel): Promise<void> {
    const { queue, prefetch, declare } = this.options;
    await declare(model);
    const channel: Channel = await model.createChannel();
    let reason = 'the channel was closed';
    channel.on('error', (error) => {
      reason = reasonOf(error);
    });
    const session = new ConsumeSession(channel, this.options, this.stopping.signal);
    channel.once('close', () => {
      session.lose(reason);
      this.reopen(model, reason);
    });
    await channel.prefetch(prefetch);
    // A message that is null: the queue is gone.
    const { consumerTag } = await channel.consume(queue, (message) =>
      message === null ? void channel.close().catch(() => undefined) : session.take(message),
    );
    this.session = session;
    this.consumerTag = consumerTag;
    this.ending.add(session.ended.finally(() => this.ending.delete(session.ended)));
    if (this.stopping.signal.aborted) await session.stop(consumerTag);
  }

  /** As long as its connection lasts; another one opens a channel by itself. */
  private reopen(model: ChannelModel, reason: string): void {
    const again = async (): Promise<void> => {
      for (let failures = 1; this.link.model === model && !this.stopping.signal.aborted; failures += 1) {
        this.options.onError(new Error(`the channel of ${this.options.queue} was closed: ${reason}`), 'click consumer');
        await delay(backoff(failures, REOPEN), undefined, { signal: this.stopping.signal });
        if (this.link.model === model && (await this.opened(model))) return;
      }
    };
    again().catch(() => undefined);
  }

  private async opened(model: ChannelModel): Promise<boolean> {
    try {
      await this.open(model);
      return true;
    } catch (error) {
      this.options.onError(error, 'click consumer');
      return false;
    }
  }
}
