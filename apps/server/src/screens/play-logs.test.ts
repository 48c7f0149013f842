import { randomUUID } from 'node:crypto';
import { deviceTopic, playsFilter, playsQuery } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../kit/ids.js';
import { foldAllCounts } from '../store/counts.js';
import { prunePlayLogs } from '../store/prune.js';
import { createAcknowledgements } from '../test/support/acknowledgements.js';
import { openTestStore, runningCampaign, type TestCampaign, type TestStore } from '../test/support/store.js';
import type { Acknowledgements } from './acknowledgements.js';
import { PlayReport } from './play-report.js';

const HOUR = 3_600_000;
/** The beginning of an hour of some hours ago. */
const THEN = Math.floor(Date.now() / HOUR) * HOUR - 5 * HOUR;
let store: TestStore;
let shown: TestCampaign;
let other: TestCampaign;
let report: PlayReport;
let free = 0;
const counted: Record<string, number> = {};

beforeAll(async () => {
  store = await openTestStore();
  shown = await runningCampaign(store, 200);
  other = await runningCampaign(store, 0);
  report = new PlayReport(store.database);
});
afterAll(() => store.close());

function gateway(batch = 500): Acknowledgements {
  return createAcknowledgements(store.database, {
    batch,
    onPlays: (result, count) => void (counted[result] = (counted[result] ?? 0) + count),
  });
}

function freshScreen(): string {
  free += 1;
  return `s-${String(free).padStart(5, '0')}`;
}

const play = (campaignId: string, startedAt: number, durationMs = 10_000, assetId = '') => ({
  campaignId,
  version: 1,
  assetId,
  startedAt,
  durationMs,
});

function log(deviceId: string, plays: unknown[], more: Record<string, unknown> = {}, payload: Record<string, unknown> = {}) {
  return {
    eventId: randomUUID(),
    eventType: 'PLAY_LOG',
    deviceId,
    campaignId: shown.campaign,
    version: 1,
    timestamp: Date.now(),
    payload: { plays, ...payload },
    ...more,
  };
}

function take(taker: Acknowledgements, event: ReturnType<typeof log>): Promise<void> {
  return taker.take(deviceTopic(event.deviceId, 'acks'), Buffer.from(JSON.stringify(event)));
}

const query = (more: Record<string, unknown>) => playsQuery.parse({ from: THEN - 48 * HOUR, to: THEN + 24 * HOUR, ...more });
async function totalOf(deviceId: string) {
  return (await report.report(query({ deviceId }))).total;
}

test('a log counts once however often and on whatever gateway it comes, also beside itself in one batch', async () => {
  const deviceId = freshScreen();
  const event = log(deviceId, [play(shown.campaign, THEN), play(shown.campaign, THEN + 20_000, 5_500)]);
  const gateways = [gateway(), gateway(), gateway(1)];
  await Promise.all(Array.from({ length: 12 }, (_, index) => take(gateways[index % 3] as Acknowledgements, event)));
  await take(gateway(), event);
  expect(await totalOf(deviceId)).toEqual({ plays: 2, durationMs: 15_500 });
  expect(await store.sql(`select from delivery_events where event_id = $1 and event_type = 'play_log'`, [event.eventId])).toHaveLength(1);
});

test('each play is judged by itself; what is none, or was never meant for the screen, does not count', async () => {
  const deviceId = freshScreen();
  for (const name of Object.keys(counted)) counted[name] = 0;
  const bad = [null, 5, {}, { ...play(shown.campaign, THEN), durationMs: -1 }, { ...play(shown.campaign, THEN), startedAt: 'x' }];
  const wrong = [
    play(shown.campaign, Date.now() + 3 * HOUR),
    play(shown.campaign, 5),
    play('x', THEN),
    play(shown.campaign, THEN, 1e12),
    play(shown.campaign, THEN, 1, 'x'),
  ];
  const unmeant = [play(other.campaign, THEN), play(newId(), THEN)];
  await take(gateway(), log(deviceId, [...bad, ...wrong, ...unmeant, play(shown.campaign, THEN)]));
  expect(await totalOf(deviceId)).toEqual({ plays: 1, durationMs: 10_000 });
  expect(counted).toMatchObject({ counted: 1, malformed: 10, refused: 2 });
  for (const payload of [{ plays: 3 }, { plays: {} }, {}])
    await take(gateway(), { ...log(deviceId, []), payload } as ReturnType<typeof log>);
  expect((await totalOf(deviceId)).plays).toBe(1);
});

test('a play counts in the hour in which it started, by its campaign’s own assets', async () => {
  const deviceId = freshScreen();
  const asset = newId();
  await store.sql(`insert into campaign_assets (id, campaign_id, position, asset_type, url) values ($1, $2, 0, 'image', 'x')`, [
    asset,
    shown.campaign,
  ]);
  const plays = [
    play(shown.campaign, THEN + HOUR - 1, 60_000, asset),
    play(shown.campaign, THEN + HOUR, 1_000, asset),
    play(shown.campaign, THEN, 1_000, newId()),
  ];
  await take(gateway(), log(deviceId, plays));
  const { series, rows } = await report.report(query({ deviceId, by: 'asset' }));
  expect(series).toEqual([
    { at: THEN, plays: 2, durationMs: 61_000 },
    { at: THEN + HOUR, plays: 1, durationMs: 1_000 },
  ]);
  expect(rows?.data).toMatchObject([
    { assetId: asset, plays: 2, durationMs: 61_000, campaign: 'test' },
    { assetId: '', plays: 1 },
  ]);
});

test('one that has 2,000 plays is taken; the plays of others stay when its own campaign is gone', async () => {
  const deviceId = freshScreen();
  const many = Array.from({ length: 1500 }, (_, index) => play(shown.campaign, THEN + index, 100));
  await take(gateway(), log(deviceId, many));
  await take(gateway(), log(deviceId, [play(shown.campaign, THEN)], { campaignId: newId() }));
  expect(await totalOf(deviceId)).toEqual({ plays: 1501, durationMs: 160_000 });
});

test('one that was counted and pruned long ago does not count again', async () => {
  const deviceId = freshScreen();
  const old = log(deviceId, [play(shown.campaign, THEN)], { timestamp: THEN - 11 * 24 * HOUR }, { seq: 7, series: 'a' });
  await take(gateway(), old);
  await store.sql(`update delivery_events set created_at = now() - interval '11 days' where event_id = $1`, [old.eventId]);
  await store.database.run(prunePlayLogs, { keepMs: 10 * 24 * HOUR });
  expect(await store.sql('select from delivery_events where event_id = $1', [old.eventId])).toEqual([]);
  await take(gateway(), old);
  expect((await totalOf(deviceId)).plays).toBe(1);
  // One that was never heard of counts, however late it comes.
  await take(gateway(), log(deviceId, [play(shown.campaign, THEN)], { timestamp: THEN - 11 * 24 * HOUR }, { seq: 8, series: 'a' }));
  expect((await totalOf(deviceId)).plays).toBe(2);
});

test('the sum over all screens is the sum of the screens, folded or not, and after one is forgotten', async () => {
  const sums = async (): Promise<void> => {
    const [rows] = await store.sql<{ plays: string }>('select coalesce(sum(plays), 0) as plays from play_hours where campaign_id = $1', [
      shown.campaign,
    ]);
    expect((await report.report(query({ campaignId: shown.campaign }))).total.plays).toBe(Number(rows?.plays));
  };
  await sums();
  await foldAllCounts(store.database);
  expect(await store.sql('select from play_deltas')).toEqual([]);
  await sums();
  await take(gateway(), log(freshScreen(), [play(shown.campaign, THEN)]));
  await sums();
  const before = (await report.report(query({ campaignId: shown.campaign }))).total.plays;
  await store.sql(`delete from devices where device_id = 's-00001'`);
  await sums();
  expect((await report.report(query({ campaignId: shown.campaign }))).total.plays).toBe(before - 2);
});

test('gateways that write the same screens at once do not lock each other out', async () => {
  const screens = Array.from({ length: 40 }, () => freshScreen());
  const gateways = [gateway(40), gateway(40), gateway(40)];
  await Promise.all(
    gateways.flatMap((taker, index) => {
      const order = index === 1 ? screens.toReversed() : screens;
      return order.flatMap((deviceId) =>
        [1, 2, 3].map(() => take(taker, log(deviceId, [play(shown.campaign, THEN)], {}, { seq: 1, series: 'a' }))),
      );
    }),
  );
  const { rows } = await report.report(query({ campaignId: shown.campaign, by: 'screen', limit: 100 }));
  for (const deviceId of screens) expect(rows?.data.find((row) => row.deviceId === deviceId)?.plays).toBe(9);
});

test('a file for a spreadsheet has every hour once, and runs nothing', async () => {
  const evil = await runningCampaign(store, 0);
  await store.sql(`update campaigns set name = '=cmd|''/c calc''!A1, "x"; =1+1;-2' where id = $1`, [evil.campaign]);
  await store.sql(`insert into devices (device_id) values ('-2')`);
  await store.sql(
    `insert into play_hours select '-2', $1, '', to_timestamp($2 / 1000.0) + n * interval '1 hour', 1, 1500 from generate_series(0, 4500) n`,
    [evil.campaign, THEN],
  );
  let text = '';
  for await (const part of report.csv(playsFilter.parse({ campaignId: evil.campaign, from: THEN, to: THEN + 5000 * HOUR }))) text += part;
  const lines = text.trimEnd().split('\r\n');
  expect(lines[0]).toBe('deviceId,campaignId,campaign,assetId,hour,plays,seconds');
  expect(lines).toHaveLength(4502);
  expect(new Set(lines).size).toBe(4502);
  expect(lines[1]).toBe(`"'-2",${evil.campaign},"'=cmd|'/c calc'!A1, ""x"";' =1+1;'-2",,${new Date(THEN).toISOString()},1,1.500`);
});
