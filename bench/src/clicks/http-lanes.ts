import { connect, type Socket } from 'node:net';

/** The status of an answer, or that there was none: nobody let us in, or the connection ended before it. */
export type Answered = number | 'refused' | 'cut';

const HEAD_END = '\r\n\r\n';

/** One kept-alive connection, one request at a time: as little as HTTP/1.1 takes, since the cores are the server's. */
class Lane {
  private socket: Socket | undefined;
  private pending: ((answered: Answered) => void) | undefined;
  private text = '';

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  ask(request: string, done: (answered: Answered) => void): void {
    this.pending = done;
    this.text = '';
    this.socket ??= this.open();
    this.socket.write(request, 'latin1');
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const socket = connect({ host: this.host, port: this.port, noDelay: true });
    let connected = false;
    socket.once('connect', () => (connected = true));
    socket.on('error', () => undefined);
    socket.on('data', (data) => this.read(data.toString('latin1')));
    socket.on('close', () => {
      if (this.socket === socket) this.socket = undefined;
      this.settle(connected ? 'cut' : 'refused');
    });
    return socket;
  }

  private read(text: string): void {
    this.text += text;
    const end = this.text.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.text.slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.text.length < end + HEAD_END.length + length) return;
    if (/\r\nconnection: close/i.test(head)) {
      this.socket?.destroy();
      this.socket = undefined;
    }
    this.settle(Number(head.slice(9, 12)));
  }

  private settle(answered: Answered): void {
    const done = this.pending;
    this.pending = undefined;
    done?.(answered);
  }
}

/** As many connections as requests are under way: those who click do not wait for each other. */
export class HttpLanes {
  private readonly idle: Lane[] = [];
  private readonly all: Lane[] = [];

  constructor(
    private readonly origin: URL,
    private readonly most: number,
  ) {}

  /** False when all connections are busy: nothing was asked. */
  ask(request: string, done: (answered: Answered) => void): boolean {
    const lane = this.idle.pop() ?? this.another();
    if (lane === undefined) return false;
    lane.ask(request, (answered) => {
      this.idle.push(lane);
      done(answered);
    });
    return true;
  }

  close(): void {
    for (const lane of this.all) lane.close();
  }

  private another(): Lane | undefined {
    if (this.all.length >= this.most) return undefined;
    const lane = new Lane(this.origin.hostname, Number(this.origin.port));
    this.all.push(lane);
    return lane;
  }
}
