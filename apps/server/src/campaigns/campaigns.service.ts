import {
  type CampaignCounts,
  type CampaignDetail,
  type CampaignStatus,
  type CampaignView,
  type CreateCampaign,
  type CreatedCampaign,
  DELIVERY_STATES,
  type Page,
  SCREEN_COUNTS,
} from '@marquee/contracts';
import { isUuid } from '../kit/ids.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import { SharedReads } from '../kit/shared-reads.js';
import type { Database } from '../store/database.js';
import type { CampaignTiming } from './campaign-timing.js';
import { campaignView } from './campaign-view.js';
import { type CampaignRow, campaignCountsOf, campaignTotals, listCampaigns, listCampaignsOfStatus } from './campaigns.store.js';
import type { CampaignCreator } from './create-campaigns.js';
import { knownCampaign } from './known-campaign.js';

export interface ListQuery {
  status?: CampaignStatus | undefined;
  offset: number;
  limit: number;
  cursor?: string | undefined;
}

interface ListRead {
  rows: CampaignRow[];
  totals: { status: string; n: number }[];
}

/** What planners do with campaigns. */
export class Campaigns {
  private readonly shared = new SharedReads<ListRead>();

  constructor(
    private readonly database: Database,
    private readonly creator: CampaignCreator,
    private readonly timing: CampaignTiming,
  ) {}

  /** See `POST /campaigns`: a repetition is answered as the first was, also when the first's times are over by now. */
  async create(body: CreateCampaign): Promise<CreatedCampaign> {
    const refusal = this.timing.refusalOf(body, body.channel !== 'screen') ?? this.timing.refusalOfSchedule(body);
    if (refusal !== undefined) {
      const earlier = await this.creator.earlier(body);
      if (earlier !== undefined) return earlier;
      throw refusal;
    }
    return await this.creator.create(body, body.channel === 'screen' ? await this.timing.warningsFor(body) : []);
  }

  async list(query: ListQuery): Promise<Page<CampaignView>> {
    const before = decodeCursor(query.cursor, isUuid) ?? null;
    const place = { status: query.status, before, skip: before === null ? query.offset : 0, most: query.limit + 1 };
    const { rows, totals } = await this.shared.read(JSON.stringify(place), () => this.readList(place));
    const total = totals.filter((row) => query.status === undefined || row.status === query.status).reduce((sum, row) => sum + row.n, 0);
    return pageOf(rows, { total, offset: query.offset, limit: query.limit }, campaignView, (row) => row.id);
  }

  private async readList({
    status,
    ...place
  }: {
    status: CampaignStatus | undefined;
    before: string | null;
    skip: number;
    most: number;
  }): Promise<ListRead> {
    const { read } = this.database;
    const [rows, totals] = await Promise.all([
      status === undefined ? read.run(listCampaigns, place) : read.run(listCampaignsOfStatus, { ...place, status }),
      read.run(campaignTotals, {}),
    ]);
    return { rows, totals };
  }

  /** The campaign with its counts; NOT_FOUND when there is none. */
  async get(id: string): Promise<CampaignDetail> {
    const row = await knownCampaign(this.database, id);
    // After the row, so that the counts are never older than the version beside them.
    return { ...campaignView(row), counts: await this.countsOf(id) };
  }

  private async countsOf(id: string): Promise<CampaignCounts> {
    const counts = Object.fromEntries([...DELIVERY_STATES, ...SCREEN_COUNTS].map((name) => [name, 0])) as CampaignCounts;
    for (const row of await this.database.run(campaignCountsOf, { id })) {
      if (!(row.state in counts)) continue;
      // Until the present version is built, no screen can have it.
      const ofEarlier = !row.present && (row.state === 'acknowledged' || row.state === 'failedInstall');
      counts[row.state as keyof CampaignCounts] = ofEarlier ? 0 : row.n;
    }
    return counts;
  }
}
