import { clicksFilter, clicksQuery } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../kit/ids.js';
import { click, delivered, statsConsumer } from '../../test/support/clicks.js';
import { openTestStore, runningCampaign, type TestStore } from '../../test/support/store.js';
import type { ClickEvent } from '../click.js';
import { ClickReport } from './click-report.js';

const HOUR = 3_600_000;
let store: TestStore;
let report: ClickReport;

beforeAll(async () => {
  store = await openTestStore();
  report = new ClickReport(store.database);
});
afterAll(() => store.close());

async function count(...clicks: Partial<ClickEvent>[]): Promise<void> {
  await statsConsumer(store).handle(clicks.map((each, seq) => delivered(click(each), { process: 0, seq })));
}
const seriesOf = async (query: object) =>
  (await report.report(clicksQuery.parse(query))).series.map(({ at, raw }) => [new Date(at).toISOString(), raw]);
async function textOf(query: object): Promise<string> {
  let text = '';
  for await (const part of report.csv(clicksFilter.parse(query))) text += part;
  return text;
}

test('a minute in which the time begins belongs to it, one in which it ends as well', async () => {
  const now = Date.UTC(2026, 5, 1, 10, 0, 30);
  await count(...[-60_000, -20_000, 0, 20_000, 60_000].map((by) => ({ adId: 'edges', clickedAt: now + by })));
  const { total, series } = await report.report(clicksQuery.parse({ adId: 'edges', from: now, to: now + 1, bucket: 'minute' }));
  expect(total).toEqual({ raw: 3, unique: 3, human: 3 });
  expect(series).toEqual([{ at: now - 30_000, raw: 3, unique: 3, human: 3 }]);
});

test('days and hours are those of the zone, also where summer time begins and ends', async () => {
  const adId = 'zones';
  // Berlin put its clocks back on 25 October 2026 at 01:00 UTC and forward on 29 March at 01:00 UTC.
  const autumn = [
    '2026-10-24T21:59:00Z',
    '2026-10-24T22:00:00Z',
    '2026-10-25T00:30:00Z',
    '2026-10-25T01:30:00Z',
    '2026-10-25T22:59:00Z',
    '2026-10-25T23:00:00Z',
  ];
  await count(...autumn.map((at) => ({ adId, clickedAt: Date.parse(at) })));
  const of = (from: string, to: string, timeZone: string, bucket: string) =>
    seriesOf({ adId, from: Date.parse(from), to: Date.parse(to), timeZone, bucket });
  expect(await of('2026-10-24T00:00:00Z', '2026-10-27T00:00:00Z', 'Europe/Berlin', 'day')).toEqual([
    ['2026-10-23T22:00:00.000Z', 1],
    ['2026-10-24T22:00:00.000Z', 4],
    ['2026-10-25T23:00:00.000Z', 1],
  ]);
  expect(await of('2026-10-25T00:00:00Z', '2026-10-25T02:00:00Z', 'Europe/Berlin', 'hour')).toEqual([
    ['2026-10-25T00:00:00.000Z', 1],
    ['2026-10-25T01:00:00.000Z', 1],
  ]);
  expect(await of('2026-10-24T21:00:00Z', '2026-10-24T23:00:00Z', 'Asia/Kathmandu', 'hour')).toEqual([['2026-10-24T21:15:00.000Z', 2]]);
  const spring = Date.parse('2026-03-28T23:00:00Z');
  await count({ adId, clickedAt: spring }, { adId, clickedAt: spring + 23 * HOUR - 1 }, { adId, clickedAt: spring + 23 * HOUR });
  expect(await of('2026-03-28T00:00:00Z', '2026-03-31T00:00:00Z', 'Europe/Berlin', 'day')).toEqual([
    ['2026-03-28T23:00:00.000Z', 2],
    ['2026-03-29T22:00:00.000Z', 1],
  ]);
});

test('it tells by what was clicked, most first, with the names of campaigns, a page at a time', async () => {
  const { campaign } = await runningCampaign(store, 0);
  const at = { clickedAt: Date.UTC(2026, 4, 1) };
  await count(
    { ...at, adId: 'a', campaignId: campaign, deviceId: 's-1' },
    { ...at, adId: 'b', campaignId: campaign, deviceId: 's-2', source: 'qr' },
    { ...at, adId: 'b', agent: 'curl/8' },
  );
  const span = { from: at.clickedAt, to: at.clickedAt + HOUR };
  const rowsBy = async (by: string, more: object = {}) => (await report.report(clicksQuery.parse({ ...span, by, ...more }))).rows;
  expect(await rowsBy('campaign')).toEqual({
    data: [
      { key: campaign, name: 'test', raw: 2, unique: 2, human: 2 },
      { key: '', name: null, raw: 1, unique: 1, human: 0 },
    ],
    total: 2,
    offset: 0,
    limit: 20,
  });
  expect((await rowsBy('ad'))?.data).toMatchObject([
    { key: 'b', raw: 2 },
    { key: 'a', raw: 1 },
  ]);
  expect((await rowsBy('screen', { campaignId: campaign }))?.data).toMatchObject([{ key: 's-1' }, { key: 's-2' }]);
  expect((await rowsBy('source'))?.data).toMatchObject([
    { key: 'api', raw: 2 },
    { key: 'qr', raw: 1 },
  ]);
  expect(await rowsBy('ad', { limit: 1, offset: 1 })).toMatchObject({ data: [{ key: 'a' }], total: 2 });
  expect((await report.report(clicksQuery.parse({ ...span, deviceId: 's-2' }))).total).toEqual({ raw: 1, unique: 1, human: 1 });
});

test('a file for a spreadsheet has every line once, and runs nothing', async () => {
  const from = Date.UTC(2026, 3, 1);
  const evil = '=HYPERLINK("http://x")';
  await count({ adId: evil, clickedAt: from }, { adId: evil, clickedAt: from + HOUR, agent: 'curl/8' });
  const creativeId = newId();
  expect(await textOf({ from, to: from + 2 * HOUR })).toBe(
    [
      'from,campaignId,campaign,adId,creativeId,deviceId,source,raw,unique,human',
      '2026-04-01T00:00:00.000Z,,,"\'=HYPERLINK(""http://x"")",,,api,1,1,1',
      '2026-04-01T01:00:00.000Z,,,"\'=HYPERLINK(""http://x"")",,,api,1,1,0',
      '',
    ].join('\r\n'),
  );
  const many = Array.from({ length: 4100 }, (_, n) => ({ adId: `ad-${n}`, creativeId, clickedAt: from + 5 * HOUR + (n % 3) * HOUR }));
  await count(...many);
  const lines = (await textOf({ from: from + 5 * HOUR, to: from + 9 * HOUR })).trimEnd().split('\r\n').slice(1);
  expect(lines).toHaveLength(4100);
  expect(new Set(lines).size).toBe(4100);
});
