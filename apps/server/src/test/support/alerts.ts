import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { NoticeBody } from '@marquee/contracts';
import { SMTPServer } from 'smtp-server';
import { Inbox } from './inbox.js';

export interface Posted {
  headers: IncomingHttpHeaders;
  text: string;
  body: NoticeBody;
}

/** A webhook of somebody's, which keeps what it is posted. */
export class WebhookReceiver {
  readonly posts = new Inbox<Posted>();
  /** Answers to come, the next first; 204 when there are none. */
  readonly answers: { status: number; headers?: Record<string, string> }[] = [];
  private readonly server = createServer((request, response) => {
    void text(request).then((body) => {
      const { status, headers = {} } = this.answers.shift() ?? { status: 204 };
      response.writeHead(status, headers).end();
      this.posts.put({ headers: request.headers, text: body, body: JSON.parse(body) as NoticeBody });
    });
  });

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Whether a post was signed with this secret, as a receiver would find out. */
export function isSigned({ headers, text: body }: Posted, secret: string): boolean {
  const timestamp = String(headers['x-marquee-timestamp']);
  return headers['x-marquee-signature'] === `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

export interface Received {
  from: string;
  to: string[];
  text: string;
}

/** A mail server that takes every mail but those to `refused@…`. */
export class MailReceiver {
  readonly mails = new Inbox<Received>();
  /** How many senders to turn away for now. */
  busyFor = 0;
  private readonly server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onMailFrom: (_address, _session, callback) => {
      this.busyFor -= 1;
      callback(this.busyFor >= 0 ? Object.assign(new Error('busy'), { responseCode: 451 }) : null);
    },
    onRcptTo: ({ address }, _session, callback) =>
      callback(address.startsWith('refused@') ? Object.assign(new Error('no such mailbox'), { responseCode: 550 }) : null),
    onData: (stream, session, callback) => {
      void text(stream).then((body) => {
        const { mailFrom, rcptTo } = session.envelope;
        this.mails.put({ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map((each) => each.address), text: body });
        callback();
      });
    },
  });

  static async start(): Promise<MailReceiver> {
    const receiver = new MailReceiver();
    receiver.server.on('error', () => undefined);
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server.server, 'listening');
    return receiver;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }
}
