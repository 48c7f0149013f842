import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

const FRAME = { method: 1, header: 2, body: 3 };
const FRAME_END = 0xce;
/** Protocol header of a client, before its first frame. */
const GREETING_BYTES = 8;
/** Class and method, as one number. */
const BASIC_PUBLISH = 0x3c0028;
const CHANNEL_CLOSE_OK = 0x140029;
/** Class and method of queue.declare, then: no ticket, the queue `stats.ad.click`, no flags, no arguments. */
const QUEUE = Buffer.from('stats.ad.click', 'latin1');
const BAD_DECLARE = Buffer.concat([Buffer.from([0, 50, 0, 10, 0, 0, QUEUE.length]), QUEUE, Buffer.from([0, 0, 0, 0, 0])]);

/**
 * Stands between a client and RabbitMQ and can say something bad in the client's name: the queue of clicks declared as another one, on which
 * the server closes that channel (406) and no other.
 */
export class AmqpTamper {
  private readonly flows = new Set<ClientFlow>();
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly to: number,
  ) {}

  static async before(port: number): Promise<AmqpTamper> {
    const server = createServer();
    const tamper = new AmqpTamper(server, port);
    server.on('connection', (socket) => tamper.pass(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return tamper;
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    return `amqp://guest:guest@127.0.0.1:${address.port}`;
  }

  /** Says it on a channel that publishes, between two of its messages; resolves when the client knows that the channel is closed. */
  async declareBadly(): Promise<void> {
    await new Promise<void>((closed) => {
      let left = true;
      for (const flow of this.flows) {
        flow.onClosed = closed;
        flow.onPublished = (channel) => {
          if (!left) return undefined;
          left = false;
          return frame(channel, BAD_DECLARE);
        };
      }
    });
    for (const flow of this.flows) flow.onPublished = flow.onClosed = undefined;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }

  private pass(socket: Socket): void {
    const onward = connect(this.to, '127.0.0.1');
    const flow = new ClientFlow();
    this.flows.add(flow);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.sockets.delete(one);
        this.flows.delete(flow);
        other.destroy();
      });
    }
    socket.on('data', (data) => {
      for (const piece of flow.read(data)) onward.write(piece);
    });
    onward.pipe(socket);
  }
}

/** What a client says, frame by frame. */
class ClientFlow {
  /** Asked after each message of a channel; what it answers is said next. */
  onPublished: ((channel: number) => Buffer | undefined) | undefined;
  /** The server had closed a channel. */
  onClosed: (() => void) | undefined;
  private rest: Buffer = Buffer.alloc(0);
  private greeted = false;
  /** Bytes of content that a channel has still to send. */
  private readonly content = new Map<number, number>();

  *read(data: Buffer): Generator<Buffer> {
    let buffer = this.rest.length === 0 ? data : Buffer.concat([this.rest, data]);
    if (!this.greeted && buffer.length >= GREETING_BYTES) {
      this.greeted = true;
      yield buffer.subarray(0, GREETING_BYTES);
      buffer = buffer.subarray(GREETING_BYTES);
    }
    let at = 0;
    let from = 0;
    while (this.greeted && buffer.length - at >= 8) {
      const end = at + 8 + buffer.readUInt32BE(at + 3);
      if (buffer.length < end) break;
      const channel = buffer.readUInt16BE(at + 1);
      const isWhole = this.endsMessage(buffer[at] ?? 0, channel, buffer.subarray(at + 7, end - 1));
      at = end;
      const said = isWhole ? this.onPublished?.(channel) : undefined;
      if (said === undefined) continue;
      yield buffer.subarray(from, at);
      yield said;
      from = at;
    }
    if (at > from) yield buffer.subarray(from, at);
    this.rest = buffer.subarray(at);
  }

  private endsMessage(type: number, channel: number, payload: Buffer): boolean {
    const method = type === FRAME.method ? payload.readUInt32BE(0) : undefined;
    if (method === CHANNEL_CLOSE_OK) this.onClosed?.();
    if (method === BASIC_PUBLISH) this.content.set(channel, Number.POSITIVE_INFINITY);
    else if (type === FRAME.header && this.content.has(channel)) this.content.set(channel, Number(payload.readBigUInt64BE(4)));
    else if (type === FRAME.body && this.content.has(channel)) this.content.set(channel, (this.content.get(channel) ?? 0) - payload.length);
    if (this.content.get(channel) !== 0) return false;
    this.content.delete(channel);
    return true;
  }
}

function frame(channel: number, payload: Buffer): Buffer {
  const whole = Buffer.alloc(payload.length + 8);
  whole[0] = FRAME.method;
  whole.writeUInt16BE(channel, 1);
  whole.writeUInt32BE(payload.length, 3);
  payload.copy(whole, 7);
  whole[whole.length - 1] = FRAME_END;
  return whole;
}
