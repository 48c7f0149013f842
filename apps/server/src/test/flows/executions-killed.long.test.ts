import { randomUUID } from 'node:crypto';
import type { CampaignDetail, CreatedCampaign, ExecutionView } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Flow } from '../support/flow.js';
import { ServerProcess } from '../support/server-process.js';

let at: Flow;
beforeAll(async () => {
  at = await Flow.start({ RECONCILE_INTERVAL_MS: '50' });
});
afterAll(() => at.stop());

const GATE = 730_119;

async function create(more: Record<string, unknown>): Promise<CreatedCampaign> {
  const body = { name: 'Recurring', idempotencyKey: randomUUID(), channel: 'null', audience: { count: 20 }, ...more };
  const answer = await at.http.post('/campaigns', body);
  expect(answer.status, answer.text).toBe(201);
  return answer.json() as CreatedCampaign;
}

async function executionsOf(id: string): Promise<ExecutionView[]> {
  const page = (await at.http.get(`/campaigns/${id}/executions?limit=100`)).json() as { data: ExecutionView[] };
  return page.data.reverse();
}

test.each([
  ['a new execution is made and before it is started', "before update on executions for each row when (new.state = 'RUNNING')", 'NEW'],
  ['it is started and before it has recipients', 'before insert on deliveries for each statement', 'RUNNING'],
])('a process killed after %s leaves it to the next, which runs it once', async (_, moment, state) => {
  await at.sql('select pg_advisory_lock($1)', [GATE]);
  await at.sql(
    `create function wait_at_gate() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(${GATE}); return new; end $$`,
  );
  await at.sql(`create trigger gate ${moment} execute function wait_at_gate()`);
  const { id } = await create({ dispatch: 'auto', startAt: Date.now() + 300 });
  await eventually(async () =>
    expect(await at.sql(`select from pg_locks where locktype = 'advisory' and objid = $1 and not granted`, [GATE])).not.toEqual([]),
  );
  await at.server.kill();
  expect(await at.sql('select state from executions where campaign_id = $1', [id])).toEqual([{ state }]);
  await at.sql('select pg_advisory_unlock($1)', [GATE]);
  await at.sql('drop function wait_at_gate() cascade');
  await at.revive();
  await eventually(async () => {
    const campaign = (await at.http.get(`/campaigns/${id}`)).json() as CampaignDetail;
    expect(campaign).toMatchObject({ status: 'completed', counts: { SUCCESS: 20, PENDING: 0 } });
  });
  expect(await executionsOf(id)).toMatchObject([{ state: 'COMPLETED', kind: 'auto', attempts: 1 }]);
  expect(await at.sql('select count(*)::int as n from deliveries where campaign_id = $1', [id])).toEqual([{ n: 20 }]);
});

test('two processes make one execution a slot, also while one of them is killed', async () => {
  const second = await ServerProcess.start({ databaseUrl: at.database.url, environment: { ROLES: 'dispatch,worker' } });
  const until = Math.ceil(Date.now() / 1000) * 1000 + 4000;
  const { id, nextRunAt } = await create({
    schedule: { cron: '* * * * * *', timeZone: 'UTC', overlap: 'queue', catchUp: 'all', until },
  });
  await eventually(async () => expect((await executionsOf(id)).length).toBeGreaterThanOrEqual(2));
  await second.kill();
  await eventually(async () => {
    const executions = await executionsOf(id);
    const first = nextRunAt ?? 0;
    expect(executions.map((each) => [each.scheduledFor, each.state])).toEqual(
      Array.from({ length: (until - first) / 1000 }, (_, n) => [first + n * 1000, 'COMPLETED']),
    );
  });
});
