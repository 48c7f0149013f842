import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, clickBody, JWT_SECRET, sendClick, tokenOf } from '../support/click-client.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start({ JWT_SECRET });
});
afterAll(() => flow.stop());

interface Counted {
  raw: number;
  unique: number;
  human: number;
}

async function countedOf(adId: string): Promise<Counted> {
  return ((await flow.http.read(`/clicks/stats?adId=${adId}`)) as { total: Counted }).total;
}

describe('a click', () => {
  it('is answered, and shows in the numbers within moments', async () => {
    const answer = await sendClick(flow.http, { adId: 'shown' });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json()).toEqual({ status: 1, code: 'OK' });
    await expect.poll(() => countedOf('shown')).toMatchObject({ raw: 1, unique: 1 });
  });

  it('is kept with what its sender said and what we know', async () => {
    const [campaignId, creativeId, messageId] = [randomUUID(), randomUUID(), randomUUID()];
    const before = Date.now();
    const body = clickBody({
      adId: 'kept',
      adType: 'video',
      campaignId,
      creativeId,
      deviceId: 'lobby-1',
      messageId: messageId.toUpperCase(),
    });
    expect((await flow.http.post('/ads/clicks', body, { ...bearer(tokenOf('ünal')), 'user-agent': 'An App/1.0' })).status).toBe(200);
    await expect.poll(() => countedOf('kept')).toMatchObject({ raw: 1 });
    const [row] = await flow.sql(`select * from clicks where ad_id = 'kept'`);
    expect(row).toMatchObject({
      message_id: messageId,
      ad_type: 'video',
      campaign_id: campaignId,
      creative_id: creativeId,
      device_id: 'lobby-1',
      source: 'api',
      uid: 'ünal',
      ip: '127.0.0.0',
      agent: 'An App/1.0',
    });
    expect(Number(row?.['clicked_at'])).toBeGreaterThanOrEqual(before);
  });

  it('is counted once when it is sent again, at once and later, and answered alike', async () => {
    const messageId = randomUUID();
    const send = () => sendClick(flow.http, { adId: 'again', messageId });
    const answers = await Promise.all(Array.from({ length: 20 }, send));
    await expect.poll(() => countedOf('again')).toMatchObject({ raw: 1 });
    answers.push(await send());
    expect(answers.map(({ text }) => text)).toEqual(answers.map(() => '{"status":1,"code":"OK"}'));
    await sendClick(flow.http, { adId: 'after' });
    await expect.poll(() => countedOf('after')).toMatchObject({ raw: 1 });
    expect(await countedOf('again')).toMatchObject({ raw: 1 });
  });

  it('comes in a batch as well, each answered by itself', async () => {
    const clicks = [...Array.from({ length: 498 }, () => clickBody({ adId: 'batch' })), clickBody({ adId: '' }), 'no click'];
    const answer = await flow.http.post('/ads/clicks/batch', { clicks }, bearer());
    expect(answer.status, answer.text.slice(0, 500)).toBe(200);
    const { accepted, results } = answer.json() as { accepted: number; results: { code: string; message?: string[] }[] };
    expect(accepted).toBe(498);
    expect(results.filter(({ code }) => code === 'OK')).toHaveLength(498);
    expect(results[498]).toMatchObject({ code: 'VALIDATION', message: [expect.stringMatching(/^adId: /)] });
    expect(results[499]).toMatchObject({ code: 'VALIDATION', message: [expect.stringMatching(/^click: /)] });
    await expect.poll(() => countedOf('batch')).toMatchObject({ raw: 498 });
  });

  it('leaves its trace in the status and the metrics', async () => {
    const status = await flow.http.read('/clicks/status');
    expect(status).toMatchObject({ circuit: 'CLOSED', publisher: { ack: 'accepted', connected: true, bound: 2000 }, dlqDepth: 0 });
    expect(status.processes).toHaveLength(1);
    expect(status.counters.accepted).toBeGreaterThan(500);
    expect((await flow.http.get('/metrics')).text).toMatch(/marquee_clicks_total\{layer="confirmed"\} [1-9]/);
  });

  it('is not lost by a stop in good order, in the moment in which it was answered', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, at) => sendClick(flow.http, { adId: 'stopped' }, `user-${at}`)));
    await flow.restart();
    await expect.poll(() => countedOf('stopped')).toMatchObject({ raw: 50 });
    const [ended] = await flow.sql('select count(*)::int as n from click_processes where ended_at is not null');
    expect(ended).toEqual({ n: 1 });
  });
});
