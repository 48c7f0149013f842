import type { ScreenAudience } from '@marquee/contracts';
import type { Database } from '../store/database.js';
import { audienceArguments } from '../store/screen-audience.js';
import { countAudience } from './audience.store.js';

/** Who is meant. */
export class Audiences {
  constructor(private readonly database: Database) {}

  /** How many screens an audience means now. */
  async count(audience: ScreenAudience): Promise<{ count: number }> {
    const [row] = await this.database.run(countAudience, audienceArguments(audience));
    return { count: row?.n ?? 0 };
  }
}
