import type { Database } from '../store/database.js';
import { findTemplate } from './creatives.store.js';

export interface Template {
  html: string;
  sha256: string;
}

const MOST_KEPT = 200;
const KEEP_MS = 1000;

/** Reads built pages. A fleet asks for the same one at the same moment, so what was read is kept for a second. */
export class Templates {
  private readonly kept = new Map<string, { at: number; template: Promise<Template | undefined> }>();

  constructor(private readonly database: Database) {}

  /** The page of a version, of the present one where none is named; undefined when there is none. */
  find(campaignId: string, version?: number): Promise<Template | undefined> {
    const key = `${campaignId}:${version ?? ''}`;
    const known = this.kept.get(key);
    const now = performance.now();
    if (known !== undefined && now - known.at < KEEP_MS) return known.template;
    const template = this.database.run(findTemplate, { campaign: campaignId, version: version ?? null }).then(([row]) => row);
    template.catch(() => this.kept.delete(key));
    if (this.kept.size >= MOST_KEPT) this.kept.clear();
    this.kept.set(key, { at: now, template });
    return template;
  }
}
