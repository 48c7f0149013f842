import fc from 'fast-check';
import type { SendResult } from '../../channels/channel.js';
import { Database } from '../../store/database.js';
import { silentLog } from '../../kit/log.js';
import { openTestStore } from '../support/store.js';
import { DispatchRig, SetClock, WatchedFence } from './dispatch-rig.js';

type Step = (rig: DispatchRig) => Promise<void> | void;

const RESULTS: SendResult[] = [
  { outcome: 'SUCCESS' },
  { outcome: 'FAILED', reason: 'refused' },
  { outcome: 'RETRY', reason: 'busy', afterMs: 0, ambiguous: false },
  { outcome: 'RETRY', reason: 'no answer', afterMs: 0, ambiguous: true },
];

const index = fc.nat({ max: 7 });
/** Everything that users, workers, the bus and time may do, the usual more often than the rare. */
const step: fc.Arbitrary<{ name: string; take: Step }> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }).map((n) => ({ name: `claim ${n}`, take: (rig: DispatchRig) => rig.claim(n) })) },
  {
    weight: 7,
    arbitrary: fc
      .record({ at: index, keep: fc.boolean(), freeze: fc.integer({ min: 0, max: 3 }).map((n) => n === 0) })
      .map(({ at, ...how }) => ({ name: `deliver ${at} ${JSON.stringify(how)}`, take: (rig: DispatchRig) => rig.deliver(at, how) })),
  },
  {
    weight: 8,
    arbitrary: fc
      .record({ at: index, result: fc.constantFrom(...RESULTS) })
      .map(({ at, result }) => ({ name: `end ${at} ${JSON.stringify(result)}`, take: (rig: DispatchRig) => rig.end(at, result) })),
  },
  { weight: 1, arbitrary: index.map((at) => ({ name: `lose ${at}`, take: (rig: DispatchRig) => rig.lose(at) })) },
  ...(
    [
      ['thaw', 3],
      ['expire', 2],
      ['wait', 2],
      ['pause', 3],
      ['resume', 3],
      ['cancel', 1],
      ['sweep', 1],
      ['reconcile', 2],
    ] as const
  ).map(([name, weight]) => ({ weight, arbitrary: fc.constant({ name, take: (rig: DispatchRig) => rig[name]() }) })),
  ...(['failed', 'unknown'] as const).map((scope) => ({
    weight: 1,
    arbitrary: fc.constant({ name: `retry ${scope}`, take: (rig: DispatchRig) => rig.retry(scope) }),
  })),
);

/** A sequence of steps as it is printed when it fails. */
const sequence = fc
  .array(step, { minLength: 5, maxLength: 40, size: 'max' })
  .map((steps) => Object.assign(steps, { [fc.toStringMethod]: () => steps.map(({ name }) => name).join(', ') }));

/**
 * Runs so many random sequences against a real database and the model beside it. `MODEL_SEED` runs those of one seed again; the seed of a
 * failure is in its message.
 */
export async function runSequences(count: number): Promise<void> {
  const seed = Number(process.env['MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  process.stdout.write(`the model runs ${count} sequences with MODEL_SEED=${seed}\n`);
  const store = await openTestStore();
  const [holders, barriers] = [1, 2].map(() => new Database({ url: store.url, poolSize: 6, log: silentLog })) as [Database, Database];
  try {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), sequence, async (safe, steps) => {
        const clock = new SetClock();
        const fence = new WatchedFence(holders, barriers, clock, { deadlineMs: 2000, idleMs: 30_000, waitMs: 50 });
        const rig = await DispatchRig.open(store, clock, fence, safe);
        for (const { take } of steps) {
          await take(rig);
          await rig.check();
        }
        await rig.finish();
      }),
      { numRuns: count, seed },
    );
  } finally {
    await Promise.all([holders.close(), barriers.close()]);
    await store.close();
  }
}
