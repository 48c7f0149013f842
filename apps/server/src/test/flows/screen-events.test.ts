import { randomUUID } from 'node:crypto';
import type { ControlMessage, ScreenEvent } from '@marquee/contracts';
import { Fleet } from '@marquee/simulator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { expectProblem } from '../support/http-client.js';
import type { TestScreen } from '../support/test-screen.js';

const HOUR = 3_600_000;
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
let flow: Flow;
let campaign: string;
beforeAll(async () => {
  flow = await Flow.start({ REPLAY_WAIT_MS: '150' });
  await flow.register('unit-1', 'unit-2', 'unit-3', 'unit-4', 'unit-5', 'unit-6', 'away');
  campaign = (await flow.create({ name: 'Shown' })).id;
});
afterAll(() => flow.stop());

function statusWith(screen: TestScreen, events: { series: string; first: number; last: number }): Promise<void> {
  return screen.publish('status', JSON.stringify({ deviceId: screen.deviceId, status: 'online', timestamp: Date.now(), events }), true);
}

const isReplay = (message: ControlMessage): message is Extract<ControlMessage, { type: 'replay' }> => message.type === 'replay';

describe('events', () => {
  test('that a broker lost are asked for, and end stored once each; those asked for in vain count as missing', async () => {
    const screen = await flow.screen('unit-1', { answers: false, greets: false });
    const kept: ScreenEvent[] = Array.from({ length: 6 }, (_, index) => ({
      eventId: randomUUID(),
      eventType: 'INSTALL_ACK',
      deviceId: 'unit-1',
      campaignId: campaign,
      version: 1,
      timestamp: Date.now(),
      payload: { seq: index + 1, series: 'one' },
    }));
    const send = (event: ScreenEvent | undefined) => screen.publish('acks', JSON.stringify(event));
    await screen.online();
    // 3 and 4 never arrive, nor does the last.
    for (const index of [0, 1, 4]) await send(kept[index]);
    const hole = await screen.controls.first(isReplay);
    expect(hole).toEqual({ type: 'replay', fromSeq: 3 });
    expect((await flow.http.read('/screens/unit-1')).events).toMatchObject({ missing: 2, lost: 0 });
    for (const event of kept.slice(2, 5)) await send(event);
    await statusWith(screen, { series: 'one', first: 1, last: 6 });
    expect(await screen.controls.first((message) => isReplay(message) && message.fromSeq === 6)).toBeTruthy();
    await send(kept[5]);
    await eventually(async () =>
      expect((await flow.http.read('/screens/unit-1')).events).toEqual({ missing: 0, lost: 0, nextAskAt: null }),
    );
    const [row] = await flow.sql<{ n: string }>(`select count(*) as n from delivery_events where device_id = 'unit-1'`);
    expect(Number(row?.n)).toBe(6);
    // Wiped, it begins anew; the first three of its new numbers were dropped before they could be sent.
    await statusWith(screen, { series: 'two', first: 4, last: 4 });
    await screen.controls.next((message) => isReplay(message) && message.fromSeq === 4);
    await statusWith(screen, { series: 'two', first: 6, last: 5 });
    await eventually(async () =>
      expect((await flow.http.read('/screens/unit-1')).events).toEqual({ missing: 0, lost: 2, nextAskAt: null }),
    );
    expect((await flow.http.get('/metrics')).text).toMatch(/marquee_events_lost_total 2\n/);
  });

  test('what cannot be stored is not asked for again and again, and a screen that numbers nothing is never asked', async () => {
    const screen = await flow.screen('unit-2', { answers: false });
    await screen.say('INSTALL_ACK', campaign, { payload: { seq: 1, series: 'one' } });
    await screen.say('INSTALL_ACK', 'not-a-uuid', { payload: { seq: 2, series: 'one' } });
    await screen.say('INSTALL_ACK', randomUUID(), { payload: { seq: 3, series: 'one' } });
    await statusWith(screen, { series: 'one', first: 1, last: 3 });
    const plain = await flow.screen('unit-3', { answers: false });
    await plain.say('INSTALL_ACK', campaign);
    await plain.say('INSTALL_ACK', campaign, { payload: { seq: -1 } });
    await plain.say('INSTALL_ACK', campaign, { payload: { seq: 1e15, series: 5 } });
    await eventually(async () =>
      expect((await flow.http.read('/screens/unit-2')).events).toEqual({ missing: 0, lost: 0, nextAskAt: null }),
    );
    expect((await flow.http.read('/screens/unit-3')).events).toBeNull();
    for (const each of [screen, plain]) expect(each.controls.all.filter(isReplay)).toEqual([]);
  });
});

describe('proof of play', () => {
  test('is counted from logs, reported by time and by screen, and exported', async () => {
    const screen = await flow.screen('unit-5', { answers: false });
    const hour = Math.floor(Date.now() / HOUR) * HOUR;
    const play = (startedAt: number) => ({ campaignId: campaign, version: 1, assetId: '', startedAt, durationMs: 10_000 });
    const payload = { plays: [play(hour - 1), play(hour - HOUR), play(hour - 2 * HOUR)], text: 'x'.repeat(120_000) };
    const event = await screen.say('PLAY_LOG', campaign, { payload });
    await screen.publish('acks', JSON.stringify(event));
    const report = await flow.http.read(`/plays?campaignId=${campaign}&by=hour`);
    expect(report.total).toEqual({ plays: 3, durationMs: 30_000 });
    expect(report.series).toEqual([
      { at: hour - 2 * HOUR, plays: 1, durationMs: 10_000 },
      { at: hour - HOUR, plays: 2, durationMs: 20_000 },
    ]);
    expect(report.rows).toMatchObject({
      total: 2,
      data: [{ deviceId: 'unit-5', campaign: 'Shown', hour: hour - HOUR, plays: 2 }, { plays: 1 }],
    });
    expect((await flow.http.read(`/plays?deviceId=unit-5&bucket=day&timeZone=Asia/Kolkata&by=screen&limit=1`)).total.plays).toBe(3);
    expect((await flow.http.read('/plays?deviceId=unit-1')).total.plays).toBe(0);
    const csv = await flow.http.get(`/plays.csv?deviceId=unit-5&from=${hour - HOUR}&to=${hour}`);
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(csv.headers['content-disposition']).toContain('attachment');
    expect(csv.text).toBe(
      `deviceId,campaignId,campaign,assetId,hour,plays,seconds\r\nunit-5,${campaign},Shown,,${new Date(hour - HOUR).toISOString()},2,20.000\r\n`,
    );
  });

  test('comes from simulated screens too, each play once and none missing', async () => {
    // What is meant for all screens would be logged in the same messages.
    for (const { id } of (await flow.http.read('/campaigns?limit=100')).data) await flow.http.post(`/campaigns/${id}/cancel`);
    const fleet = new Fleet({ screens: 3, prefix: 'lobby-', broker: flow.server.mqttUrl, playLogMs: 100 });
    try {
      await fleet.start();
      const { id } = await flow.create({ startAt: Date.now(), audience: { ids: [...fleet.screens] } });
      const report = () => flow.http.read(`/plays?campaignId=${id}&by=screen`);
      await eventually(async () => {
        const { rows } = await report();
        expect(rows.data.map((row: { deviceId: string }) => row.deviceId).sort()).toEqual(fleet.screens);
        for (const { plays } of rows.data) expect(plays).toBeGreaterThan(1);
      });
      // What is on its way when a screen is switched off is lost with it; so they end first.
      await flow.http.post(`/campaigns/${id}/cancel`);
      await eventually(() => expect(fleet.counts().revokes).toBe(fleet.screens.length));
      await eventually(async () => {
        const { playLogs, sent, accepted } = fleet.counts();
        expect(accepted).toBe(sent);
        expect((await report()).total.plays).toBe(playLogs);
      });
      await eventually(async () =>
        expect((await flow.http.read(`/screens/${fleet.screens[0]}`)).events).toMatchObject({ missing: 0, lost: 0 }),
      );
    } finally {
      await fleet.stop();
    }
  });

  test.each([
    'campaignId=x',
    'deviceId=a%20b',
    'assetId=5',
    'from=x',
    'from=5&to=5',
    'from=-1',
    'bucket=week',
    'timeZone=Mars/City',
    'by=cloud',
    'limit=0',
  ])('is refused where the filter is wrong: %s', async (query) => {
    expectProblem(await flow.http.get(`/plays?${query}`), 400, 'VALIDATION_FAILED');
  });

  test('for years is asked for by day, and a file needs the same filters', async () => {
    expect(expectProblem(await flow.http.get(`/plays?from=0&to=${100 * 86_400_000}`), 400)).toContain('bucket');
    expect((await flow.http.get(`/plays?from=0&to=${100 * 86_400_000}&bucket=day`)).status).toBe(200);
    expectProblem(await flow.http.get('/plays.csv?from=x'), 400, 'VALIDATION_FAILED');
  });
});

describe('control', () => {
  test('reaches a screen that is online, once; others are told why not', async () => {
    const screen = await flow.screen('unit-4');
    await eventually(async () => expect((await flow.http.read('/screens/unit-4')).status).toBe('online'));
    for (const type of ['identify', 'reload']) {
      const answer = await flow.http.post(`/screens/unit-4/${type}`);
      expect(answer.status).toBe(202);
      await screen.controls.first((message) => message.type === type);
      expectProblem(await flow.http.post(`/screens/nobody/${type}`), 404, 'NOT_FOUND');
      expect(expectProblem(await flow.http.post(`/screens/away/${type}`), 409, 'CONFLICT')).toContain('offline since 20');
    }
    expect(screen.controls.all.filter(({ type }) => type === 'identify')).toEqual([{ type: 'identify' }]);
  });

  test('brings a picture by a token that is good once, for this screen, and for a picture alone', async () => {
    const screen = await flow.screen('unit-6');
    await eventually(async () => expect((await flow.http.read('/screens/unit-6')).status).toBe('online'));
    expectProblem(await flow.http.get('/screens/unit-6/screenshot'), 404, 'NOT_FOUND');
    expect((await flow.http.post('/screens/unit-6/screenshot')).status).toBe(202);
    const asked = await screen.controls.first((message) => message.type === 'screenshot');
    const { uploadUrl } = asked as Extract<ControlMessage, { type: 'screenshot' }>;
    expect(uploadUrl.startsWith(`${flow.server.url}/screens/unit-6/screenshot?token=`)).toBe(true);
    const path = uploadUrl.slice(flow.server.url.length);
    const put = (to: string, body: Buffer, type = 'image/png') => flow.http.send('PUT', to, { body, headers: { 'content-type': type } });
    expectProblem(await put(path, Buffer.from('<html><script>1</script>')), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(await put(path, Buffer.from('{}'), 'application/json'), 400);
    const tooLarge = { 'content-type': 'image/png', 'content-length': String(4 * 1024 * 1024 + 1) };
    expectProblem(await flow.http.announce('PUT', path, tooLarge), 413, 'PAYLOAD_TOO_LARGE');
    expectProblem(await flow.http.get('/screens/unit-6/screenshot'), 404, 'NOT_FOUND');
    expectProblem(await put(path.replace('unit-6', 'unit-1'), PNG), 403, 'FORBIDDEN');
    expectProblem(await put(`${path}x`, PNG), 403, 'FORBIDDEN');
    expectProblem(await put(path.split('?')[0] ?? '', PNG), 400, 'VALIDATION_FAILED');
    expect((await put(path, PNG, 'image/jpeg')).status).toBe(200);
    expectProblem(await put(path, PNG), 403, 'FORBIDDEN');
    const picture = await flow.http.get('/screens/unit-6/screenshot');
    expect(picture.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(PNG.length),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    });
    expect((await flow.http.read('/screens/unit-6')).screenshotAt).toBeGreaterThan(Date.now() - 60_000);
    expectProblem(await flow.http.post('/screens/away/screenshot'), 409, 'CONFLICT');
    expectProblem(await flow.http.send('POST', '/campaigns', { body: PNG, headers: { 'content-type': 'image/png' } }), 415);
  });
});

test('a screen that leaves politely is offline', async () => {
  const screen = await flow.screen('polite');
  await eventually(async () => expect((await flow.http.read('/screens/polite')).status).toBe('online'));
  await screen.close();
  await eventually(async () => expect((await flow.http.read('/screens/polite')).status).toBe('offline'));
});
