import { randomUUID } from 'node:crypto';
import type { CampaignDetail, CreateRecipientCampaignInput, CreatedCampaign, ExecutionView } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start({ DISPATCH_BATCH: '20', RECONCILE_INTERVAL_MS: '50' });
});
afterAll(() => flow.stop());

async function create(more: Partial<CreateRecipientCampaignInput> = {}): Promise<CreatedCampaign> {
  const body = { name: 'A rehearsal', idempotencyKey: randomUUID(), channel: 'null', audience: { count: 100 }, ...more };
  const answer = await flow.http.post('/campaigns', body);
  expect(answer.status, answer.text).toBe(201);
  return answer.json() as CreatedCampaign;
}

async function get(id: string): Promise<CampaignDetail> {
  return (await flow.http.get(`/campaigns/${id}`)).json() as CampaignDetail;
}

async function act(id: string, action: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const answer = await flow.http.post(`/campaigns/${id}/${action}`, body);
  return { status: answer.status, body: answer.json() };
}

async function executionsOf(id: string): Promise<ExecutionView[]> {
  return ((await flow.http.get(`/campaigns/${id}/executions`)).json() as { data: ExecutionView[] }).data;
}

test('a rehearsal is dispatched, sent to everybody once, and is over', async () => {
  const { id, status } = await create();
  expect(status).toBe('draft');
  expect((await get(id)).status).toBe('ready');
  const dispatched = await act(id, 'dispatch');
  expect(dispatched).toMatchObject({ status: 200, body: { started: true, epoch: 0 } });
  await eventually(async () => expect(await get(id)).toMatchObject({ status: 'completed', counts: { SUCCESS: 100, PENDING: 0 } }));
  expect(await executionsOf(id)).toMatchObject([{ state: 'COMPLETED', kind: 'manual', attempts: 1 }]);
  expect(await act(id, 'dispatch')).toMatchObject({ status: 409 });
});

test('what is paused sends nothing more, and what is resumed sends the rest, each once', async () => {
  const { id } = await create({ audience: { count: 2000 }, content: { latencyMs: 30 } });
  await act(id, 'dispatch');
  await eventually(async () => expect((await get(id)).counts.SUCCESS).toBeGreaterThan(0));
  const paused = await act(id, 'pause?wait=5000');
  expect(paused).toMatchObject({ status: 200, body: { paused: true, epoch: 0, draining: 0 } });
  const { counts } = await get(id);
  expect(counts.SUCCESS).toBeLessThan(2000);
  expect(counts.SENDING).toBe(0);
  expect(await executionsOf(id)).toMatchObject([{ state: 'PAUSED' }]);
  expect(await act(id, 'dispatch')).toMatchObject({ status: 409 });
  const resumed = await act(id, 'resume');
  expect(resumed).toMatchObject({ status: 200, body: { resumed: true, epoch: 1 } });
  expect(await act(id, 'resume')).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  await eventually(async () => expect(await get(id)).toMatchObject({ status: 'completed', counts: { SUCCESS: 2000 } }));
});

test('what failed is retried, and nothing else', async () => {
  const { id } = await create({ audience: { count: 200 }, content: { failureRate: 0.5 } });
  await act(id, 'dispatch');
  await eventually(async () => expect((await get(id)).status).toBe('completed'));
  const { counts: before } = await get(id);
  expect(before.FAILED).toBeGreaterThan(0);
  const retried = await act(id, 'retry', { scope: 'failed' });
  expect(retried).toMatchObject({ status: 200, body: { retried: before.FAILED } });
  await eventually(async () => expect((await get(id)).status).toBe('completed'));
  const { counts } = await get(id);
  expect(counts.SUCCESS).toBeGreaterThan(before.SUCCESS);
  expect(counts.SUCCESS + counts.FAILED).toBe(200);
});
