import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Producer } from '../../dispatch/producer.js';
import { Starter } from '../../dispatch/starter.js';
import { cancelExecutions } from '../../executions/executions.store.js';
import { lockCampaign } from '../../executions/starts.store.js';
import { systemClock } from '../../kit/clock.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import { LeaseLock } from '../../store/lease-lock.js';
import { openTestStore, type TestStore } from '../support/store.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());
beforeEach(() => store.sql('delete from campaigns'));

const onError = (error: unknown): void => {
  throw error;
};

class SteppedProducer extends Producer {
  step(): Promise<number> {
    return this.turn();
  }
}

class SteppedStarter extends Starter {
  step(): Promise<number> {
    return this.turn();
  }
}

/** A lock that everybody has. */
const noLock = { take: () => Promise.resolve({ token: 1 }), extend: () => Promise.resolve(true), release: () => Promise.resolve() };

function producer(lock: ConstructorParameters<typeof Producer>[1] = noLock): SteppedProducer {
  return new SteppedProducer(store.database, lock, systemClock, { pollMs: 1000, onError }, silentLog);
}

function starter(): SteppedStarter {
  return new SteppedStarter(store.database, { pollMs: 1000, attempts: 2, retryMs: 1, onError });
}

interface Arranged {
  slot?: number;
  schedule?: Record<string, unknown> | null;
  audience?: unknown;
  status?: string;
}

/** A rehearsal whose next slot is due; its schedule has one slot a year. */
async function due({ slot = Date.now() - 100, schedule = {}, audience = { count: 1 }, status = 'ready' }: Arranged = {}): Promise<string> {
  const id = newId();
  const yearly = { cron: '0 0 1 1 *', timeZone: 'UTC', overlap: 'skip', catchUp: 'one' };
  await store.sql(
    `insert into campaigns (id, name, channel, audience, content, dispatch, schedule, next_slot_at, status, idempotency_key, request_sha256, first_answer)
     values ($1, 'test', 'null', $2, '{"latencyMs": 0, "failureRate": 0}', 'auto', $3, $4, $5, $6, '', '{}')`,
    [id, JSON.stringify(audience), schedule === null ? null : JSON.stringify({ ...yearly, ...schedule }), slot, status, randomUUID()],
  );
  return id;
}

interface Row {
  state: string;
  scheduled_for: string;
  reason: string | null;
  queued: boolean;
  attempts: number;
}

function executionsOf(campaign: string): Promise<Row[]> {
  return store.sql<Row>(
    'select state, scheduled_for, reason, queued, attempts from executions where campaign_id = $1 order by scheduled_for',
    [campaign],
  );
}

async function statusOf(campaign: string): Promise<string | undefined> {
  return (await store.sql<{ status: string }>('select status from campaigns where id = $1', [campaign]))[0]?.status;
}

describe('several producers at one slot, with the lock taken out', () => {
  test('make one execution of each campaign, and each its next slot', async () => {
    const campaigns: string[] = [];
    for (let n = 0; n < 120; n += 1) campaigns.push(await due());
    await Promise.all(Array.from({ length: 4 }, () => producer().step()));
    for (const campaign of campaigns) expect(await executionsOf(campaign)).toMatchObject([{ state: 'NEW' }]);
    expect(await store.sql('select from campaigns where next_slot_at <= $1', [Date.now()])).toEqual([]);
  });

  test('make no second one when the row is as it was before', async () => {
    const slot = Date.now() - 100;
    const campaign = await due({ slot, schedule: { overlap: 'queue' } });
    await producer().step();
    await store.sql('update campaigns set next_slot_at = $2 where id = $1', [campaign, slot]);
    await producer().step();
    expect(await executionsOf(campaign)).toMatchObject([{ state: 'NEW', scheduled_for: String(slot) }]);
  });
});

test('what a person dispatched just before a slot makes it a skipped one', async () => {
  const slot = Date.now() - 100;
  const campaign = await due({ slot, schedule: null, status: 'active' });
  await store.sql(`insert into executions (id, campaign_id, scheduled_for, state) values ($1, $2, 1, 'RUNNING')`, [newId(), campaign]);
  await producer().step();
  expect(await executionsOf(campaign)).toMatchObject([
    { state: 'RUNNING' },
    { state: 'SKIPPED', reason: expect.stringContaining('still live') },
  ]);
});

test('a campaign whose last slot was skipped is completed', async () => {
  const campaign = await due({ slot: Date.now() - 60_000, schedule: { tooLateMs: 1000, until: Date.now() } });
  await producer().step();
  expect(await executionsOf(campaign)).toMatchObject([{ state: 'SKIPPED', reason: expect.stringMatching(/^too late/) }]);
  expect(await statusOf(campaign)).toBe('completed');
});

test('a schedule that cannot be read here is left to others, and holds up nobody', async () => {
  const broken = await due({ schedule: { timeZone: 'Mars/Phobos' } });
  const sound = await due();
  const here = producer();
  expect(await here.step()).toBeGreaterThan(0);
  expect(await executionsOf(sound)).toHaveLength(1);
  expect(await executionsOf(broken)).toEqual([]);
  await store.sql(`update campaigns set schedule = schedule || '{"timeZone": "UTC"}' where id = $1`, [broken]);
  await producer().step();
  expect(await executionsOf(broken)).toMatchObject([{ state: 'NEW' }]);
});

describe('a lock by lease', () => {
  const lock = (holder: string, options = { atMostMs: 60_000, atLeastMs: 0 }): LeaseLock =>
    new LeaseLock(store.database, 'test', holder, options);
  beforeEach(() => store.sql('delete from locks'));

  test('is one holder’s until it is given back, and its token rises', async () => {
    const first = await lock('a').take();
    expect(first).toEqual({ token: 1 });
    expect(await lock('b').take()).toEqual({ token: undefined, waitMs: expect.any(Number) });
    await lock('a').release(1);
    expect(await lock('b').take()).toEqual({ token: 2 });
  });

  test('is free when its holder died, and the late holder can neither extend nor give back', async () => {
    await lock('a', { atMostMs: 0, atLeastMs: 0 }).take();
    expect(await lock('b').take()).toEqual({ token: 2 });
    expect(await lock('a').extend(1)).toBe(false);
    await lock('a').release(1);
    expect(await lock('c').take()).toMatchObject({ token: undefined });
    expect(await lock('b').extend(2)).toBe(true);
  });

  test('keeps others off for its least time, not the same holder', async () => {
    const brief = { atMostMs: 1, atLeastMs: 60_000 };
    await lock('a', brief).take();
    await lock('a', brief).release(1);
    expect(await lock('b').take()).toMatchObject({ token: undefined });
    expect(await lock('a').take()).toEqual({ token: 2 });
  });

  test('held by another leaves a producer idle until it is free, and its holder dead makes no slot lost', async () => {
    const campaign = await due();
    await lock('dead').take();
    expect(await producer(lock('b')).step()).toBeGreaterThan(0);
    expect(await executionsOf(campaign)).toEqual([]);
    await store.sql('update locks set locked_until = now()');
    await producer(lock('b')).step();
    expect(await executionsOf(campaign)).toHaveLength(1);
  });
});

describe('starters', () => {
  test('let one that queues in when nothing before it is live, in order', async () => {
    const campaign = await due({ schedule: { cron: '* * * * *', catchUp: 'all' }, slot: Date.now() - 200_000 });
    await producer().step();
    const states = async (): Promise<string[]> => (await executionsOf(campaign)).map((each) => each.state);
    const made = (await states()).length;
    expect(made).toBeGreaterThanOrEqual(3);
    await Promise.all([starter().step(), starter().step(), starter().step()]);
    expect(await states()).toEqual(['RUNNING', ...Array<string>(made - 1).fill('NEW')]);
    // Those that wait keep no starter busy.
    expect(await starter().step()).toBe(1000);
    await store.sql(`update executions set state = 'COMPLETED' where state = 'RUNNING'`);
    await Promise.all([starter().step(), starter().step()]);
    expect(await states()).toEqual(['COMPLETED', 'RUNNING', ...Array<string>(made - 2).fill('NEW')]);
  });

  test('skip one whose turn came too late for its schedule', async () => {
    const campaign = await due({ schedule: { overlap: 'queue', tooLateMs: 1000 } });
    await producer().step();
    await store.sql('update executions set scheduled_for = scheduled_for - 2000 where campaign_id = $1', [campaign]);
    await starter().step();
    expect(await executionsOf(campaign)).toMatchObject([{ state: 'SKIPPED', reason: expect.stringMatching(/^too late: its turn/) }]);
  });

  test('give up on one that cannot be started, and complete a campaign that has none to come', async () => {
    const campaign = await due({ schedule: null, audience: { nobody: 1 }, status: 'active' });
    const other = await due({ schedule: null });
    await producer().step();
    const one = starter();
    await one.step();
    await one.step();
    expect(await executionsOf(other)).toMatchObject([{ state: 'RUNNING' }]);
    expect(await executionsOf(campaign)).toMatchObject([{ state: 'NEW', attempts: 1, reason: expect.stringContaining('audience') }]);
    await store.sql('update executions set next_try_at = now() where campaign_id = $1', [campaign]);
    await one.step();
    expect(await executionsOf(campaign)).toMatchObject([{ state: 'FAILED', attempts: 2, reason: expect.stringContaining('audience') }]);
    expect(await statusOf(campaign)).toBe('completed');
  });

  test('wait for nobody who has the campaign, who may then have its execution: no two wait for each other', async () => {
    const campaign = await due();
    await producer().step();
    await store.database.transaction(async (transaction) => {
      // As whoever ends a campaign does: first its row, then those of its executions.
      await transaction.run(lockCampaign, { id: campaign });
      expect(await starter().step()).toBeLessThan(1000);
      await transaction.run(cancelExecutions, { campaign });
    });
    expect(await executionsOf(campaign)).toMatchObject([{ state: 'CANCELLED', attempts: 0 }]);
  });

  test('sleep when there is nothing to start', async () => {
    expect(await starter().step()).toBe(1000);
  });
});
