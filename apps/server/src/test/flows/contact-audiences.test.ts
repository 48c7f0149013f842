import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { expectProblem } from '../support/http-client.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start({ RECONCILE_INTERVAL_MS: '50' });
  const contacts = { ann: ['vip', 'at'], bob: ['at'], cyd: ['vip', 'de'], 'dän/1': [] };
  const lines = Object.entries(contacts).map(([id, tags]) => JSON.stringify({ id, tags }));
  const answer = await flow.http.post('/contacts/import', lines.join('\n'), { 'content-type': 'application/x-ndjson' });
  expect(answer.json()).toMatchObject({ imported: 4 });
});
afterAll(() => flow.stop());

async function recipientsOf(campaign: string): Promise<string[]> {
  const rows = await flow.sql<{ recipient: string }>('select recipient from deliveries where campaign_id = $1 order by recipient', [
    campaign,
  ]);
  return rows.map((row) => row.recipient);
}

async function createFor(audience: object): Promise<string> {
  const answer = await flow.http.post('/campaigns', { name: 'To contacts', idempotencyKey: randomUUID(), channel: 'null', audience });
  expect(answer.status, answer.text).toBe(201);
  return (answer.json() as { id: string }).id;
}

describe('an audience of contacts', () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ['all', { all: true }, ['ann', 'bob', 'cyd', 'dän/1']],
    ['ids, also of nobody and twice', { ids: ['dän/1', 'nobody', 'ann', 'ann'] }, ['ann', 'dän/1']],
    ['any tag', { tags: { any: ['de', 'at'] } }, ['ann', 'bob', 'cyd']],
    ['all tags', { tags: { all: ['vip', 'at'] } }, ['ann']],
    ['no tag', { tags: { none: ['vip'] } }, ['bob', 'dän/1']],
    ['any and none', { tags: { any: ['vip'], none: ['de'] } }, ['ann']],
    ['nobody', { tags: { any: ['none'] } }, []],
  ])('of %s is counted before, and reaches those', async (_, audience, expected) => {
    for (const channel of ['webhook', 'null']) {
      expect((await flow.http.post('/audiences/count', { channel, audience })).json()).toEqual({ count: expected.length });
    }
    const id = await createFor(audience);
    expect((await flow.http.post(`/campaigns/${id}/dispatch`)).status).toBe(200);
    await eventually(async () => expect((await flow.http.read(`/campaigns/${id}`)).status).toBe('completed'));
    expect(await recipientsOf(id)).toEqual(expected);
    expect((await flow.http.read(`/campaigns/${id}`)).counts).toMatchObject({ SUCCESS: expected.length, PENDING: 0 });
  });
});

test('who is meant is read when it runs, and a contact that is forgotten stays in the account', async () => {
  const id = await createFor({ tags: { any: ['late'] } });
  await flow.http.send('PUT', '/contacts/eve', { body: { tags: ['late'] } });
  await flow.http.post(`/campaigns/${id}/dispatch`);
  await eventually(async () => expect((await flow.http.read(`/campaigns/${id}`)).status).toBe('completed'));
  expect((await flow.http.send('DELETE', '/contacts/eve')).status).toBe(204);
  expect(await recipientsOf(id)).toEqual(['eve']);
});

test('the deliveries of contacts are read page by page, whatever their ids look like', async () => {
  const ids = ['adam@example.com', 'böb/2', 'zoe@example.com'];
  for (const id of ids) await flow.http.send('PUT', `/contacts/${encodeURIComponent(id)}`, { body: { tags: ['paged'] } });
  const campaign = await createFor({ tags: { any: ['paged'] } });
  await flow.http.post(`/campaigns/${campaign}/dispatch`);
  await eventually(async () => expect((await flow.http.read(`/campaigns/${campaign}`)).status).toBe('completed'));
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const answer = await flow.http.get(`/campaigns/${campaign}/deliveries?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(answer.status, answer.text).toBe(200);
    const page = answer.json() as { data: { recipient: string }[]; nextCursor: string | null };
    seen.push(...page.data.map(({ recipient }) => recipient));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual(ids);
});

test('a rehearsal counts as it was told; each channel has its own audiences', async () => {
  expect((await flow.http.post('/audiences/count', { channel: 'null', audience: { count: 10_000_000 } })).json()).toEqual({
    count: 10_000_000,
  });
  expect((await flow.http.post('/audiences/count', { audience: { all: true } })).json()).toEqual({ count: 0 });
  const refused: [unknown, RegExp][] = [
    [{ channel: 'webhook', audience: { count: 5 } }, /audience/],
    [{ channel: 'webhook', audience: { groups: ['hall'] } }, /audience/],
    [{ channel: 'webhook' }, /audience/],
    [{ channel: 'null', audience: { count: 0 } }, /audience/],
    [{ channel: 'null', audience: { count: 10_000_001 } }, /audience/],
    [{ channel: 'webhook', audience: { ids: Array.from({ length: 20_001 }, (_, index) => `c-${index}`) } }, /audience/],
    [{ channel: 'webhook', audience: { ids: [] } }, /audience/],
    [{ channel: 'webhook', audience: { tags: {} } }, /audience/],
    [{ channel: 'fax', audience: { all: true } }, /channel/],
    [[], /body/],
  ];
  for (const [body, names] of refused) {
    expect(expectProblem(await flow.http.post('/audiences/count', body), 400, 'VALIDATION_FAILED')).toMatch(names);
  }
});
