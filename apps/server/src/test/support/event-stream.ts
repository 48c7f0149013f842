import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Inbox } from './inbox.js';

/** One server-sent event as a browser would be handed it. */
export interface ReadEvent {
  id: string;
  event: string;
  // oxlint-disable-next-line no-explicit-any -- a test looks into whatever came
  data: any;
}

/** Reads a stream of server-sent events (WHATWG HTML §9.2). */
export class EventStream {
  readonly events = new Inbox<ReadEvent>();
  private text = '';

  private constructor(
    private readonly outgoing: ClientRequest,
    readonly response: IncomingMessage,
  ) {}

  /** Resolves when the stream has begun: what happens from then on is told. Unread until `read` where `reads` is false. */
  static async open(url: string, { lastEventId, reads = true }: { lastEventId?: string; reads?: boolean } = {}): Promise<EventStream> {
    const outgoing = request(url, { agent: false, headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId } });
    outgoing.on('error', () => undefined);
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    const stream = new EventStream(outgoing, response);
    if (reads) stream.read();
    return stream;
  }

  read(): void {
    this.response.on('data', (chunk: Buffer) => this.take(chunk.toString()));
  }

  /** The next event from now on, by its kind. */
  first(matches: (event: ReadEvent) => boolean): Promise<ReadEvent> {
    return this.events.first(matches);
  }

  close(): void {
    this.outgoing.destroy();
  }

  private take(text: string): void {
    const blocks = (this.text + text).split('\n\n');
    this.text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line): [string, string] => [line.split(': ', 1)[0] ?? '', line.slice(line.indexOf(': ') + 2)]),
      );
      const data = fields.get('data');
      if (data !== undefined)
        this.events.put({ id: fields.get('id') ?? '', event: fields.get('event') ?? 'message', data: JSON.parse(data) });
    }
  }
}
