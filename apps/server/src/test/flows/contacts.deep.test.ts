import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contactFile, forgetPeak, peakMegabytes, postStream } from '../support/contact-file.js';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

const CONTACTS = 1_000_000;
const MOST_MEGABYTES = 512;

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start();
});
afterAll(() => flow.stop());

test('a million contacts come in below 512 MB, come again without a change, are counted, and are targeted once each', async () => {
  const pid = flow.server.child.pid ?? 0;
  const url = `${flow.server.url}/contacts/import`;
  const right = CONTACTS * 0.99;
  await forgetPeak(pid);

  const first = await postStream(url, 'text/csv', contactFile(CONTACTS));
  expect(first.json()).toMatchObject({ imported: right, updated: 0, unchanged: 0, rejectedTotal: CONTACTS / 100 });
  expect(await peakMegabytes(pid)).toBeLessThan(MOST_MEGABYTES);

  const again = await postStream(url, 'text/csv', contactFile(CONTACTS));
  expect(again.json()).toMatchObject({ imported: 0, updated: 0, unchanged: right });
  expect(await peakMegabytes(pid)).toBeLessThan(MOST_MEGABYTES);

  expect(await flow.http.read('/contacts?limit=1&offset=900000')).toMatchObject({ total: right, data: [expect.anything()] });
  const audience = { tags: { any: ['tag-1', 'tag-2'] } };
  const count = CONTACTS / 5;
  expect((await flow.http.post('/audiences/count', { channel: 'webhook', audience })).json()).toEqual({ count });

  const created = await flow.http.post('/campaigns', { name: 'To many', idempotencyKey: randomUUID(), channel: 'null', audience });
  const { id } = created.json() as { id: string };
  await flow.http.post(`/campaigns/${id}/dispatch`);
  await eventually(async () => expect((await flow.http.read(`/campaigns/${id}`)).status).toBe('completed'), 300_000);
  expect((await flow.http.read(`/campaigns/${id}`)).counts).toMatchObject({ SUCCESS: count, PENDING: 0 });
  const [row] = await flow.sql<{ n: string }>('select count(*) as n from deliveries where campaign_id = $1', [id]);
  expect(Number(row?.n)).toBe(count);
  expect(await peakMegabytes(pid)).toBeLessThan(MOST_MEGABYTES);
});
