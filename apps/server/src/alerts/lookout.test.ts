import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../kit/log.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { Lookout } from './lookout.js';
import { openOutages } from './outages.store.js';

const MINUTE = 60_000;
const GRACE_MS = 5 * MINUTE;

class SteppedLookout extends Lookout {
  step(): Promise<number> {
    return this.turn();
  }
}

let store: TestStore;
let lookout: SteppedLookout;
let rule: string;

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

beforeEach(async () => {
  await store.sql('truncate alert_rules, outages, notices, screen_snoozes, devices, outbox cascade');
  rule = await makeRule();
  lookout = makeLookout();
});

function makeLookout(): SteppedLookout {
  return new SteppedLookout(store.database, { pollMs: 1000, onError: () => undefined }, silentLog);
}

/** A rule with a webhook over everything. */
async function makeRule(more: { audience?: unknown; webhook?: string | null; emails?: string[] } = {}): Promise<string> {
  const { audience = { all: true }, webhook = 'https://hook.example.test/', emails = [] } = more;
  const id = randomUUID();
  await store.sql(`insert into alert_rules (id, name, audience, webhook_url, emails) values ($1, 'Rule', $2, $3, $4)`, [
    id,
    JSON.stringify(audience),
    webhook,
    emails,
  ]);
  return id;
}

/** Screens that were seen and are as they are for so long. */
async function screens(ids: string[], status: 'online' | 'offline', agoMs = 0, group: string | null = null): Promise<void> {
  await store.sql(
    `insert into devices (device_id, status, status_since, last_seen, group_id)
     select unnest($1::text[]), $2, now() - $3 * interval '1 ms', now(), $4
     on conflict (device_id) do update set status = excluded.status, status_since = excluded.status_since`,
    [ids, status, agoMs, group],
  );
}

/** Lets time pass: every moment that is kept moves into the past. */
async function pass(ms: number): Promise<void> {
  const shifts: Record<string, string[]> = {
    devices: ['status_since'],
    alert_rules: ['snoozed_until', 'next_look_at', 'looked_at', 'full_look_at', 'outage_noticed_at', 'recovery_noticed_at'],
    screen_snoozes: ['snoozed_until'],
    outages: ['since', 'opened_at', 'closed_at'],
  };
  for (const [table, columns] of Object.entries(shifts))
    await store.sql(`update ${table} set ${columns.map((column) => `${column} = ${column} - interval '${ms} ms'`).join(', ')}`);
}

/** A look ten seconds after the last, as a rule of five minutes has it. */
async function look(): Promise<void> {
  await pass(10_000);
  await lookout.step();
}

async function open(): Promise<string[]> {
  return (await store.sql<{ device_id: string }>('select device_id from outages where closed_at is null order by 1')).map(
    (row) => row.device_id,
  );
}

interface NoticeRow {
  kind: string;
  way: string;
  target: string;
  screens: number;
  named: { deviceId: string; groupId: string | null; since: number; until?: number }[];
}

function notices(): Promise<NoticeRow[]> {
  return store.sql<NoticeRow & pg.QueryResultRow>('select kind, way, target, screens, named from notices order by seq');
}

/** What was queued, in short. */
async function told(): Promise<string[]> {
  return (await notices()).map(({ kind, named }) => `${kind} ${named.map((screen) => screen.deviceId).join(' ')}`);
}

describe('an outage', () => {
  test('opens when a screen is offline for longer than the grace, and is told once', async () => {
    await screens(['gone'], 'offline', GRACE_MS - 15_000);
    await screens(['here'], 'online', 60 * MINUTE);
    await look();
    expect(await open()).toEqual([]);
    await look();
    expect(await open()).toEqual(['gone']);
    await look();
    await pass(10 * MINUTE);
    await look();
    expect(await open()).toEqual(['gone']);
    expect(await told()).toEqual(['outage gone']);
  });

  test('is not opened of a screen that was never seen: it has not gone', async () => {
    await store.sql(`insert into devices (device_id, status_since) values ('new', now() - interval '1 day')`);
    await look();
    expect(await open()).toEqual([]);
  });

  test('is not opened of a screen that flaps below the grace', async () => {
    for (let flap = 0; flap < 5; flap += 1) {
      await screens(['flapper'], 'offline', GRACE_MS - MINUTE);
      await look();
      await screens(['flapper'], 'online');
      await look();
    }
    expect(await store.sql('select from outages')).toHaveLength(0);
    expect(await told()).toEqual([]);
  });

  test('is opened and told once though several look at the same moment', async () => {
    await screens(
      Array.from({ length: 300 }, (_, index) => `s-${index}`),
      'offline',
      GRACE_MS,
    );
    const others = Array.from({ length: 4 }, makeLookout);
    for (let round = 0; round < 3; round += 1) {
      await store.sql('update alert_rules set next_look_at = now()');
      await Promise.all(others.map((other) => other.step()));
    }
    expect(await open()).toHaveLength(300);
    expect((await notices()).reduce((sum, notice) => sum + notice.screens, 0)).toBe(300);
    await expect(store.sql(`insert into outages (rule_id, device_id, since) values ($1, 's-1', now())`, [rule])).rejects.toThrow(
      /outages_open/,
    );
  });

  test('ends at the moment at which the screen came back', async () => {
    await screens(['gone'], 'offline', GRACE_MS);
    await look();
    await screens(['gone'], 'online', 3000);
    await look();
    const [outage] = await store.sql<{ ended_by: string; away: number }>(
      `select ended_by, extract(epoch from closed_at - since)::int as away from outages`,
    );
    // Seen ten seconds after the grace, and back three seconds before that.
    expect(outage).toEqual({ ended_by: 'back', away: expect.any(Number) });
    expect(Math.abs((outage?.away ?? 0) - (GRACE_MS / 1000 + 7))).toBeLessThan(4);
  });

  test('is found late when a change was committed late', async () => {
    await look();
    await pass(40 * MINUTE);
    await store.sql(`update alert_rules set full_look_at = now() + interval '30 s', looked_at = now()`);
    await screens(['late'], 'offline', 30 * MINUTE);
    await lookout.step();
    expect(await open()).toEqual([]);
    await pass(MINUTE);
    await lookout.step();
    expect(await open()).toEqual(['late']);
  });

  test('goes without a word when the screen is forgotten, not meant any more, or the rule rests', async () => {
    await store.sql('delete from alert_rules');
    await makeRule({ audience: { groups: ['hall'] } });
    await screens(['forgotten', 'moved', 'stays'], 'offline', GRACE_MS, 'hall');
    await screens(['elsewhere'], 'offline', GRACE_MS, 'yard');
    await look();
    expect(await open()).toEqual(['forgotten', 'moved', 'stays']);
    await store.sql(`delete from devices where device_id = 'forgotten'`);
    await store.sql(`update devices set group_id = 'yard' where device_id = 'moved'`);
    await pass(MINUTE);
    await look();
    expect(await open()).toEqual(['stays']);
    await store.sql('update alert_rules set enabled = false, full_look_at = now(), next_look_at = now()');
    await lookout.step();
    expect(await open()).toEqual([]);
    await pass(MINUTE);
    await look();
    expect(await store.sql('select device_id, ended_by from outages order by 1')).toEqual([
      { device_id: 'forgotten', ended_by: 'forgotten' },
      { device_id: 'moved', ended_by: 'rule' },
      { device_id: 'stays', ended_by: 'rule' },
    ]);
    expect(await told()).toEqual(['outage forgotten moved stays']);
  });

  test('is looked for all the same when the clock was set back by an hour', async () => {
    await look();
    await pass(-60 * MINUTE);
    await store.sql(`update devices set status_since = now()`);
    await screens(['gone'], 'offline', GRACE_MS);
    await lookout.step();
    expect(await open()).toEqual(['gone']);
  });
});

describe('notices', () => {
  test('of 2,000 screens are one an addressee, with the first fifty by name', async () => {
    await store.sql('delete from alert_rules');
    await makeRule({ emails: ['a@example.test', 'b@example.test'] });
    const ids = Array.from({ length: 2000 }, (_, index) => `s-${String(index).padStart(4, '0')}`);
    await screens(ids, 'offline', GRACE_MS, 'hall');
    await look();
    const queued = await notices();
    expect(queued.map(({ kind, way, target, screens: n }) => [kind, way, target, n])).toEqual([
      ['outage', 'webhook', '', 2000],
      ['outage', 'email', 'a@example.test', 2000],
      ['outage', 'email', 'b@example.test', 2000],
    ]);
    expect(queued[0]?.named.map((screen) => screen.deviceId)).toEqual(ids.slice(0, 50));
    expect(queued[0]?.named[0]).toEqual({ deviceId: 's-0000', groupId: 'hall', since: expect.any(Number) });
    await screens(ids, 'online');
    await look();
    const recovery = (await notices()).slice(3);
    expect(recovery.map(({ kind, screens: n, named }) => [kind, n, named.length])).toEqual([
      ['recovery', 2000, 50],
      ['recovery', 2000, 50],
      ['recovery', 2000, 50],
    ]);
    expect(recovery[0]?.named[0]?.until).toBeGreaterThan(recovery[0]?.named[0]?.since ?? 0);
  });

  test('of what goes within a minute after the first go together', async () => {
    await screens(['a'], 'offline', GRACE_MS);
    await look();
    await screens(['b'], 'offline', GRACE_MS);
    await look();
    await screens(['c'], 'offline', GRACE_MS);
    await look();
    expect(await told()).toEqual(['outage a']);
    await pass(MINUTE);
    await look();
    expect(await told()).toEqual(['outage a', 'outage b c']);
  });

  test('of recovery come only after one of the outage, and only to whom it went', async () => {
    await screens(['a'], 'offline', GRACE_MS);
    await look();
    await screens(['b'], 'offline', GRACE_MS);
    await look();
    await store.sql(`update alert_rules set emails = '{later@example.test}'`);
    // Of `b` nobody was told yet.
    await screens(['a', 'b'], 'online');
    await look();
    await pass(2 * MINUTE);
    await look();
    expect((await notices()).map(({ kind, way, named }) => [kind, way, named.map((screen) => screen.deviceId)])).toEqual([
      ['outage', 'webhook', ['a']],
      ['recovery', 'webhook', ['a']],
    ]);
  });

  test('of recovery do not come to whom the outage was never tried to be told', async () => {
    await screens(['a'], 'offline', GRACE_MS);
    await look();
    await store.sql(`update notices set state = 'dropped', next_attempt_at = null`);
    await screens(['a'], 'online');
    await look();
    expect(await told()).toEqual(['outage a']);
  });

  test('are none of a rule that tells the page only', async () => {
    await store.sql('update alert_rules set webhook_url = null');
    await screens(['a'], 'offline', GRACE_MS);
    await look();
    await screens(['a'], 'online');
    await look();
    expect(await told()).toEqual([]);
    expect(await store.sql('select ended_by from outages')).toEqual([{ ended_by: 'back' }]);
    expect(await store.sql(`select from outbox where event_type = 'alerts_changed'`)).not.toHaveLength(0);
  });
});

describe('while it is snoozed', () => {
  const snoozes = {
    screen: `insert into screen_snoozes values ('a', now() + interval '30 min') on conflict (device_id) do update set snoozed_until = excluded.snoozed_until`,
    rule: `update alert_rules set snoozed_until = now() + interval '30 min'`,
  };

  test.each(Object.entries(snoozes))('a %s is told of when the snooze is over and it is still offline', async (_, snooze) => {
    await screens(['a'], 'offline', GRACE_MS);
    await store.sql(snooze);
    await look();
    expect(await open()).toEqual(['a']);
    expect(await told()).toEqual([]);
    await pass(30 * MINUTE);
    await look();
    expect(await told()).toEqual(['outage a']);
  });

  test.each(Object.entries(snoozes))('a %s that recovers is never told of', async (_, snooze) => {
    await screens(['a'], 'offline', GRACE_MS);
    await store.sql(snooze);
    await look();
    await screens(['a'], 'online');
    await look();
    await pass(40 * MINUTE);
    await look();
    expect(await told()).toEqual([]);
  });

  test.each(Object.entries(snoozes))('a %s whose outage was told is told to be back when the snooze is over', async (_, snooze) => {
    await screens(['a'], 'offline', GRACE_MS);
    await look();
    await store.sql(snooze);
    await screens(['a'], 'online');
    await look();
    expect(await told()).toEqual(['outage a']);
    await pass(30 * MINUTE);
    await look();
    expect(await told()).toEqual(['outage a', 'recovery a']);
  });

  test('the other screens are told of', async () => {
    await store.sql(`insert into devices (device_id) values ('a')`);
    await store.sql(snoozes.screen);
    await screens(['a', 'b'], 'offline', GRACE_MS);
    await look();
    expect(await told()).toEqual(['outage b']);
  });
});

test('a look at changes reads what changed, not the 20,000 screens there are', async () => {
  const many = Array.from({ length: 10_000 }, (_, index) => `s-${index}`);
  await screens(many, 'offline', 600 * MINUTE);
  await screens(
    many.map((id) => `${id}-on`),
    'online',
    600 * MINUTE,
  );
  // The first look of a minute is at everything.
  await look();
  await look();
  await store.sql('vacuum analyze devices');
  await store.sql('vacuum analyze outages');
  const client = new pg.Client({ connectionString: store.url });
  await client.connect();
  try {
    await client.query('set plan_cache_mode = force_generic_plan');
    await client.query(`prepare looking as ${openOutages.sql}`);
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, buffers, costs off) execute looking('${rule}', null, null, null, null, null)`,
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/devices_by_status/);
    expect(Number(/Buffers: shared hit=(\d+)/.exec(plan)?.[1] ?? 1e9), plan).toBeLessThan(100);
  } finally {
    await client.end();
  }
});
