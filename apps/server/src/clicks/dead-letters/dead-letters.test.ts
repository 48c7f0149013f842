import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../kit/clock.js';
import type { Runner } from '../../store/database.js';
import { click, clickProcess, delivered, statsConsumer } from '../../test/support/clicks.js';
import { countWaiting } from '../../test/support/dispatching.js';
import { openTestStore, type TestStore } from '../../test/support/store.js';
import { PostgresFallback } from '../publisher/postgres-fallback.js';
import { bury, buryIn, type Corpse } from './dead-letters.js';
import { DeadLetters } from './dead-letters.service.js';

const THEN = Date.now() - (Date.now() % 60_000) - 5 * 60_000;
let store: TestStore;
let letters: DeadLetters;
let process: number;

beforeAll(async () => {
  store = await openTestStore();
  letters = new DeadLetters(store.database, systemClock, 2);
});
beforeEach(async () => {
  await store.sql(
    'truncate click_dead_letters, click_fallback, click_processes, click_settled, click_ids, click_repeats, clicks, click_minutes',
  );
  process = await clickProcess(store);
});
afterAll(() => store.close());

/** Clicks that died, by their acceptances from 1 on. */
function corpses(n: number): Corpse[] {
  return Array.from({ length: n }, (_, at) => {
    const message = delivered(click({ clickedAt: THEN }), { process, seq: at + 1 });
    return { ...message, reason: `no queue takes it (${at + 1})` };
  });
}
const buried = async (dead: readonly Corpse[]) => await bury(store.database, dead, systemClock.now());
const there = async () => (await letters.list({ offset: 0, limit: 100 })).data;
/** What the ledger says of the one minute of these tests. */
const settled = async () =>
  (
    await store.sql<{ stored: number; dead: number }>(
      'select coalesce(sum(stored), 0)::int as stored, coalesce(sum(dead), 0)::int as dead from click_settled',
    )
  )[0];
/** Publishes what waits to who counts, as a replay does. */
async function replayed() {
  const fallback = new PostgresFallback(store.database, systemClock);
  const waiting = await fallback.oldest(100);
  const decisions = await statsConsumer(store).handle(waiting.map((message) => ({ ...message, tries: 1 })));
  await fallback.remove(waiting);
  return { waiting, decisions };
}

describe('dead letters that are sent back', () => {
  it('wait in the fallback, are counted once, and are not dead in the ledger', async () => {
    const dead = corpses(5);
    await buried(dead);
    expect(await settled()).toEqual({ stored: 0, dead: 5 });
    expect(await letters.redrive({ all: true })).toBe(5);
    expect(await there()).toEqual([]);
    expect(await settled()).toEqual({ stored: 0, dead: 0 });
    const { waiting } = await replayed();
    expect(waiting.map(({ body }) => body).sort()).toEqual(dead.map(({ body }) => body).sort());
    expect(await settled()).toEqual({ stored: 5, dead: 0 });
    // A copy that was still on its way, and one that a replay publishes twice.
    await statsConsumer(store).handle(dead.map((corpse) => ({ ...corpse, tries: 2 })));
    expect(await settled()).toEqual({ stored: 5, dead: 0 });
    expect(await store.sql('select count(*)::int as n from clicks')).toEqual([{ n: 5 }]);
  });

  it('go by number, and only those that are there', async () => {
    await buried(corpses(4));
    const [last, third] = await there();
    expect(await letters.redrive({ ids: [last?.id ?? 0, third?.id ?? 0, 999_999_999] })).toBe(2);
    expect((await there()).map(({ reason }) => reason)).toEqual(['no queue takes it (2)', 'no queue takes it (1)']);
    expect(await letters.redrive({ ids: [last?.id ?? 0] })).toBe(0);
    expect(await settled()).toEqual({ stored: 0, dead: 2 });
    expect((await replayed()).waiting).toHaveLength(2);
  });

  it('move once when two ask at the same time', async () => {
    await buried(corpses(9));
    const other = new DeadLetters(store.database, systemClock, 3);
    const moved = await Promise.all([letters.redrive({ all: true }), other.redrive({ all: true })]);
    expect(moved[0] + moved[1]).toBe(9);
    expect(await settled()).toEqual({ stored: 0, dead: 0 });
    expect((await replayed()).waiting).toHaveLength(9);
  });

  it('that die again are letters again, the newest, and say how often they were sent', async () => {
    const [first, second] = corpses(2) as [Corpse, Corpse];
    await buried([first]);
    await buried([second]);
    const [, before] = await there();
    await letters.redrive({ ids: [before?.id ?? 0] });
    await buried([{ ...first, reason: 'again' }]);
    const [newest, older] = await there();
    expect(newest).toMatchObject({ messageId: first.messageId, reason: 'again', redriven: 1 });
    expect(older).toMatchObject({ messageId: second.messageId, redriven: 0 });
    expect(await settled()).toEqual({ stored: 0, dead: 2 });
    await expect(letters.get(before?.id ?? 0)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('are not revived by a copy of a message that died once', async () => {
    const dead = corpses(1);
    await buried(dead);
    expect(await buried(dead)).toBe(0);
    expect(await settled()).toEqual({ stored: 0, dead: 1 });
    expect(await there()).toHaveLength(1);
  });

  it('whose id is none die once in the ledger, however often they are sent', async () => {
    const broken = { messageId: 'no-uuid', body: `{"clickedAt":"${THEN}"}`, process, seq: 1, reason: 'messageId: invalid' };
    await buried([broken]);
    for (const redriven of [1, 2]) {
      expect(await letters.redrive({ all: true })).toBe(1);
      expect(await settled()).toEqual({ stored: 0, dead: 0 });
      const { waiting, decisions } = await replayed();
      expect(decisions).toEqual([{ dead: expect.stringContaining('messageId') as unknown }]);
      await buried(waiting.map((message) => ({ ...message, reason: 'still no click' })));
      expect(await settled()).toEqual({ stored: 0, dead: 1 });
      expect(await there()).toMatchObject([{ messageId: 'no-uuid', redriven }]);
    }
  });

  it('that came from outside are counted and leave the ledger alone', async () => {
    const messageId = randomUUID();
    await buried([{ ...delivered(click({ messageId }), { process: 0, seq: 0 }), reason: 'expired' }]);
    expect(await letters.redrive({ all: true })).toBe(1);
    const { waiting } = await replayed();
    expect(waiting).toMatchObject([{ process: 0, messageId }]);
    expect(await settled()).toEqual({ stored: 0, dead: 0 });
    expect(await store.sql('select message_id from clicks')).toEqual([{ message_id: messageId }]);
  });
});

describe('a click that dies in two places at once', () => {
  /** Buries, or counts, while the same is under way elsewhere and not committed. */
  async function whileUnderWay(first: (runner: Runner) => Promise<unknown>, second: () => Promise<unknown>): Promise<void> {
    const pending = await store.database.transaction(async (runner) => {
      await first(runner);
      const waiting = second();
      await expect.poll(() => countWaiting(store, 'row')).toBe(1);
      return { waiting };
    });
    await pending.waiting;
  }

  it('is dead once', async () => {
    const dead = corpses(2);
    await whileUnderWay(
      (runner) => buryIn(runner, dead, systemClock.now()),
      () => buried(dead),
    );
    expect(await settled()).toEqual({ stored: 0, dead: 2 });
    expect(await there()).toHaveLength(2);
  });

  it('is not dead where it is counted meanwhile', async () => {
    const dead = corpses(1);
    const counting = statsConsumer({ database: { transaction: (work: (runner: Runner) => Promise<unknown>) => work(inside) } as never });
    let inside: Runner;
    await whileUnderWay(
      (runner) => {
        inside = runner;
        return counting.handle(dead.map((message) => ({ ...message, tries: 1 })));
      },
      () => buried(dead),
    );
    expect(await settled()).toEqual({ stored: 1, dead: 0 });
    expect(await there()).toEqual([]);
  });
});

describe('dead letters', () => {
  it('are listed the newest first, page by page, and shown with their message', async () => {
    const dead = corpses(5);
    for (const each of dead) await buried([each]);
    const first = await letters.list({ offset: 0, limit: 2 });
    const next = await letters.list({ offset: 0, limit: 2, cursor: first.nextCursor ?? '' });
    const last = await letters.list({ offset: 4, limit: 2 });
    expect([first, next, last].flatMap(({ data }) => data.map(({ messageId }) => messageId))).toEqual(
      dead.map(({ messageId }) => messageId).reverse(),
    );
    expect([first.total, last.nextCursor]).toEqual([5, null]);
    expect(await letters.get(first.data[0]?.id ?? 0)).toMatchObject({ ...first.data[0], body: dead[4]?.body });
    await expect(letters.list({ offset: 0, limit: 2, cursor: 'bm9uZQ' })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('that are purged are gone, and stay dead in the ledger', async () => {
    await buried(corpses(5));
    const [newest] = await there();
    expect(await letters.purge({ ids: [newest?.id ?? 0] })).toBe(1);
    expect(await letters.purge({ all: true })).toBe(4);
    expect(await there()).toEqual([]);
    expect(await settled()).toEqual({ stored: 0, dead: 5 });
    expect((await replayed()).waiting).toEqual([]);
  });
});
