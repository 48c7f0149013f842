import { randomUUID } from 'node:crypto';
import type { CampaignDetail, CreateRecipientCampaignInput, CreatedCampaign, ExecutionView } from '@marquee/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
beforeAll(async () => {
  flow = await Flow.start({ RECONCILE_INTERVAL_MS: '50', START_ATTEMPTS: '3', START_RETRY_MS: '20' });
});
afterAll(() => flow.stop());

const everySecond = { cron: '* * * * * *', timeZone: 'Europe/Berlin' };

function body(more: Partial<CreateRecipientCampaignInput>) {
  return { name: 'Recurring', idempotencyKey: randomUUID(), channel: 'null', audience: { count: 3 }, ...more };
}

async function create(more: Partial<CreateRecipientCampaignInput>): Promise<CreatedCampaign> {
  const answer = await flow.http.post('/campaigns', body(more));
  expect(answer.status, answer.text).toBe(201);
  return answer.json() as CreatedCampaign;
}

async function get(id: string): Promise<CampaignDetail> {
  return (await flow.http.get(`/campaigns/${id}`)).json() as CampaignDetail;
}

/** Oldest first. */
async function executionsOf(id: string): Promise<ExecutionView[]> {
  const page = (await flow.http.get(`/campaigns/${id}/executions?limit=100`)).json() as { data: ExecutionView[] };
  return page.data.reverse();
}

describe('a campaign that recurs', () => {
  test('runs once a slot, on the second, until it is over', async () => {
    const until = Math.ceil(Date.now() / 1000) * 1000 + 4000;
    // Two slots may be due at once when the machine has much to do.
    const own = { ...everySecond, until, overlap: 'queue', catchUp: 'all' } as const;
    const { id, dispatch, schedule, nextRunAt } = await create({ schedule: own });
    expect({ dispatch, schedule }).toEqual({ dispatch: 'auto', schedule: own });
    await eventually(async () => expect(await get(id)).toMatchObject({ status: 'completed', nextRunAt: null }));
    const executions = await executionsOf(id);
    const first = nextRunAt ?? 0;
    expect(executions.map((each) => each.scheduledFor)).toEqual(
      Array.from({ length: (until - first) / 1000 }, (_, second) => first + second * 1000),
    );
    expect(new Set(executions.map((each) => `${each.kind} ${each.state}`))).toEqual(new Set(['scheduled COMPLETED']));
    for (const each of executions) expect(each.startedAt).toBeGreaterThanOrEqual(each.scheduledFor);
  });

  test('tells when it runs next, and what it does when it was not told', async () => {
    const from = Math.ceil(Date.now() / 1000) * 1000 + 3_600_000;
    const { id, schedule, nextRunAt } = await create({ schedule: { ...everySecond, from } });
    expect(schedule).toEqual({ ...everySecond, from, overlap: 'skip', catchUp: 'one' });
    expect(nextRunAt).toBe(from);
    expect((await get(id)).nextRunAt).toBe(from);
    await flow.http.post(`/campaigns/${id}/cancel`);
  });

  test('skips a slot that comes while the one before still runs, and says so', async () => {
    const { id } = await create({ schedule: everySecond, content: { latencyMs: 10_000 } });
    await eventually(async () => expect((await executionsOf(id)).map((each) => each.state)).toContain('SKIPPED'));
    const executions = await executionsOf(id);
    expect(executions[0]).toMatchObject({ state: 'RUNNING', reason: null });
    expect(executions.find((each) => each.state === 'SKIPPED')?.reason).toMatch(/still live/);
    const running = { total: 3, data: Array.from({ length: 3 }, () => ({ executionId: executions[0]?.id })) };
    expect((await flow.http.get(`/campaigns/${id}/deliveries`)).json()).toMatchObject(running);
    await flow.http.post(`/campaigns/${id}/cancel`);
    expect(await get(id)).toMatchObject({ status: 'cancelled', nextRunAt: null });
  });

  test('queues slots behind the one that runs, and a person cannot get in between', async () => {
    const { id } = await create({ schedule: { ...everySecond, overlap: 'queue' }, content: { latencyMs: 5000 } });
    await eventually(async () => expect((await executionsOf(id)).slice(0, 3).map((each) => each.state)).toEqual(['RUNNING', 'NEW', 'NEW']));
    expect((await flow.http.post(`/campaigns/${id}/dispatch`)).status).toBe(409);
    await eventually(async () => expect((await executionsOf(id))[1]?.state).toBe('RUNNING'));
    expect((await executionsOf(id))[0]?.state).toBe('COMPLETED');
    await flow.http.post(`/campaigns/${id}/cancel`);
    await eventually(async () =>
      expect(new Set((await executionsOf(id)).map((each) => each.state))).toEqual(new Set(['COMPLETED', 'CANCELLED'])),
    );
  });

  test('waits while it is paused, and catches up on what it was told to', async () => {
    const { id } = await create({ schedule: { ...everySecond, catchUp: 'all' } });
    await eventually(async () => expect((await executionsOf(id)).length).toBeGreaterThan(0));
    await flow.http.post(`/campaigns/${id}/pause`);
    const before = (await executionsOf(id)).length;
    const due = (await get(id)).nextRunAt ?? 0;
    await eventually(() => expect(Date.now()).toBeGreaterThan(due + 2500));
    expect(await executionsOf(id)).toHaveLength(before);
    await flow.http.post(`/campaigns/${id}/resume`);
    await eventually(async () => {
      const after = (await executionsOf(id)).slice(before);
      expect(after.slice(0, 3)).toMatchObject([0, 1, 2].map((second) => ({ scheduledFor: due + second * 1000, state: 'COMPLETED' })));
    });
    await flow.http.post(`/campaigns/${id}/cancel`);
  });
});

test('a campaign with a start runs by itself at that moment, once', async () => {
  const startAt = Date.now() + 4000;
  const { id } = await create({ dispatch: 'auto', startAt });
  expect(await executionsOf(id)).toEqual([]);
  await eventually(async () => expect((await get(id)).status).toBe('completed'));
  expect(await executionsOf(id)).toMatchObject([{ kind: 'auto', state: 'COMPLETED', scheduledFor: startAt }]);
});

test('the history tells counts, lag and duration, and the backlog what waits', async () => {
  const { id } = await create({ audience: { count: 50 }, content: { latencyMs: 4000 }, schedule: { ...everySecond, overlap: 'queue' } });
  await eventually(async () => expect((await executionsOf(id)).map((each) => each.state)).toEqual(expect.arrayContaining(['RUNNING'])));
  await flow.http.post(`/campaigns/${id}/pause`);
  const [first] = await executionsOf(id);
  expect(first).toMatchObject({ lagMs: (first?.startedAt ?? 0) - (first?.scheduledFor ?? 0), durationMs: null });
  const backlog = (await flow.http.get('/executions/backlog')).json();
  expect(backlog).toMatchObject({ paused: 1, latestLagMs: expect.any(Number), overdueSlots: expect.any(Number) });
  expect((await flow.http.get('/metrics')).text).toMatch(/^marquee_deliveries_pending \d+$/m);
  await flow.http.post(`/campaigns/${id}/resume`);
  await eventually(async () =>
    expect((await executionsOf(id))[0]).toMatchObject({
      state: 'COMPLETED',
      durationMs: expect.any(Number),
      counts: { SUCCESS: 50, PENDING: 0 },
    }),
  );
  await flow.http.post(`/campaigns/${id}/cancel`);
});

describe('a start that fails', () => {
  test('is tried again, ends FAILED with its reason, and holds up nothing else', async () => {
    const broken = await create({ name: 'Broken' });
    await flow.sql(`update campaigns set audience = '{"nobody": "knows"}' where id = $1`, [broken.id]);
    const sound = await create({ name: 'Sound' });
    for (const { id } of [broken, sound]) expect((await flow.http.post(`/campaigns/${id}/dispatch`)).status).toBe(200);
    await eventually(async () => expect((await get(sound.id)).status).toBe('completed'));
    await eventually(async () =>
      expect(await executionsOf(broken.id)).toMatchObject([
        { state: 'FAILED', attempts: 3, reason: expect.stringMatching(/audience cannot be read/) },
      ]),
    );
    expect((await get(broken.id)).status).toBe('ready');
    await flow.sql(`update campaigns set audience = '{"count": 2}' where id = $1`, [broken.id]);
    expect((await flow.http.post(`/campaigns/${broken.id}/dispatch`)).status).toBe(200);
    await eventually(async () => expect(await get(broken.id)).toMatchObject({ status: 'completed', counts: { SUCCESS: 2 } }));
  });
});

test.each([
  ['schedule.cron', { schedule: { ...everySecond, cron: '0 9 30 2 *' } }],
  ['schedule.cron', { schedule: { ...everySecond, until: 1000 } }],
  ['schedule.timeZone', { schedule: { ...everySecond, timeZone: 'Mars/Phobos' } }],
  ['schedule.from', { schedule: { ...everySecond, timeZone: 'Pacific/Auckland', from: 8.64e15 } }],
  ['startAt', { schedule: { ...everySecond, timeZone: 'Pacific/Auckland' }, startAt: 8.64e15 }],
  ['schedule.tooLateMs', { schedule: { ...everySecond, tooLateMs: 0 } }],
  ['content.latencyMs', { content: { latencyMs: 10_001 } }],
  ['dispatch', { schedule: everySecond, dispatch: 'manual' as const }],
])('a body whose %s cannot be is refused by its name', async (field, more) => {
  const answer = await flow.http.post('/campaigns', body(more));
  expect(answer.status).toBe(400);
  expect((answer.json() as { message: string[] }).message).toEqual([expect.stringContaining(`${field}:`)]);
});
