import { contactId, type DeliveryDetail, type DeliveryState, type DeliveryView, type Page } from '@marquee/contracts';
import { ProblemError } from '../kit/errors.js';
import { decodeCursor, pageOf } from '../kit/paging.js';
import type { Database } from '../store/database.js';
import { deliveryView } from '../store/delivery-row.js';
import { countDeliveries, findDelivery, listDeliveries } from './deliveries.store.js';
import { claimOfDelivery, clicksOnScreen, logOfDelivery, playsOf, screensWords } from './timeline.store.js';
import { madeAt, playsView, timelineOf } from './timeline.js';

export interface DeliveryQuery {
  status?: DeliveryState | undefined;
  offset: number;
  limit: number;
  cursor?: string | undefined;
}

/** What became of each recipient. */
export class Deliveries {
  constructor(private readonly database: Database) {}

  /** Deliveries of the campaign's execution that started last, by recipient; none when it was never run. NOT_FOUND when there is no such campaign. */
  async list(campaign: string, query: DeliveryQuery): Promise<Page<DeliveryView>> {
    const after = decodeCursor(query.cursor, (recipient) => contactId.safeParse(recipient).success);
    const status = query.status ?? null;
    const { read } = this.database;
    const [rows, [counted]] = await Promise.all([
      read.run(listDeliveries, {
        campaign,
        status,
        after: after ?? '',
        skip: after === undefined ? query.offset : 0,
        most: query.limit + 1,
      }),
      read.run(countDeliveries, { campaign, status }),
    ]);
    if (counted?.known !== true) throw new ProblemError('NOT_FOUND', `there is no campaign ${campaign}`);
    return pageOf(rows, { total: counted.n, offset: query.offset, limit: query.limit }, deliveryView, (row) => row.recipient);
  }

  /** One with its timeline. NOT_FOUND when there is none. */
  async get(id: string): Promise<DeliveryDetail> {
    const [row] = await this.database.run(findDelivery, { id });
    if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no delivery ${id}`);
    const of = { id, execution: row.execution_id, campaign: row.campaign_id, recipient: row.recipient };
    const { read } = this.database;
    const since = madeAt(id);
    const [log, [held], said, clicks, [plays]] = await Promise.all([
      read.run(logOfDelivery, { id, execution: of.execution }),
      read.run(claimOfDelivery, { id }),
      read.run(screensWords, { campaign: of.campaign, recipient: of.recipient, since }),
      read.run(clicksOnScreen, { campaign: of.campaign, recipient: of.recipient, since }),
      read.run(playsOf, { campaign: of.campaign, recipient: of.recipient }),
    ]);
    return { ...deliveryView(row), timeline: timelineOf(row, { log, held, said, clicks }), plays: playsView(plays) };
  }
}
