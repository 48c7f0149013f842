import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, connect } from 'amqplib';
import { backoff } from '../backoff.js';
import { reasonOf } from '../errors.js';
import type { Log } from '../log.js';

export interface LinkOptions {
  url: string;
  /** What the server's own pages call the connection. */
  name: string;
  log: Log;
  /** Who makes the connection; amqplib, unless a test looks in. */
  connect?: typeof connect;
}

export interface LinkEvents {
  /** Connected: prepares what is needed. A connection for which it rejects is given up, and the next is made. */
  up(model: ChannelModel): Promise<void>;
  down(reason: string): void;
  /** The server takes no messages on this connection for now; undefined: it does again. */
  blocked?(reason: string | undefined): void;
}

const RETRY = { firstMs: 100, maxMs: 5000 };
const CONNECT_MS = 5000;
const CLOSE_MS = 1000;
/** Two of these without a sign of life, and the connection is given up, s. */
const HEARTBEAT_S = '10';

/** One connection that is made anew for ever, with growing pauses. Says in the log when it is lost and when it is there, and nothing between. */
export class RabbitLink {
  private current: { model: ChannelModel; socket: AbortController } | undefined;
  private readonly closing = new AbortController();
  private running: Promise<void> | undefined;
  private readonly url: string;
  private saidDown = false;

  constructor(
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    const url = new URL(options.url);
    if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', HEARTBEAT_S);
    this.url = url.href;
  }

  get model(): ChannelModel | undefined {
    return this.current?.model;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Says goodbye, or hangs up on a server that does not answer. */
  async close(): Promise<void> {
    this.closing.abort();
    const { current } = this;
    if (current !== undefined) await hangUp(current.model, current.socket);
    await this.running;
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.closing.signal.aborted; failures += 1) {
      if (failures > 0) await this.pause(backoff(failures, RETRY));
      if (this.closing.signal.aborted) break;
      if (await this.once()) failures = 0;
    }
  }

  /** One connection, from its making to its end; true when it was of use. */
  private async once(): Promise<boolean> {
    const socket = new AbortController();
    let useful = false;
    let reason = 'the connection was closed';
    try {
      const model = await this.open(socket);
      const closed = new Promise<void>((resolve) => {
        model.once('close', (error?: Error) => {
          if (error !== undefined) reason = reasonOf(error);
          resolve();
        });
      });
      useful = await this.use(model, socket, closed);
    } catch (error) {
      reason = reasonOf(error);
    }
    this.current = undefined;
    if (!this.closing.signal.aborted) this.sayDown(reason);
    this.events.down(reason);
    return useful;
  }

  private async open(socket: AbortController): Promise<ChannelModel> {
    const open = this.options.connect ?? connect;
    const stop = (): void => socket.abort();
    this.closing.signal.addEventListener('abort', stop);
    try {
      // `signal` is net.connect's: it ends a socket whose server says nothing any more.
      const socketOptions = { timeout: CONNECT_MS, noDelay: true, keepAlive: true, signal: socket.signal };
      const model = await open(this.url, { ...socketOptions, clientProperties: { connection_name: this.options.name } });
      model.on('error', (error) => this.options.log.debug({ err: error, connection: this.options.name }, 'an AMQP connection failed'));
      model.on('blocked', (reason) => this.events.blocked?.(reason));
      model.on('unblocked', () => this.events.blocked?.(undefined));
      return model;
    } finally {
      this.closing.signal.removeEventListener('abort', stop);
    }
  }

  private async use(model: ChannelModel, socket: AbortController, closed: Promise<void>): Promise<boolean> {
    this.current = { model, socket };
    if (this.closing.signal.aborted) await hangUp(model, socket);
    const ready = this.events.up(model).then(
      () => true,
      async (error: unknown) => {
        await hangUp(model, socket);
        throw error;
      },
    );
    // A connection that is lost while it is prepared may leave a request without an answer.
    const useful = await Promise.race([ready, closed.then(() => false)]);
    if (!useful) {
      ready.catch(() => undefined);
      return false;
    }
    if (this.saidDown) this.options.log.info({ connection: this.options.name }, 'connected to RabbitMQ again');
    this.saidDown = false;
    await closed;
    return true;
  }

  private sayDown(reason: string): void {
    if (!this.saidDown)
      this.options.log.warn({ connection: this.options.name, reason }, 'RabbitMQ cannot be reached; trying again until it can');
    this.saidDown = true;
  }

  private async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.closing.signal }).catch(() => undefined);
  }
}

async function hangUp(model: ChannelModel, socket: AbortController): Promise<void> {
  const timer = setTimeout(() => socket.abort(), CLOSE_MS);
  const closed = new Promise<void>((resolve) => model.once('close', () => resolve()));
  // It rejects when the connection is closed already, and never answers when that is lost meanwhile.
  await Promise.race([model.close().catch(() => undefined), closed]);
  clearTimeout(timer);
}
