import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Clock } from '../../kit/clock.js';
import { click, delivered, statsConsumer } from '../../test/support/clicks.js';
import { eventually } from '../../test/support/eventually.js';
import { openTestStore, type TestStore } from '../../test/support/store.js';
import { ClickPruner } from './click-pruner.js';

const DAY = 86_400_000;
const TODAY = Date.now() - (Date.now() % DAY);
let store: TestStore;
let seq = 0;

beforeAll(async () => {
  store = await openTestStore();
});
beforeEach(() => store.sql('truncate clicks, click_ids, click_minutes'));
afterAll(() => store.close());

const clockAt = (now: number): Clock => ({ now: () => now, monotonic: () => performance.now() });
/** One turn, at that time. */
async function prune(now: number, keepDays = 90): Promise<void> {
  const errors: unknown[] = [];
  let turns = 0;
  const counting = new Proxy(store.database, {
    get: (target, key) => {
      if (key !== 'run') return Reflect.get(target, key);
      return async (statement: { name: string }, args: object) => {
        const rows = await target.run(statement as never, args as never);
        if (statement.name === 'click_processes_prune') turns += 1;
        return rows;
      };
    },
  });
  const pruner = new ClickPruner(counting, clockAt(now), {
    keepDays,
    dedupeDays: 7,
    duplicateMs: 1000,
    onError: (error) => errors.push(error),
  });
  pruner.start();
  await eventually(() => expect(turns + errors.length).toBeGreaterThan(0));
  await pruner.stop();
  expect(errors).toEqual([]);
}
async function handle(...times: number[]): Promise<void> {
  const messages = times.map((clickedAt) => {
    seq += 1;
    return delivered(click({ clickedAt }), { process: 0, seq });
  });
  await statsConsumer(store).handle(messages);
}
async function places(): Promise<Record<string, number>> {
  const rows = await store.sql<{ place: string; n: string }>(
    'select tableoid::regclass::text as place, count(*) as n from clicks group by 1 order by 1',
  );
  return Object.fromEntries(rows.map(({ place, n }) => [place, Number(n)]));
}
const dayOf = (at: number) => `clicks_${new Date(at).toISOString().slice(0, 10).replaceAll('-', '')}`;

test('each day has a place of its own before it begins; what fell beside it is moved there', async () => {
  await handle(TODAY, TODAY - 1, TODAY + 1000);
  expect(await places()).toEqual({ clicks_default: 3 });
  await prune(TODAY);
  expect(await places()).toEqual({ [dayOf(TODAY)]: 2, clicks_default: 1 });
  await handle(TODAY + 5000);
  expect(await places()).toMatchObject({ [dayOf(TODAY)]: 3 });
  const made = await store.sql(`select from pg_inherits where inhparent = 'clicks'::regclass`);
  expect(made).toHaveLength(9);
  await Promise.all([prune(TODAY + DAY), prune(TODAY + DAY)]);
  expect(await store.sql(`select from pg_inherits where inhparent = 'clicks'::regclass`)).toHaveLength(10);
});

test('clicks older than asked for are gone, whole days at a time, and stay counted', async () => {
  await prune(TODAY);
  await handle(TODAY + 1000, TODAY - 100 * DAY);
  await prune(TODAY + 3 * DAY, 3);
  expect(await places()).toEqual({ [dayOf(TODAY)]: 1 });
  await prune(TODAY + 4 * DAY, 3);
  expect(await places()).toEqual({});
  expect(await store.sql(`select to_regclass('${dayOf(TODAY)}') as t`)).toEqual([{ t: null }]);
  expect(await store.sql('select from click_minutes')).toHaveLength(2);
});

test('an id is known eight days longer than asked for: what lives so long in queues is still counted once', async () => {
  await handle(Date.now(), Date.now());
  const ids = await store.sql<{ message_id: string }>('select message_id from click_ids');
  const ago = (days: number, id: string | undefined) =>
    store.sql(`update click_ids set at = now() - $1 * interval '1 day' where message_id = $2`, [days, id]);
  await ago(14.9, ids[0]?.message_id);
  await ago(15.1, ids[1]?.message_id);
  await prune(Date.now());
  expect(await store.sql('select message_id from click_ids')).toEqual([ids[0]]);
});
