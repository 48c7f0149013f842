import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
const created: string[] = [];
beforeAll(async () => {
  flow = await Flow.start();
  await flow.register(...Array.from({ length: 45 }, (_, index) => `s-${String(index).padStart(2, '0')}`), 'a', 'Z', '_', 'z.9');
  for (let index = 0; index < 45; index += 1) created.unshift((await flow.create({ name: `No. ${index}`, dispatch: 'manual' })).id);
});
afterAll(() => flow.stop());

interface Listed {
  data: Record<string, unknown>[];
  total: number;
  offset: number;
  limit: number;
  nextCursor: string | null;
}

const page = (path: string): Promise<Listed> => flow.http.read(path);

/** The values of a key over all pages, by cursor; `between` runs after each page. */
async function walk(path: string, key: string, limit: number, between: () => Promise<unknown> = async () => undefined): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let cursor = ''; ; ) {
    const { data, nextCursor } = await page(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor}`);
    expect(data.length).toBeLessThanOrEqual(limit);
    seen.push(...data.map((row) => row[key]));
    if (nextCursor === null) return seen;
    expect(data).toHaveLength(limit);
    cursor = `&cursor=${encodeURIComponent(nextCursor)}`;
    await between();
  }
}

describe('campaigns', () => {
  test('come newest first, 20 a page, with what there is in all', async () => {
    const first = await page('/campaigns');
    expect(first).toMatchObject({ total: 45, offset: 0, limit: 20, nextCursor: expect.any(String) });
    expect(first.data.map((row) => row['id'])).toEqual(created.slice(0, 20));
    const last = await page('/campaigns?offset=40&limit=20');
    expect(last).toMatchObject({ total: 45, offset: 40, limit: 20, nextCursor: null });
    expect(last.data.map((row) => row['id'])).toEqual(created.slice(40));
    expect(await page('/campaigns?offset=1000')).toMatchObject({ data: [], total: 45, offset: 1000, nextCursor: null });
    expect((await page('/campaigns?limit=45')).nextCursor).toBeNull();
    expect((await page('/campaigns?limit=100')).data).toHaveLength(45);
  });

  test.each([1, 7, 44, 45, 46])('are all met once by cursor, %i a page', async (limit) => {
    expect(await walk('/campaigns', 'id', limit)).toEqual(created);
  });

  test('are all met once by cursor while new ones come', async () => {
    const fresh: string[] = [];
    const seen = await walk('/campaigns', 'id', 6, async () => fresh.unshift((await flow.create({ dispatch: 'manual' })).id));
    expect(seen).toEqual(created);
    expect(fresh.length).toBeGreaterThan(3);
    created.unshift(...fresh);
    expect((await page('/campaigns')).total).toBe(created.length);
  });

  test('are filtered by status, counts included, as they move', async () => {
    await eventually(async () => expect((await page('/campaigns?status=ready')).total).toBe(created.length));
    const gone = created.filter((_, index) => index % 4 === 0);
    for (const id of gone) await flow.http.post(`/campaigns/${id}/cancel`);
    const cancelled = await page('/campaigns?status=cancelled&limit=5&offset=2');
    expect(cancelled).toMatchObject({ total: gone.length, offset: 2, limit: 5 });
    expect(cancelled.data.map((row) => row['id'])).toEqual(gone.slice(2, 7));
    expect(await walk('/campaigns?status=cancelled', 'id', 4)).toEqual(gone);
    expect(await walk('/campaigns?status=ready', 'id', 9)).toEqual(created.filter((id) => !gone.includes(id)));
    expect(await page('/campaigns?status=completed')).toMatchObject({ data: [], total: 0, nextCursor: null });
    for (const row of cancelled.data) expect(row).toMatchObject({ status: 'cancelled', assets: [{ assetType: 'image' }] });
  });
});

describe('screens', () => {
  test('come by id, byte by byte, and are all met once by cursor', async () => {
    const ids = (await flow.sql<{ device_id: string }>('select device_id from devices')).map((row) => row.device_id);
    ids.sort((a, b) => (a < b ? -1 : 1));
    expect(ids).toHaveLength(49);
    for (const limit of [1, 10, 49, 100]) expect(await walk('/screens', 'deviceId', limit)).toEqual(ids);
    expect(await page('/screens?offset=45')).toMatchObject({
      total: 49,
      offset: 45,
      data: [{ deviceId: ids[45] }, {}, {}, {}],
      nextCursor: null,
    });
  });

  test('are found by part of their id, group, tag and status, also together', async () => {
    await flow.http.send('PUT', '/screens/s-07', { body: { groupId: 'Gr 1', tags: ['x', 'y'] } });
    await flow.http.send('PUT', '/screens/s-08', { body: { groupId: 'Gr 1', tags: ['y'] } });
    const screen = await flow.screen('s-08');
    await eventually(async () => expect((await page('/screens?status=online')).total).toBe(1));
    const found = async (query: string): Promise<unknown[]> => {
      const { data, total } = await page(`/screens?${query}`);
      expect(total).toBe(data.length);
      return data.map((row) => row['deviceId']);
    };
    expect(await found('q=S-0&limit=100')).toHaveLength(10);
    expect(await found('q=_')).toEqual(['_']);
    expect(await found('q=%25')).toEqual([]);
    expect(await found('groupId=Gr%201')).toEqual(['s-07', 's-08']);
    expect(await found('groupId=gr%201')).toEqual([]);
    expect(await found('tag=y')).toEqual(['s-07', 's-08']);
    expect(await found('tag=y&q=8&groupId=Gr%201&status=online')).toEqual(['s-08']);
    expect(await found('tag=x&status=online')).toEqual([]);
    await flow.sql(
      `update devices set clock_offset_ms = c.ms from (values ('s-03', -501), ('s-04', 500), ('s-05', 90000)) c(id, ms) where device_id = c.id`,
    );
    expect(await found('clock=off')).toEqual(['s-03', 's-05']);
    expect((await flow.http.get('/screens?clock=on')).status).toBe(400);
    await screen.close();
  });

  test('show the whole of what was set, and what is left out is gone', async () => {
    const body = { groupId: 'g', tags: ['a', 'b'], metadata: { place: { floor: 2 } } };
    const put = await flow.http.send('PUT', '/screens/set', { body });
    expect(put.json()).toEqual({
      deviceId: 'set',
      status: 'offline',
      lastSeen: null,
      nowPlaying: null,
      clockOffsetMs: null,
      statusSince: expect.any(Number),
      lacks: [],
      storage: null,
      events: null,
      screenshotAt: null,
      ...body,
    });
    await flow.http.send('PUT', '/screens/set', { body: {} });
    expect(await page('/screens/set')).toMatchObject({ groupId: null, tags: [], metadata: {} });
  });
});

describe('deliveries and executions', () => {
  test('of a campaign are listed, filtered and met once', async () => {
    const { id } = await flow.create({ audience: { tags: { none: ['nobody'] } } });
    const ids = (await flow.sql<{ device_id: string }>('select device_id from devices order by device_id')).map((row) => row.device_id);
    await eventually(async () => expect((await page(`/campaigns/${id}/deliveries?status=SUCCESS`)).total).toBe(ids.length));
    expect(await walk(`/campaigns/${id}/deliveries`, 'recipient', 11)).toEqual(ids);
    expect(await page(`/campaigns/${id}/deliveries?status=FAILED`)).toMatchObject({ data: [], total: 0 });
    const [delivery] = (await page(`/campaigns/${id}/deliveries?limit=1`)).data;
    expect(await page(`/deliveries/${String(delivery?.['id'])}`)).toMatchObject(delivery ?? {});
    const { data, total } = await page(`/campaigns/${id}/executions`);
    expect(total).toBe(1);
    expect(data).toMatchObject([{ campaignId: id, state: 'RUNNING', endedAt: null, reason: null }]);
    expect(await page(`/executions/${String(data[0]?.['id'])}`)).toEqual(data[0]);
    await flow.create();
    await eventually(async () =>
      expect(await page('/executions?status=RUNNING&limit=1')).toMatchObject({ total: 2, nextCursor: expect.any(String) }),
    );
    expect(await walk('/executions', 'id', 1)).toHaveLength((await page('/executions')).total);
  });

  test('of a campaign that was never run are none', async () => {
    expect(await page(`/campaigns/${created[1]}/deliveries`)).toMatchObject({ data: [], total: 0, nextCursor: null });
    expect(await page(`/campaigns/${created[1]}/executions`)).toMatchObject({ data: [], total: 0, nextCursor: null });
  });
});

describe('one screen', () => {
  test('has what was meant for it and what it said, the last first, each met once by cursor', async () => {
    const screen = await flow.screen('s-30', { answers: false });
    const campaigns: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      const { id } = await flow.create({ name: `For one ${index}`, audience: { ids: ['s-30'] } });
      await screen.manifests.first((manifest) => manifest.campaignId === id);
      campaigns.unshift(id);
    }
    const [first = ''] = campaigns;
    await screen.say('INSTALL_ACK', first);
    await screen.say('ERROR', first, { payload: { reason: 'no room' } });
    // Earlier campaigns for everybody meant it too; one of them may still be on its way to its screens.
    await eventually(async () => expect(await flow.sql(`select from executions where state = 'RUNNING' and not targeted`)).toHaveLength(0));
    const meant = await flow.sql<{ campaign_id: string }>(
      `select campaign_id from deliveries where recipient = 's-30' order by execution_id desc`,
    );
    const seen = await walk('/screens/s-30/deliveries', 'campaignId', 2);
    expect(seen).toEqual(meant.map((row) => row.campaign_id));
    expect(seen.slice(0, 5)).toEqual(campaigns);
    const { data } = await page('/screens/s-30/deliveries?limit=1');
    expect(data).toMatchObject([{ campaign: 'For one 4', recipient: 's-30', status: 'SUCCESS', acknowledgedVersion: 1 }]);
    expect(await walk('/screens/s-30/events', 'eventType', 1)).toEqual(['ERROR', 'INSTALL_ACK']);
    expect((await page('/screens/s-30/events')).data[0]).toMatchObject({ campaign: 'For one 4', reason: 'no room', plays: null });
    for (const path of ['deliveries', 'events']) {
      expect((await flow.http.get(`/screens/nobody/${path}`)).status).toBe(404);
      expect((await flow.http.get(`/screens/s-30/${path}?cursor=xx`)).status).toBe(400);
    }
  });
});

test('the page of what a page of ours needs, the time and the description of the API are there', async () => {
  expect(Math.abs((await flow.http.read('/time')).now - Date.now())).toBeLessThan(5000);
  expect(await flow.http.read('/client-config')).toMatchObject({
    apiBaseUrl: flow.server.url,
    brokerUrl: `ws://127.0.0.1:${flow.server.ports.ws}`,
  });
  const { paths } = await flow.http.read('/docs-json');
  for (const path of [
    '/campaigns',
    '/campaigns/{id}',
    '/campaigns/{id}/cancel',
    '/screens',
    '/assets/{sha256}',
    '/ads/clicks',
    '/clicks/status',
  ])
    expect(paths).toHaveProperty([path]);
  const [screens, webhooks, rehearsals] = paths['/campaigns'].post.requestBody.content['application/json'].schema.oneOf;
  expect(screens.required).toEqual(['name', 'idempotencyKey', 'startAt', 'expireAt', 'assets']);
  expect(webhooks.required).toEqual(['name', 'idempotencyKey', 'channel', 'audience', 'content']);
  expect(rehearsals.required).toEqual(['name', 'idempotencyKey', 'channel', 'audience']);
  expect(screens.properties.priority).toMatchObject({ type: 'integer', minimum: -10, maximum: 10 });
  const namesOf = (operation: { parameters: { name: string; in: string }[] }): string[] =>
    operation.parameters.map((each) => `${each.in} ${each.name}`);
  expect(namesOf(paths['/campaigns'].get).sort()).toEqual(['query cursor', 'query limit', 'query offset', 'query status']);
  expect(namesOf(paths['/campaigns/{id}/cancel'].post).sort()).toEqual(['path id', 'query force']);
  expect((await flow.http.get('/docs')).status).toBe(200);
});

test('the pages are where the start says', async () => {
  for (const path of ['/', '/console', '/console/campaigns/x', '/player/', '/player/?deviceId=a']) {
    const answer = await flow.http.get(path);
    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']], path).toEqual([
      200,
      'text/html; charset=utf-8',
      'public, max-age=0',
    ]);
  }
  const worker = await flow.http.get('/player/sw.js');
  expect([worker.status, worker.headers['content-type'], worker.headers['cache-control']]).toEqual([
    200,
    'application/javascript; charset=utf-8',
    'no-cache',
  ]);
  const bare = await flow.http.get('/player?deviceId=a&brokerUrl=ws%3A%2F%2Fx');
  expect([bare.status, bare.headers['location']]).toEqual([302, '/player/?deviceId=a&brokerUrl=ws%3A%2F%2Fx']);
  expect((await flow.http.get('/favicon.svg')).headers['content-type']).toBe('image/svg+xml');
  const script = /src="(\/console-assets\/[^"]+)"/.exec((await flow.http.get('/')).text)?.[1] ?? '';
  expect((await flow.http.get(script)).headers['cache-control']).toContain('immutable');
});
