import { ProblemError } from '../kit/errors.js';
import type { Runner } from '../store/database.js';
import { type CampaignRow, findCampaign } from './campaigns.store.js';

/** The campaign; NOT_FOUND when there is none. */
export async function knownCampaign(runner: Runner, id: string): Promise<CampaignRow> {
  const [row] = await runner.run(findCampaign, { id });
  if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no campaign ${id}`);
  return row;
}
