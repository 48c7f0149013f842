import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, clickBody, JWT_SECRET } from '../support/click-client.js';
import { Flow } from '../support/flow.js';
import { marquee } from '../support/marquee.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start({ JWT_SECRET });
});
beforeEach(() => flow.sql('truncate click_dead_letters restart identity'));
afterAll(() => flow.stop());

/** A click that died on its way in; answers its messageId. */
async function died(part: { adId?: string; reason?: string } = {}): Promise<string> {
  const messageId = randomUUID();
  const event = { messageId, uid: 'u', adId: part.adId ?? 'dead', adType: 'banner', clickedAt: String(Date.now()), ip: '127.0.0.0' };
  await flow.sql('insert into click_dead_letters (message_id, reason, body, dead_at) values ($1, $2, $3, $4)', [
    messageId,
    part.reason ?? 'no queue takes it',
    JSON.stringify(event),
    Date.now(),
  ]);
  return messageId;
}
const counted = async (adId: string) => ((await flow.http.read(`/clicks/stats?adId=${adId}`)) as { total: { raw: number } }).total.raw;
const run = (...args: string[]) => marquee(args, { MARQUEE_URL: flow.server.url });

describe('dead letters', () => {
  it('are listed, shown, sent back and counted, or forgotten', async () => {
    const [first, second, third] = [await died({ adId: 'back' }), await died({ adId: 'back' }), await died()];
    const page = await flow.http.read('/clicks/dead-letters?limit=2');
    expect(page).toMatchObject({ total: 3, data: [{ messageId: third }, { messageId: second }] });
    expect(await flow.http.read(`/clicks/dead-letters?limit=2&cursor=${page.nextCursor}`)).toMatchObject({
      data: [{ messageId: first, redriven: 0 }],
      nextCursor: null,
    });
    const shown = await flow.http.read('/clicks/dead-letters/1');
    expect(JSON.parse(shown.body)).toMatchObject({ messageId: first, adId: 'back' });
    expect((await flow.http.post('/clicks/dead-letters/redrive', { ids: [1, 2] })).json()).toEqual({ moved: 2 });
    await expect.poll(() => counted('back')).toBe(2);
    expect((await flow.http.post('/clicks/dead-letters/purge', { all: true })).json()).toEqual({ moved: 1 });
    expect(await flow.http.read('/clicks/dead-letters')).toMatchObject({ total: 0, data: [] });
    expect(await counted('dead')).toBe(0);
    expect(await flow.http.read('/clicks/status')).toMatchObject({ dlqDepth: 0 });
  });

  it('are asked for by numbers that there may be', async () => {
    for (const body of [
      {},
      { ids: [] },
      { ids: [0] },
      { ids: ['1'] },
      { all: false },
      { all: true, ids: [1] },
      { ids: Array(1001).fill(1) },
    ]) {
      const answer = await flow.http.post('/clicks/dead-letters/purge', body);
      expect(answer.status, JSON.stringify(body).slice(0, 80)).toBe(400);
    }
    expect((await flow.http.get('/clicks/dead-letters/none')).status).toBe(400);
    expect((await flow.http.get('/clicks/dead-letters/404')).status).toBe(404);
    expect((await flow.http.get('/clicks/dead-letters?cursor=bm9uZQ')).status).toBe(400);
  });
});

describe('a replay that is asked for', () => {
  it('publishes at once what waits in the fallback', async () => {
    const event = { ...clickBody({ adId: 'waited' }), messageId: randomUUID(), uid: 'u', clickedAt: String(Date.now()), ip: '' };
    await flow.sql('insert into click_fallback (process, seq, message_id, body, stored_at) values (1, 900001, $1, $2, 0)', [
      event.messageId,
      JSON.stringify(event),
    ]);
    const answer = await flow.http.post('/clicks/replay');
    expect([answer.status, answer.json()]).toMatchObject([202, { processes: 1 }]);
    await expect.poll(() => counted('waited')).toBe(1);
  });
});

// Each command is a process of its own.
describe('marquee clicks', { timeout: 180_000 }, () => {
  it('says how clicks are, and replays', async () => {
    await flow.http.post('/ads/clicks', clickBody({ adId: 'cli' }), bearer());
    const status = await run('clicks', 'status');
    expect(status).toMatchObject({ code: 0 });
    expect(status.stdout).toMatch(/^circuit: +CLOSED$/m);
    expect(status.stdout).toMatch(/^accepted: +[1-9]\d*$/m);
    expect(await run('clicks', 'replay')).toMatchObject({ code: 0, stdout: expect.stringContaining('wait in the fallback') as unknown });
  });

  it('shows dead letters without what a terminal would obey, sends them back and forgets them', async () => {
    await died({ reason: 'no\u001b[31m queue' });
    await died({ adId: 'sent' });
    expect((await run('clicks', 'dead', 'list')).stdout).toContain('no [31m queue');
    const json = await run('clicks', 'dead', 'show', '1', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ id: 1, reason: 'no\u001b[31m queue' });
    expect(await run('clicks', 'dead', 'show', '99')).toMatchObject({ code: 3 });
    expect(await run('clicks', 'dead', 'purge')).toMatchObject({ code: 2 });
    expect(await run('clicks', 'dead', 'redrive', '--all', '2')).toMatchObject({ code: 2 });
    expect(await run('clicks', 'dead', 'redrive', 'x')).toMatchObject({ code: 2 });
    expect(await run('clicks', 'dead', 'redrive', '2')).toMatchObject({ code: 0, stdout: '1 were sent back\n' });
    await expect.poll(() => counted('sent')).toBe(1);
    expect(await run('clicks', 'dead', 'purge', '--all')).toMatchObject({ code: 0, stdout: '1 were forgotten\n' });
  });
});
