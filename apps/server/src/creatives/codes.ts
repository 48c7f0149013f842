import type { CampaignCodes } from '@marquee/contracts';
import { ProblemError } from '../kit/errors.js';
import { scanCode, scanLink } from '../kit/scan-codes.js';
import type { Database } from '../store/database.js';
import { codesOfCampaign } from './codes.store.js';
import type { CreativeAsset } from './manifest.js';

/** The codes of campaigns: those that no screen draws, for print, and those of one screen, to be looked at. */
export class Codes {
  constructor(
    private readonly database: Database,
    private readonly apiBaseUrl: string,
  ) {}

  /** None where the campaign leads nowhere; NOT_FOUND when there is no such campaign. */
  async of(campaignId: string, deviceId?: string): Promise<CampaignCodes> {
    const [row] = await this.database.run(codesOfCampaign, { id: campaignId });
    if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no campaign ${campaignId}`);
    const assets = row.click_url === null ? [] : (row.assets as Pick<CreativeAsset, 'id' | 'number'>[]);
    const codes = assets.map(({ id, number }) => ({
      assetId: id,
      link: scanLink(this.apiBaseUrl, scanCode(row.code_key, number, deviceId)),
    }));
    return { clickUrl: row.click_url, codes };
  }
}
