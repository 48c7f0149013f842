import { z } from 'zod';
import type { Database } from '../../store/database.js';
import { sayDropped } from '../publisher/publisher.store.js';
import { endClickProcess } from '../status/click-processes.store.js';
import { sayAccepted } from './ledger.store.js';

/** What a process that has ended had to say to the ledger and could not: absolute numbers, so that they may have been heard. */
export const lastWords = z.object({
  process: z.int(),
  accepted: z.array(z.object({ minute: z.int(), accepted: z.int(), rejected: z.record(z.string(), z.int()) })),
  dropped: z.array(z.object({ minute: z.int(), dropped: z.int() })),
});
export type LastWords = z.infer<typeof lastWords>;

/**
 * Says them in its place, and that it ended in good order: all or nothing. Only when its clicks are safe, for from then on the ledger does not look for
 * what it may have lost.
 */
export async function sayLastWords(database: Database, { process, accepted, dropped }: LastWords): Promise<void> {
  await database.transaction(async (runner) => {
    if (accepted.length > 0)
      await runner.run(sayAccepted, {
        process,
        minutes: accepted.map(({ minute }) => minute),
        accepted: accepted.map((each) => each.accepted),
        rejected: accepted.map(({ rejected }) => JSON.stringify(rejected)),
      });
    if (dropped.length > 0)
      await runner.run(sayDropped, { process, minutes: dropped.map(({ minute }) => minute), dropped: dropped.map((each) => each.dropped) });
    await runner.run(endClickProcess, { id: process });
  });
}
