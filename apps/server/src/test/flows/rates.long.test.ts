import { randomUUID } from 'node:crypto';
import type { CampaignDetail, CreateRecipientCampaignInput, CreatedCampaign } from '@marquee/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { hangs, HookReceiver } from '../support/hook-receiver.js';
import { mostWithin } from '../support/rates.js';
import { ServerProcess } from '../support/server-process.js';

const CONTACTS = 1000;

let flow: Flow;
let second: ServerProcess;
let receiver: HookReceiver;
beforeAll(async () => {
  flow = await Flow.start({ WEBHOOK_RATE: '300', WEBHOOK_CONNECTIONS: '32', SEND_TIMEOUT_MS: '20000' });
  const { dataDir, ports } = flow.server;
  second = await ServerProcess.start({
    dataDir,
    databaseUrl: flow.database.url,
    environment: {
      WEBHOOK_RATE: '300',
      WEBHOOK_CONNECTIONS: '32',
      ROLES: 'worker',
      MQTT_PORT: String(ports.mqtt),
      MQTT_WS_PORT: String(ports.ws),
    },
  });
  const lines = Array.from({ length: CONTACTS }, (_, index) => JSON.stringify({ id: `c${index}`, tags: index < 10 ? ['few'] : [] }));
  await flow.http.post('/contacts/import', `${lines.join('\n')}\n`, { 'content-type': 'application/x-ndjson' });
});
afterAll(async () => {
  await second.stop();
  await flow.stop();
});
beforeEach(async () => {
  receiver = await HookReceiver.start();
});
afterEach(() => receiver.stop());

async function run(body: Partial<CreateRecipientCampaignInput>): Promise<string> {
  const answer = await flow.http.post('/campaigns', { name: 'A campaign', idempotencyKey: randomUUID(), ...body });
  expect(answer.status, answer.text).toBe(201);
  const { id } = answer.json() as CreatedCampaign;
  const dispatched = await flow.http.post(`/campaigns/${id}/dispatch`);
  expect(dispatched.status, dispatched.text).toBe(200);
  return id;
}

async function get(id: string): Promise<CampaignDetail> {
  return (await flow.http.get(`/campaigns/${id}`)).json() as CampaignDetail;
}

async function ended(id: string, success: number, withinMs = 60_000): Promise<void> {
  await eventually(async () => expect(await get(id)).toMatchObject({ status: 'completed', counts: { SUCCESS: success } }), withinMs);
}

const ascending = (numbers: number[]): number[] => numbers.toSorted((a, b) => a - b);

/** No second holds more, by the senders' stamps: when this process had the posts tells as well how long it stood still. */
function expectAtMost(perSecond: number, path: RegExp): void {
  const posts = receiver.posts.all
    .filter((post) => path.test(post.path))
    .map(({ headers, at }) => ({ sent: Number(headers['x-marquee-timestamp']), at }));
  expect(mostWithin(ascending(posts.map(({ sent }) => sent)), 1000)).toBeLessThanOrEqual(perSecond);
  // They are of the moment of sending.
  const ways = ascending(posts.map(({ sent, at }) => at - sent));
  expect(ways[0]).toBeGreaterThanOrEqual(0);
  expect(ways[Math.floor(ways.length / 2)]).toBeLessThan(1000);
}

test('two processes together keep the rate of a campaign and of the channel, as the receiver sees it', async () => {
  const paced = await run({
    channel: 'webhook',
    audience: { all: true },
    content: { url: `${receiver.url}/paced` },
    rate: { perSecond: 200 },
  });
  const other = await run({ channel: 'webhook', audience: { all: true }, content: { url: `${receiver.url}/other` } });
  await ended(paced, CONTACTS);
  await ended(other, CONTACTS);
  expectAtMost(200, /paced/);
  expectAtMost(300, /paced|other/);
  const keys = new Set(receiver.posts.all.map((post) => post.headers['idempotency-key']));
  expect(receiver.posts.all).toHaveLength(2 * CONTACTS);
  expect(keys.size).toBe(2 * CONTACTS);
}, 180_000);

test('a campaign whose receiver hangs leaves places to the next', async () => {
  receiver.behave = hangs;
  const good = await HookReceiver.start();
  try {
    const hanging = await run({ channel: 'webhook', audience: { all: true }, content: { url: receiver.url } });
    // Both processes have begun as many as one campaign may.
    await eventually(async () => expect((await get(hanging)).counts.SENDING).toBe(48));
    const next = await run({ channel: 'webhook', audience: { tags: { any: ['few'] } }, content: { url: good.url } });
    // Seldom some of it wait for the lease of a claim that could not be begun in time.
    await ended(next, 10, 120_000);
    expect((await get(hanging)).counts).toMatchObject({ SUCCESS: 0, FAILED: 0 });
    await flow.http.post(`/campaigns/${hanging}/cancel`);
  } finally {
    await good.stop();
  }
}, 180_000);

test('a campaign of ten is done long before one of many that was first', async () => {
  const many = await run({ channel: 'null', audience: { count: 50_000 }, content: { latencyMs: 20 } });
  await eventually(async () => expect((await get(many)).counts.SUCCESS).toBeGreaterThan(0));
  const few = await run({ channel: 'null', audience: { count: 10 } });
  await ended(few, 10);
  expect((await get(many)).counts.PENDING).toBeGreaterThan(0);
  await ended(many, 50_000, 240_000);
}, 300_000);
