import type { ClicksFilter, ClicksQuery, ClicksReport } from '@marquee/contracts';
import { csvText } from '../../kit/csv-text.js';
import type { Database } from '../../store/database.js';
import { clickLines, clickRows, clickSeries } from './click-report.store.js';

const LINES = 2000;

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

  /** Lines of CSV with a head, read from the database as they are taken. Not one moment's state: what is counted meanwhile may be in it. */
  async *csv(query: ClicksFilter): AsyncGenerator<string> {
    yield 'from,campaignId,campaign,adId,creativeId,deviceId,source,raw,unique,human\r\n';
    const { bucket, timeZone } = query;
    let after = { afterAt: -1, after: [''] };
    // From there on, so that each page reads less than the one before it; a bucket may begin before the time asked for.
    let { from } = query;
    for (;;) {
      const rows = await this.database.read.run(clickLines, { ...filterOf(query), from, bucket, timeZone, ...after, most: LINES });
      const last = rows.at(-1);
      if (last === undefined) return;
      after = { afterAt: last.at, after: last.key };
      from = Math.max(from, last.at);
      yield rows
        .map(({ at, key: [campaignId = '', ...others], campaign, raw, uniq, human }) => {
          const texts = [new Date(at).toISOString(), campaignId, campaign ?? '', ...others].map(csvText);
          return `${texts.join(',')},${raw},${uniq},${human}\r\n`;
        })
        .join('');
      if (rows.length < LINES) return;
    }
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
