import { createTransport, type Transporter } from 'nodemailer';
import { errorCode, reasonOf } from '../kit/errors.js';
import { unlessAborted } from '../kit/unless-aborted.js';

export interface Mail {
  to: string;
  subject: string;
  text: string;
  /** The same on every repetition: becomes the message's id, by which a mailbox knows a double. */
  id: string;
}

/** How a send ended; `refused` will not end otherwise by being repeated. */
export type MailOutcome = { ok: true } | { ok: false; kind: 'refused' | 'failed'; reason: string };

/** Sends plain text by SMTP, one connection a mail: alerts are few. */
export class Mailer {
  private readonly transport: Transporter;
  private readonly stopping = new AbortController();

  constructor(
    /** `smtp://user:password@host:port`, or `smtps://`. */
    smtpUrl: string,
    private readonly from: string,
    /** Longest that one mail may take in all, ms. */
    private readonly timeoutMs: number,
  ) {
    const times = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, dnsTimeout: timeoutMs };
    this.transport = createTransport({ url: smtpUrl, ...times, disableFileAccess: true, disableUrlAccess: true });
  }

  async send({ to, subject, text, id }: Mail): Promise<MailOutcome> {
    const late = AbortSignal.timeout(this.timeoutMs);
    const signal = AbortSignal.any([late, this.stopping.signal]);
    const mail = { from: this.from, to: { name: '', address: to }, subject, text, messageId: `<${id}@marquee>` };
    try {
      await unlessAborted(signal, () => this.transport.sendMail(mail));
      return { ok: true };
    } catch (error) {
      if (late.aborted) return { ok: false, kind: 'failed', reason: `the mail server took longer than ${this.timeoutMs} ms` };
      if (signal.aborted) return { ok: false, kind: 'failed', reason: 'the server was stopping' };
      return { ok: false, kind: isFinal(error) ? 'refused' : 'failed', reason: reasonOf(error).slice(0, 300) };
    }
  }

  /** Ends what is under way; it may be repeated. */
  close(): void {
    this.stopping.abort();
    this.transport.close();
  }
}

/** 5xx is the mail server's last word on this message (RFC 5321 §4.2.1), but a wrong password is ours to mend. */
function isFinal(error: unknown): boolean {
  if (errorCode(error) === 'EAUTH' || typeof error !== 'object' || error === null || !('responseCode' in error)) return false;
  return typeof error.responseCode === 'number' && error.responseCode >= 500;
}
