import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mostWithin } from '../test/support/rates.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { openScopes, reserveSlots } from './rate-slots.js';
import type { ValuesOf } from './statement.js';

/** As the pacer asks; `late` is how late each of its sends may start. */
const USED = 0.965;
const AHEAD_MS = 250;
const BLOCK_MS = 100;
const SHARED_MS = 8;
const LATE_MS = 20;
const NOON = Date.parse('2026-06-01T12:00:00Z');

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

let scopes = 0;
async function newScope(): Promise<string> {
  scopes += 1;
  const scope = `test:${scopes}`;
  await store.database.run(openScopes, { scopes: [scope] });
  return scope;
}

type Asked = Partial<ValuesOf<typeof reserveSlots.takes>>;

async function reserve(at: number, asked: Asked) {
  const [row] = await store.database.run(reserveSlots, {
    own: null,
    ownMs: null,
    shared: null,
    sharedMs: null,
    most: 1,
    leadMs: 10,
    aheadMs: AHEAD_MS,
    slackMs: 0,
    ...asked,
    now: new Date(NOON + at),
  });
  if (row === undefined) throw new Error('the statement answers always');
  return { ...row, start_at: row.start_at - NOON };
}

const everyMs = (perSecond: number): number => 1000 / (USED * perSecond);

/** One process asks again after `afterMs`; it dies before it sends anything of what it got, or each send is so much late. */
const step = fc.record({
  afterMs: fc.integer({ min: 0, max: 60 }),
  share: fc.double({ min: 0.1, max: 1, noNaN: true }),
  dies: fc.boolean(),
  lateMs: fc.array(fc.integer({ min: 0, max: LATE_MS }), { minLength: 1, maxLength: 5 }),
});

describe('no second holds more sends than the rate', () => {
  test('of a campaign, whatever processes ask, die and are late for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 2, 7, 60, 400, 5000), fc.array(step, { minLength: 20, maxLength: 60 }), async (rate, steps) => {
        const own = await newScope();
        const every = everyMs(rate);
        const starts: number[] = [];
        let now = 0;
        for (const { afterMs, share, dies, lateMs } of steps) {
          now += afterMs;
          const most = Math.max(1, Math.floor((share * BLOCK_MS) / every));
          const row = await reserve(now, { own, ownMs: every, most });
          // None earlier than it can be prepared for.
          expect(row.granted === 0 || row.start_at >= now + 10 - 0.01).toBe(true);
          if (row.granted === 0) now += Math.ceil(row.wait_ms);
          if (dies) continue;
          for (let index = 0; index < row.granted; index += 1)
            starts.push(row.start_at + index * every + (lateMs[index % lateMs.length] ?? 0));
        }
        expect(mostWithin(sorted(starts), 1000)).toBeLessThanOrEqual(rate);
      }),
      { numRuns: 40 },
    );
  }, 180_000);

  test('of a campaign and of the channel that it shares', async () => {
    const campaigns = fc.array(fc.constantFrom(1, 20, 90, undefined), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        campaigns,
        fc.constantFrom(5, 100, 300),
        fc.array(fc.nat(3), { minLength: 40, maxLength: 80 }),
        async (rates, rate, turns) => {
          const shared = await newScope();
          const all: number[] = [];
          const each = await Promise.all(
            rates.map(async (own) => ({ scope: await newScope(), rate: own, starts: [] as number[], askAt: 0 })),
          );
          let now = 0;
          for (const turn of turns) {
            now += 5;
            const one = each[turn % each.length];
            if (one === undefined || one.askAt > now) continue;
            const limits =
              one.rate === undefined
                ? { shared, sharedMs: everyMs(rate) }
                : { own: one.scope, ownMs: everyMs(one.rate), shared, sharedMs: everyMs(rate), slackMs: SHARED_MS };
            const every = Math.max(limits.sharedMs, limits.ownMs ?? 0);
            const most = Math.max(1, Math.floor((one.rate === undefined ? BLOCK_MS : SHARED_MS) / every));
            const row = await reserve(now, { ...limits, most });
            if (row.granted === 0) one.askAt = now + row.wait_ms;
            const starts = Array.from({ length: row.granted }, (_, index) => row.start_at + index * every);
            one.starts.push(...starts);
            all.push(...starts);
          }
          expect(mostWithin(sorted(all), 1000)).toBeLessThanOrEqual(rate);
          for (const one of each) expect(mostWithin(sorted(one.starts), 1000)).toBeLessThanOrEqual(one.rate ?? rate);
        },
      ),
      { numRuns: 40 },
    );
  }, 180_000);
});

test.each([1, 10, 200, 5000])('two that ask as soon as they may use almost all of %i a second', async (rate) => {
  const own = await newScope();
  const every = everyMs(rate);
  const most = Math.max(1, Math.floor(BLOCK_MS / every));
  const asking = [0, 0];
  let last = 0;
  let sends = 0;
  const seconds = rate === 1 ? 100 : 10;
  while (last < seconds * 1000) {
    const now = Math.min(...asking);
    const row = await reserve(now, { own, ownMs: every, most });
    // A millisecond for the way, or what it was told to wait.
    asking[asking.indexOf(now)] = row.granted === 0 ? now + Math.ceil(row.wait_ms) : now + 1;
    if (row.granted === 0) continue;
    sends += row.granted;
    last = row.start_at + (row.granted - 1) * every;
  }
  expect((sends * 1000) / last).toBeGreaterThanOrEqual(0.95 * rate);
});

test('a campaign that waits for its own moment leaves the channel to the others', async () => {
  const [own, shared] = [await newScope(), await newScope()];
  const limits = { own, ownMs: everyMs(1), shared, sharedMs: everyMs(100), slackMs: SHARED_MS };
  expect((await reserve(0, limits)).granted).toBe(1);
  const early = await reserve(20, limits);
  expect(early).toMatchObject({ granted: 0, missing: false });
  expect(early.wait_ms).toBeGreaterThan(900);
  expect((await reserve(20, { shared, sharedMs: everyMs(100) })).start_at).toBeLessThan(60);
  expect((await reserve(20 + Math.ceil(early.wait_ms), limits)).granted).toBe(1);
});

test('a clock that was set back by an hour costs a second', async () => {
  const own = await newScope();
  await reserve(3_600_000, { own, ownMs: everyMs(10) });
  const waits = await reserve(0, { own, ownMs: everyMs(10) });
  expect(waits.granted).toBe(0);
  expect(waits.wait_ms).toBeLessThan(1000);
});

test('a scope without a row is told of, and reserves nothing', async () => {
  expect(await reserve(0, { own: 'test:none', ownMs: 1 })).toMatchObject({ granted: 0, missing: true });
});

function sorted(starts: number[]): number[] {
  return starts.sort((a, b) => a - b);
}
