import type { Clock } from '../../kit/clock.js';
import type { Runner } from '../../store/database.js';
import type { Acceptance, ClickMessage } from '../click.js';
import type { Fallback } from '../fallback.js';
import { countKeptClicks, keepClicks, oldestClicks, removeClicks } from './publisher.store.js';

/** How old the depth that is answered may be, ms: to count a million rows takes 100. */
const DEPTH_MS = 1000;

/** The fallback in the table click_fallback: on disk when it has answered; nothing in it grows too old. */
export class PostgresFallback implements Fallback {
  readonly kind = 'postgres';
  private counted: { depth: Promise<number>; at: number } | undefined;

  constructor(
    private readonly database: Runner,
    private readonly clock: Clock,
  ) {}

  async store(messages: readonly ClickMessage[]): Promise<void> {
    await this.database.run(keepClicks, {
      processes: messages.map((message) => message.process),
      seqs: messages.map((message) => message.seq),
      ids: messages.map((message) => message.messageId),
      bodies: messages.map((message) => message.body),
      now: this.clock.now(),
    });
  }

  async oldest(most: number): Promise<ClickMessage[]> {
    const rows = await this.database.run(oldestClicks, { most });
    return rows.map(({ process, seq, message_id: messageId, body }) => ({ process, seq, messageId, body }));
  }

  async remove(messages: readonly Acceptance[]): Promise<void> {
    await this.database.run(removeClicks, {
      processes: messages.map((message) => message.process),
      seqs: messages.map((message) => message.seq),
    });
  }

  async depth(): Promise<number> {
    const at = this.clock.monotonic();
    if (this.counted === undefined || at - this.counted.at > DEPTH_MS)
      this.counted = { depth: this.database.run(countKeptClicks, {}).then((rows) => rows[0]?.n ?? 0), at };
    return await this.counted.depth;
  }

  async ping(): Promise<void> {
    await this.database.run(oldestClicks, { most: 1 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
