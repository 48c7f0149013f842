import { rabbitmqOrSkip, RabbitServer, redisOrSkip, RedisServer } from '@marquee/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWT_SECRET, sendClick } from '../support/click-client.js';
import { Flow } from '../support/flow.js';
import { expectProblem } from '../support/http-client.js';

async function storedOf(flow: Flow, adId: string): Promise<number> {
  const [row] = await flow.sql<{ n: number }>('select count(*)::int as n from clicks where ad_id = $1', [adId]);
  return row?.n ?? -1;
}

describe('a process with the role clicks alone', () => {
  let flow: Flow;
  beforeAll(async () => {
    flow = await Flow.start({ ROLES: 'clicks', CLICK_ACK: 'durable', JWT_SECRET });
  });
  afterAll(() => flow.stop());

  it('takes clicks and counts them; durable, they are on disk when they are answered', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, at) => sendClick(flow.http, { adId: 'alone' }, `user-${at}`)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    await flow.server.kill();
    await flow.revive();
    await expect.poll(() => storedOf(flow, 'alone')).toBe(40);
  });

  it('serves what belongs to clicks, and nothing of the API', async () => {
    expect(await flow.http.read('/healthz')).toEqual({ status: 'ok' });
    expect(await flow.http.read('/readyz')).toMatchObject({ status: 'ready' });
    expect(await flow.http.read('/clicks/status')).toMatchObject({ circuit: 'CLOSED', publisher: { ack: 'durable' } });
    expect((await flow.http.get('/metrics')).text).toContain('marquee_click_circuit 0');
    expect((await flow.http.get('/c/none')).status).toBe(404);
    expectProblem(await flow.http.get('/campaigns'), 404, 'NOT_FOUND');
    expectProblem(await flow.http.get('/%zz'), 400);
  });
});

describe.skipIf(rabbitmqOrSkip() === undefined || redisOrSkip() === undefined)('with RabbitMQ and Redis', () => {
  let [rabbit, redis]: [RabbitServer | undefined, RedisServer | undefined] = [undefined, undefined];
  let flow: Flow | undefined;
  beforeAll(async () => {
    [rabbit, redis] = await Promise.all([RabbitServer.start(), RedisServer.start()]);
    flow = await Flow.start({ JWT_SECRET, AMQP_URL: rabbit.url, REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await flow?.stop();
    await Promise.all([rabbit?.remove(), redis?.remove()]);
  });

  it('a click arrives in the numbers', async () => {
    const running = flow as Flow;
    expect((await sendClick(running.http, { adId: 'rabbit' })).status).toBe(200);
    await expect.poll(() => running.http.read('/clicks/stats?adId=rabbit')).toMatchObject({ total: { raw: 1, unique: 1 } });
    const status = await running.http.read('/clicks/status');
    expect(status.processes[0]).toMatchObject({ broker: { kind: 'rabbitmq', connected: true, channels: 4 }, fallback: 'redis' });
  });
});
