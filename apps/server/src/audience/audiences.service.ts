import type { AudienceCountBody } from '@marquee/contracts';
import { contactAudienceArguments } from '../store/contact-audience.js';
import type { Database } from '../store/database.js';
import { audienceArguments } from '../store/screen-audience.js';
import { countAudience, countContactAudience } from './audience.store.js';

/** Who is meant. */
export class Audiences {
  constructor(private readonly database: Database) {}

  /** How many recipients an audience means now, on its channel. */
  async count(meant: AudienceCountBody): Promise<{ count: number }> {
    if (meant.channel === 'screen') return countOf(await this.database.run(countAudience, audienceArguments(meant.audience)));
    const { audience } = meant;
    if ('count' in audience) return { count: audience.count };
    return countOf(await this.database.run(countContactAudience, contactAudienceArguments(audience)));
  }
}

function countOf([row]: { n: number }[]): { count: number } {
  return { count: row?.n ?? 0 };
}
