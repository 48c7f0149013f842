import type { CampaignStatus, Page, ScreenDelivery, ScreenEventType, StoredEvent } from '@marquee/contracts';
import { ProblemError } from '../kit/errors.js';
import { decodeCursor, encodeCursor } from '../kit/paging.js';
import type { Database } from '../store/database.js';
import { deliveryView } from '../store/delivery-row.js';
import type { ValuesOf } from '../store/statement.js';
import { listScreenDeliveries, listScreenEvents } from './screen-history.store.js';
import { findScreen } from './screens.store.js';

export interface HistoryQuery {
  offset: number;
  limit: number;
  cursor?: string | undefined;
}

/** One page of what nobody counts; `nextCursor` is null on the last one. */
export type UncountedPage<Item> = Omit<Page<Item>, 'total'>;

/** What was meant for one screen, and what it said. */
export class ScreenHistory {
  constructor(private readonly database: Database) {}

  /** Deliveries to the screen, the newest execution first. NOT_FOUND when the screen is not registered. */
  async deliveries(id: string, { offset, limit, cursor }: HistoryQuery): Promise<UncountedPage<ScreenDelivery>> {
    await this.mustExist(id);
    const from = Number(decodeCursor(cursor, (text) => /^\d{1,8}$/.test(text)) ?? offset);
    const rows = await this.database.read.run(listScreenDeliveries, { id, skip: from, most: limit + 1 });
    const data = rows.slice(0, limit).map(deliveryOf);
    return { data, offset: from, limit, nextCursor: rows.length > limit ? encodeCursor(String(from + limit)) : null };
  }

  /** Its events, the last one first; `offset` is not looked at. NOT_FOUND when the screen is not registered. */
  async events(id: string, { limit, cursor }: HistoryQuery): Promise<UncountedPage<StoredEvent>> {
    await this.mustExist(id);
    const before = Number(decodeCursor(cursor, (text) => /^\d{1,15}$/.test(text)) ?? Number.MAX_SAFE_INTEGER);
    const rows = await this.database.read.run(listScreenEvents, { id, before, most: limit + 1 });
    const kept = rows.slice(0, limit);
    const last = kept.at(-1);
    const nextCursor = rows.length > limit && last !== undefined ? encodeCursor(String(last.id)) : null;
    return { data: kept.map(eventOf), offset: 0, limit, nextCursor };
  }

  private async mustExist(id: string): Promise<void> {
    const [row] = await this.database.read.run(findScreen, { id });
    if (row === undefined) throw new ProblemError('NOT_FOUND', `there is no screen ${id}`);
  }
}

function deliveryOf(row: ValuesOf<typeof listScreenDeliveries.gives>): ScreenDelivery {
  return {
    ...deliveryView(row),
    campaign: row.campaign,
    campaignStatus: row.campaign_status as CampaignStatus,
    startAt: row.start_at,
    expireAt: row.expire_at,
  };
}

function eventOf(row: ValuesOf<typeof listScreenEvents.gives>): StoredEvent {
  return {
    eventId: row.event_id,
    eventType: row.event_type.toUpperCase() as ScreenEventType,
    campaignId: row.campaign_id,
    campaign: row.campaign,
    version: row.version,
    occurredAt: row.occurred_at,
    storedAt: row.stored_at,
    reason: row.reason,
    plays: row.plays,
  };
}
