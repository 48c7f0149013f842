import type { PlaysFilter, PlaysQuery, PlaysReport } from '@marquee/contracts';
import { csvText } from '../kit/csv-text.js';
import type { Database } from '../store/database.js';
import { playLines, playRowsOfAll, playRowsOfEach, playSeriesOfAll, playSeriesOfScreen } from './play-logs.store.js';

const LINES = 2000;
const FIRST_UUID = '00000000-0000-0000-0000-000000000000';

/** Proof of play, as it was counted. */
export class PlayReport {
  constructor(private readonly database: Database) {}

  async report(query: PlaysQuery): Promise<PlaysReport> {
    const { read } = this.database;
    const filter = filterOf(query);
    const { bucket, timeZone, by } = query;
    const series = await read.run(query.deviceId === undefined ? playSeriesOfAll : playSeriesOfScreen, { ...filter, bucket, timeZone });
    const total = { plays: 0, durationMs: 0 };
    for (const each of series) {
      total.plays += each.plays;
      total.durationMs += each.duration_ms;
    }
    return {
      total,
      series: series.map((each) => ({ at: each.at, plays: each.plays, durationMs: each.duration_ms })),
      rows: by === undefined ? null : await this.rows(query, by),
    };
  }

  /** Lines of CSV with a head, read from the database as they are taken. Not one moment's state: what is counted meanwhile may be in it. */
  async *csv(query: PlaysFilter): AsyncGenerator<string> {
    yield 'deviceId,campaignId,campaign,assetId,hour,plays,seconds\r\n';
    let after = { afterDevice: '', afterCampaign: FIRST_UUID, afterAsset: '', afterHour: 0 };
    for (;;) {
      const rows = await this.database.read.run(playLines, { ...filterOf(query), ...after, most: LINES });
      const last = rows.at(-1);
      if (last === undefined) return;
      after = { afterDevice: last.device_id, afterCampaign: last.campaign_id, afterAsset: last.asset_id, afterHour: last.hour };
      yield rows
        .map((row) => {
          const texts = [row.device_id, row.campaign_id, row.campaign, row.asset_id, new Date(row.hour).toISOString()].map(csvText);
          return `${texts.join(',')},${row.plays},${(row.duration_ms / 1000).toFixed(3)}\r\n`;
        })
        .join('');
      if (rows.length < LINES) return;
    }
  }

  private async rows(query: PlaysQuery, by: NonNullable<PlaysQuery['by']>): Promise<PlaysReport['rows']> {
    const { offset, limit, deviceId } = query;
    const ofAll = deviceId === undefined && (by === 'campaign' || by === 'asset');
    const args = { ...filterOf(query), by, skip: offset, most: limit };
    const rows = await this.database.read.run(ofAll ? playRowsOfAll : playRowsOfEach, args);
    return {
      data: rows.map((row) => ({
        deviceId: row.device_id,
        campaignId: row.campaign_id,
        campaign: row.campaign,
        assetId: row.asset_id,
        hour: row.hour,
        plays: row.plays,
        durationMs: row.duration_ms,
      })),
      total: rows[0]?.rows ?? 0,
      offset,
      limit,
    };
  }
}

function filterOf(query: PlaysFilter) {
  return {
    campaign: query.campaignId ?? null,
    device: query.deviceId ?? null,
    asset: query.assetId ?? null,
    from: query.from,
    to: query.to,
  };
}
