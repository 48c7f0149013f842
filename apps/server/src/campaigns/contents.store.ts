import type { Runner } from '../store/database.js';
import { nullable, statement, t } from '../store/statement.js';

const contentOf = statement({
  name: 'campaigns_content',
  takes: { id: t.uuid },
  gives: { content: nullable(t.json) },
  text: 'select content from campaigns where id = $id',
});

const MOST_KEPT = 1000;

/** What campaigns send to recipients. It never changes, so what was read once is kept. */
export class Contents {
  private readonly kept = new Map<string, unknown>();

  constructor(private readonly database: Runner) {}

  /** Undefined when there is no such campaign, or it sends nothing of its own. */
  async of(campaignId: string): Promise<unknown> {
    const known = this.kept.get(campaignId);
    if (known !== undefined) return known;
    const [row] = await this.database.run(contentOf, { id: campaignId });
    const content = row?.content ?? undefined;
    if (content === undefined) return undefined;
    if (this.kept.size >= MOST_KEPT) this.kept.clear();
    this.kept.set(campaignId, content);
    return content;
  }
}
