import { createHmac, randomUUID } from 'node:crypto';
import type { CampaignDetail, CreatedCampaign, DeliveryView, WebhookContent } from '@marquee/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { answers, type Behaviour, breaksOff, hangs, type HookPost, HookReceiver, takes } from '../support/hook-receiver.js';

const SECRET = 'open sesame 7f3a';
const CONTACTS = [
  { id: 'ann', email: 'ann@example.com', attributes: { plan: 'gold', seats: 3 }, tags: ['vip'], timeZone: 'Europe/Berlin' },
  { id: 'bob', phone: '+4930123', attributes: {}, tags: ['vip', 'b"2'] },
  { id: 'eve ü', attributes: {}, tags: [] },
];

let flow: Flow;
let receiver: HookReceiver;
beforeAll(async () => {
  flow = await Flow.start({ SEND_TIMEOUT_MS: '1500', WEBHOOK_ATTEMPTS: '2', LOG_LEVEL: 'trace' });
  const lines = CONTACTS.map((contact) => `${JSON.stringify(contact)}\n`).join('');
  const imported = await flow.http.post('/contacts/import', lines, { 'content-type': 'application/x-ndjson' });
  expect(imported.json()).toMatchObject({ imported: 3, rejected: [] });
});
afterAll(() => flow.stop());
beforeEach(async () => {
  receiver = await HookReceiver.start();
});
afterEach(() => receiver.stop());

async function run(
  content: Partial<WebhookContent> = {},
  audience: object = { ids: CONTACTS.map((contact) => contact.id) },
): Promise<CampaignDetail> {
  const body = { name: 'A hook', idempotencyKey: randomUUID(), channel: 'webhook', audience, content: { url: receiver.url, ...content } };
  const answer = await flow.http.post('/campaigns', body);
  expect(answer.status, answer.text).toBe(201);
  const { id } = answer.json() as CreatedCampaign;
  const dispatched = await flow.http.post(`/campaigns/${id}/dispatch`);
  expect(dispatched.status, dispatched.text).toBe(200);
  return await get(id);
}

async function get(id: string): Promise<CampaignDetail> {
  return (await flow.http.get(`/campaigns/${id}`)).json() as CampaignDetail;
}

async function ended({ id }: { id: string }): Promise<CampaignDetail> {
  return await eventually(async () => {
    const campaign = await get(id);
    expect(campaign.status).toBe('completed');
    return campaign;
  });
}

async function deliveriesOf({ id }: { id: string }): Promise<DeliveryView[]> {
  return ((await flow.http.get(`/campaigns/${id}/deliveries`)).json() as { data: DeliveryView[] }).data;
}

const ofContact = (id: string, then: Behaviour, others: Behaviour = takes): Behaviour => {
  const isTheirs = (post: HookPost): boolean => JSON.parse(post.text).recipient.id === id;
  return (post, response) => (isTheirs(post) ? then : others)(post, response);
};

test('every contact is one signed post with all that is known of it', async () => {
  const campaign = await run({ secret: SECRET, data: { offer: 'two for one' } });
  expect(await ended(campaign)).toMatchObject({ counts: { SUCCESS: 3, FAILED: 0, UNKNOWN: 0 } });
  const bodies = receiver.posts.all.map(({ text }) => JSON.parse(text) as { deliveryId: string; recipient: { id: string } });
  expect(bodies.map(({ recipient }) => recipient).sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(CONTACTS);
  for (const { headers, text } of receiver.posts.all) {
    const body = JSON.parse(text) as { deliveryId: string };
    expect(body).toMatchObject({ campaignId: campaign.id, epoch: 0, attempt: 1, data: { offer: 'two for one' } });
    expect(headers['idempotency-key']).toBe(body.deliveryId);
    const signed = createHmac('sha256', SECRET)
      .update(`${String(headers['x-marquee-timestamp'])}.${text}`)
      .digest('hex');
    expect(headers['x-marquee-signature']).toBe(`sha256=${signed}`);
  }
  expect(new Set(bodies.map(({ deliveryId }) => deliveryId)).size).toBe(3);
});

test('what the receiver did not take is repeated under the same key, and its other answers are final', async () => {
  const turnedAway = answers(503, { 'retry-after': '2' });
  const seen = new Set<string>();
  const busyOnce = ofContact('ann', (post, response) => {
    const key = String(post.headers['idempotency-key']);
    (seen.has(key) ? takes : turnedAway)(post, response);
    seen.add(key);
  });
  receiver.behave = ofContact('bob', answers(404), ofContact('eve ü', answers(500), busyOnce));
  const campaign = await ended(await run());
  expect(campaign).toMatchObject({ counts: { SUCCESS: 1, FAILED: 2 } });
  expect(await deliveriesOf(campaign)).toMatchObject([
    { recipient: 'ann', status: 'SUCCESS', attempt: 2 },
    { recipient: 'bob', status: 'FAILED', attempt: 1, lastError: 'answered 404' },
    { recipient: 'eve ü', status: 'FAILED', attempt: 2, lastError: 'answered 500' },
  ]);
  const toAnn = receiver.posts.all.filter(({ text }) => text.includes('ann@example.com'));
  expect(toAnn.map(({ text }) => (JSON.parse(text) as { attempt: number }).attempt)).toEqual([1, 2]);
  const [first, second] = toAnn.map(({ headers, at }) => ({ key: headers['idempotency-key'], at }));
  expect(second?.key).toBe(first?.key);
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1990);
});

test('who hangs and who breaks off is tried again, and what still does not work is FAILED with its reason', async () => {
  receiver.behave = ofContact('bob', hangs, ofContact('eve ü', breaksOff));
  const campaign = await ended(await run());
  expect(await deliveriesOf(campaign)).toMatchObject([
    { recipient: 'ann', status: 'SUCCESS', attempt: 1 },
    { recipient: 'bob', status: 'FAILED', attempt: 2, lastError: 'no answer within 1500 ms' },
    { recipient: 'eve ü', status: 'FAILED', attempt: 2, lastError: 'connection broke off' },
  ]);
});

test('an address that is not permitted is refused with its reason, and nothing is tried twice', async () => {
  const campaign = await ended(await run({ url: 'http://169.254.169.254/latest/meta-data' }, { ids: ['ann'] }));
  const lastError = 'address is private (link-local): set WEBHOOK_ALLOW to permit it';
  expect(await deliveriesOf(campaign)).toMatchObject([{ recipient: 'ann', status: 'FAILED', attempt: 1, lastError }]);
});

test('the secret is shown to nobody and stands in no log', async () => {
  receiver.behave = answers(500);
  const { id } = await ended(await run({ secret: SECRET }, { ids: ['ann'] }));
  for (const path of [`/campaigns/${id}`, '/campaigns', `/campaigns/${id}/deliveries`, `/campaigns/${id}/executions`]) {
    const answer = await flow.http.get(path);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('sesame');
  }
  expect(flow.server.printed).not.toContain('sesame');
  expect(flow.server.printed.length).toBeGreaterThan(0);
});

test('what is paused posts nothing more, and goes on when it is resumed', async () => {
  const lines = Array.from({ length: 400 }, (_, index) => `${JSON.stringify({ id: `many-${index}`, tags: ['many'] })}\n`).join('');
  await flow.http.post('/contacts/import', lines, { 'content-type': 'application/x-ndjson' });
  const held: (() => void)[] = [];
  receiver.behave = (_, response) => void held.push(() => void response.writeHead(204).end());
  const { id } = await run({}, { tags: { any: ['many'] } });
  await receiver.posts.first();
  // There are more contacts than connections, and none of these is answered before the pause is.
  const paused = (await flow.http.post(`/campaigns/${id}/pause`)).json();
  expect(paused).toMatchObject({ paused: true });
  expect(paused.draining).toBeGreaterThan(0);
  receiver.behave = takes;
  for (const answer of held) answer();
  expect((await flow.http.post(`/campaigns/${id}/pause?wait=5000`)).json()).toMatchObject({ paused: true, draining: 0 });
  const sent = receiver.posts.all.length;
  expect(sent).toBeLessThan(400);
  expect(await get(id)).toMatchObject({ paused: true, counts: { SENDING: 0 } });
  expect((await flow.http.post(`/campaigns/${id}/resume`)).status).toBe(200);
  await ended({ id });
  // One that was not answered in time is sent again.
  const bodies = receiver.posts.all.map(({ text }) => JSON.parse(text) as { epoch: number; deliveryId: string });
  expect(new Set(bodies.map(({ deliveryId }) => deliveryId)).size).toBe(400);
  expect(bodies.slice(sent).every(({ epoch }) => epoch === 1)).toBe(true);
});
