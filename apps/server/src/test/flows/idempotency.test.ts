import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CreateCampaignInput } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { campaignBody, Flow } from '../support/flow.js';
import { expectProblem } from '../support/http-client.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start();
});
afterAll(() => flow.stop());

async function stored(idempotencyKey: string | undefined): Promise<number> {
  const rows = await flow.sql('select from campaigns where idempotency_key = $1', [idempotencyKey]);
  return rows.length;
}

/** The same value with the keys of every object in it the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, child]) => [key, reversed(child)]),
  );
}

test('500 identical requests at once make one campaign and are answered alike', async () => {
  const body = campaignBody(flow.server.url, {
    name: '  Identical ',
    metadata: { b: [{ y: 1, x: 'ü' }], a: null },
    window: { days: [1, 7], from: '08:00', to: '22:30', timeZone: 'Europe/Vienna' },
  });
  const answers = await Promise.all(Array.from({ length: 500 }, () => flow.http.post('/campaigns', body)));
  expect([...new Set(answers.map((answer) => answer.status))]).toEqual([201]);
  expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
  expect(answers[0]?.json()).toMatchObject({ name: 'Identical', status: 'draft', metadata: body.metadata });
  expect(await stored(body.idempotencyKey)).toBe(1);
  const assets = await flow.sql('select from campaign_assets where campaign_id = $1', [answers[0]?.json().id]);
  expect(assets).toHaveLength(1);
});

test('of different bodies with one key at once, one is taken and the others are told', async () => {
  const idempotencyKey = randomUUID();
  const bodies = Array.from({ length: 40 }, (_, index) => campaignBody(flow.server.url, { idempotencyKey, name: `Body ${index % 4}` }));
  const shared = bodies.map((body) => ({ ...body, startAt: bodies[0]?.startAt, expireAt: bodies[0]?.expireAt }));
  const answers = await Promise.all(shared.map((body) => flow.http.post('/campaigns', body)));
  const taken = answers.filter((answer) => answer.status === 201);
  expect(taken).toHaveLength(10);
  expect(new Set(taken.map((answer) => answer.text)).size).toBe(1);
  for (const answer of answers.filter((each) => each.status !== 201)) {
    expect(expectProblem(answer, 422, 'IDEMPOTENCY_CONFLICT')).toContain('idempotencyKey');
  }
  expect(await stored(idempotencyKey)).toBe(1);
});

test('a repetition is the same request with its keys in another order, in upper case, with defaults said', async () => {
  const body = campaignBody(flow.server.url, { metadata: { a: { b: 1, c: [1, 2] }, d: 'x' }, priority: 3 });
  const first = await flow.http.post('/campaigns', body);
  expect(first.status, first.text).toBe(201);
  const repetitions: Partial<CreateCampaignInput>[] = [
    reversed(body) as CreateCampaignInput,
    { ...body, idempotencyKey: body.idempotencyKey.toUpperCase() },
    { ...body, channel: 'screen', dispatch: 'auto', audience: { all: true } },
    { ...body, name: `${body.name} ` },
  ];
  for (const repetition of repetitions) {
    const again = await flow.http.post('/campaigns', repetition);
    expect(again.status, again.text).toBe(201);
    expect(again.text).toBe(first.text);
  }
});

test.each<[string, (body: CreateCampaignInput) => Partial<CreateCampaignInput>]>([
  ['name', () => ({ name: 'Other' })],
  ['startAt', (body) => ({ startAt: body.startAt + 1 })],
  ['expireAt', (body) => ({ expireAt: body.expireAt + 1 })],
  ['assets', (body) => ({ assets: [...body.assets, ...body.assets] })],
  ['metadata', () => ({ metadata: { a: 1 } })],
  ['the order of a list in metadata', () => ({ metadata: { list: [2, 1] } })],
  ['audience', () => ({ audience: { ids: ['one'] } })],
  ['priority', () => ({ priority: 1 })],
  ['dispatch', () => ({ dispatch: 'manual' })],
])('another %s under the same key is refused', async (_, change) => {
  const body = campaignBody(flow.server.url, { metadata: { list: [1, 2] } });
  expect((await flow.http.post('/campaigns', body)).status).toBe(201);
  const other = await flow.http.post('/campaigns', { ...body, ...change(body) });
  expect(expectProblem(other, 422, 'IDEMPOTENCY_CONFLICT')).toContain('idempotencyKey');
});

test('the first answer stands when the campaign has moved on, is over, and after a restart', async () => {
  const now = Date.now();
  const body = campaignBody(flow.server.url, { startAt: now, expireAt: now + 4000 });
  const first = await flow.http.post('/campaigns', body);
  expect(first.status, first.text).toBe(201);
  await delay(now + 4100 - Date.now());
  const afterItsEnd = await flow.http.post('/campaigns', body);
  expect(afterItsEnd.status, afterItsEnd.text).toBe(201);
  expect(afterItsEnd.text).toBe(first.text);

  const cancelled = campaignBody(flow.server.url);
  const created = await flow.http.post('/campaigns', cancelled);
  await flow.http.post(`/campaigns/${created.json().id}/cancel`);
  expect((await flow.http.post('/campaigns', cancelled)).text).toBe(created.text);

  await flow.restart();
  expect((await flow.http.post('/campaigns', body)).text).toBe(first.text);
  // The same key with another body is still another body, also when its times are over.
  expectProblem(await flow.http.post('/campaigns', { ...body, name: 'Other' }), 422, 'IDEMPOTENCY_CONFLICT');
  // What was never created is judged by its times.
  expect(expectProblem(await flow.http.post('/campaigns', { ...body, idempotencyKey: randomUUID() }), 400)).toContain('expireAt');
});
