import type { Clock } from '../../kit/clock.js';
import { errorCode, reasonOf } from '../../kit/errors.js';
import type { Database } from '../../store/database.js';
import type { ClickMessage } from '../click.js';
import type { Published } from '../click-broker.js';
import { enqueueClicks } from './click-queue.store.js';

export interface QueueWriterOptions {
  /** How long a publish may take until it is answered by `failed`, ms. */
  confirmMs: number;
  /** After each insert: undefined, or what it failed of. */
  onOutcome: (error: unknown) => void;
}

/** Most messages of one insert: what gathered while the one before was under way goes together. */
const MOST = 1000;
/** Who takes is told at most so often; whoever has just taken looks again by itself. */
const TELL_EVERY_MS = 10;
/** SQLSTATE classes of a value that the database will never take. */
const UNSTORABLE = /^2[23]/;
const CONFIRMED: Published = { result: 'confirmed' };

interface Call {
  messages: readonly ClickMessage[];
  /** Also when it is too late; the first answer counts. */
  answer: (published: Published[]) => void;
  answered: boolean;
}

/** Inserts into the queue, one statement at a time: whoever publishes meanwhile shares the next. */
export class QueueWriter {
  private readonly waiting: Call[] = [];
  private writing: Promise<void> | undefined;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly options: QueueWriterOptions,
  ) {}

  publish(messages: readonly ClickMessage[]): Promise<Published[]> {
    if (messages.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        const index = this.waiting.indexOf(call);
        if (index >= 0) this.waiting.splice(index, 1);
        call.answer(all(messages, `the database did not answer within ${this.options.confirmMs} ms`));
      }, this.options.confirmMs);
      const call: Call = {
        messages,
        answered: false,
        answer: (published) => {
          clearTimeout(deadline);
          call.answered = true;
          resolve(published);
        },
      };
      this.waiting.push(call);
      this.write();
    });
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
  }

  private write(): void {
    if (this.writing !== undefined || this.waiting.length === 0) return;
    this.writing = this.writeOne(this.nextCalls()).finally(() => {
      this.writing = undefined;
      this.write();
    });
  }

  private nextCalls(): Call[] {
    let count = 0;
    let end = 0;
    for (const { messages } of this.waiting) {
      count += messages.length;
      if (end > 0 && count > MOST) break;
      end += 1;
    }
    return this.waiting.splice(0, end);
  }

  private async writeOne(calls: Call[]): Promise<void> {
    const published = await this.insert(calls.flatMap((call) => call.messages));
    let at = 0;
    for (const call of calls) {
      const own = published.slice(at, at + call.messages.length);
      at += call.messages.length;
      if (!call.answered) call.answer(own);
    }
  }

  private async insert(messages: readonly ClickMessage[]): Promise<Published[]> {
    const now = this.clock.monotonic();
    const tell = now - this.toldAt >= TELL_EVERY_MS;
    try {
      await this.database.run(enqueueClicks, {
        messageIds: messages.map((message) => message.messageId),
        bodies: messages.map((message) => message.body),
        processes: messages.map((message) => message.process),
        seqs: messages.map((message) => message.seq),
        tell,
      });
    } catch (error) {
      if (UNSTORABLE.test(errorCode(error) ?? '')) return await this.insertHalves(messages, error);
      this.options.onOutcome(error);
      return all(messages, reasonOf(error));
    }
    if (tell) this.toldAt = now;
    this.options.onOutcome(undefined);
    return messages.map(() => CONFIRMED);
  }

  /** One value that cannot be stored holds up no other: the set is halved until it stands alone. */
  private async insertHalves(messages: readonly ClickMessage[], error: unknown): Promise<Published[]> {
    if (messages.length === 1) return [{ result: 'returned', reason: reasonOf(error) }];
    const middle = messages.length >> 1;
    return [...(await this.insert(messages.slice(0, middle))), ...(await this.insert(messages.slice(middle)))];
  }
}

function all(messages: readonly ClickMessage[], reason: string): Published[] {
  return messages.map(() => ({ result: 'failed', reason }));
}
