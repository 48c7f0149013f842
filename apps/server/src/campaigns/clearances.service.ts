import { type Clearance, DEVICE_ID_PATTERN, type Page, type UnclearScreen } from '@marquee/contracts';
import { ProblemError } from '../kit/errors.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import type { Database } from '../store/database.js';
import { findCampaign } from './campaigns.store.js';
import { clearanceOf, unclearScreens } from './clearance.store.js';

/** What is left of cancelled campaigns on the screens. */
export class Clearances {
  constructor(private readonly database: Database) {}

  /** How clean the screens are; NOT_FOUND when there is no such campaign. */
  async of(id: string): Promise<Clearance> {
    await this.mustExist(id);
    const [row] = await this.database.run(clearanceOf, { id });
    const { clean, dirty, unreachable, latest_end: latestEnd } = row ?? { clean: 0, dirty: 0, unreachable: 0, latest_end: null };
    return { clean, dirty, unreachable, latestEnd };
  }

  /** The screens that are not clean, by their ids; NOT_FOUND when there is no such campaign. */
  async screens(id: string, query: { offset: number; limit: number; cursor?: string | undefined }): Promise<Page<UnclearScreen>> {
    const after = decodeCursor(query.cursor, (recipient) => DEVICE_ID_PATTERN.test(recipient));
    const { dirty, unreachable } = await this.of(id);
    const place = { after: after ?? '', skip: after === undefined ? query.offset : 0, most: query.limit + 1 };
    const rows = await this.database.run(unclearScreens, { id, ...place });
    return pageOf(
      rows,
      { total: dirty + unreachable, offset: query.offset, limit: query.limit },
      (row): UnclearScreen => ({
        deviceId: row.recipient,
        state: row.online ? 'dirty' : 'unreachable',
        offlineSince: row.offline_since,
        version: row.version,
        endsAt: row.ends_at,
      }),
      (row) => row.recipient,
    );
  }

  private async mustExist(id: string): Promise<void> {
    const [row] = await this.database.run(findCampaign, { id });
    if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no campaign ${id}`);
  }
}
