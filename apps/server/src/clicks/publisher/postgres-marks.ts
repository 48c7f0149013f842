import type { Runner } from '../../store/database.js';
import type { Marks } from '../marks.js';
import { markClicks, markedClicks } from './publisher.store.js';

/** Marks in the table click_marks. */
export class PostgresMarks implements Marks {
  constructor(private readonly database: Runner) {}

  async known(messageIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.database.run(markedClicks, { ids: [...messageIds] });
    return new Set(rows.map((row) => row.message_id));
  }

  async mark(messageIds: readonly string[]): Promise<void> {
    await this.database.run(markClicks, { ids: [...messageIds] });
  }
}
