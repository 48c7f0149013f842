import type { ClicksFilter, ClicksQuery, ClicksReport } from '@marquee/contracts';
import type { Database } from '../../store/database.js';
import { clickRows, clickSeries } from './click-report.store.js';

/** Clicks as they were counted. */
export class ClickReport {
  constructor(private readonly database: Database) {}

  /** The total is that of the series, at one moment; what is counted meanwhile may be in the rows. */
  async report(query: ClicksQuery): Promise<ClicksReport> {
    const { bucket, timeZone, by } = query;
    const series = await this.database.read.run(clickSeries, { ...filterOf(query), bucket, timeZone });
    const total = { raw: 0, unique: 0, human: 0 };
    for (const each of series) {
      total.raw += each.raw;
      total.unique += each.uniq;
      total.human += each.human;
    }
    return {
      total,
      series: series.map(({ at, raw, uniq, human }) => ({ at, raw, unique: uniq, human })),
      rows: by === undefined ? null : await this.rows(query, by),
    };
  }

  private async rows(query: ClicksQuery, by: NonNullable<ClicksQuery['by']>): Promise<ClicksReport['rows']> {
    const { offset, limit } = query;
    const rows = await this.database.read.run(clickRows, { ...filterOf(query), by, skip: offset, most: limit });
    return {
      data: rows.map(({ key, name, raw, uniq, human }) => ({ key, name, raw, unique: uniq, human })),
      total: rows[0]?.rows ?? 0,
      offset,
      limit,
    };
  }
}

function filterOf(query: ClicksFilter) {
  return {
    ad: query.adId ?? null,
    campaign: query.campaignId ?? null,
    creative: query.creativeId ?? null,
    device: query.deviceId ?? null,
    source: query.source ?? null,
    from: query.from,
    to: query.to,
  };
}
