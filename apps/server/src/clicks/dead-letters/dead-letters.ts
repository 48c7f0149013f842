import type { Database, Runner } from '../../store/database.js';
import type { ClickMessage } from '../click.js';
import { takeClickIds } from '../stats/click-counts.store.js';
import { buryClicks } from './dead-letters.store.js';

/** A message that nobody can count, and why. `process` 0: it came from outside and was accepted by none of ours. */
export interface Corpse extends ClickMessage {
  reason: string;
}

/** What is kept of a body and of the texts around it: enough to see what it was, of a sender who may send anything. */
const MOST_BODY = 65_536;
const MOST_TEXT = 500;
const MINUTE_MS = 60_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Keeps dead letters in the table and settles them in the ledger, once each however often they come; answers how many were new. All or
 * none of them: to be run again when it rejects.
 */
export async function bury(database: Database, letters: readonly Corpse[], now: number): Promise<number> {
  return letters.length === 0 ? 0 : await database.transaction((runner) => buryIn(runner, letters, now));
}

/** The same in a transaction of the caller’s. */
export async function buryIn(runner: Runner, letters: readonly Corpse[], now: number): Promise<number> {
  let kept = 0;
  for (const some of withoutRepetitions(letters)) {
    const taken = await takeIds(runner, some);
    const rows = await runner.run(buryClicks, {
      messages: some.map(({ messageId }) => (UUID.test(messageId) ? messageId : null)),
      messageIds: some.map(({ messageId }) => (messageId === '' ? null : storable(messageId, MOST_TEXT))),
      reasons: some.map(({ reason }) => storable(reason, MOST_TEXT)),
      bodies: some.map(({ body }) => storable(body, MOST_BODY)),
      processes: some.map(({ process }) => (process === 0 ? null : process)),
      seqs: some.map(({ process, seq }) => (process === 0 ? null : seq)),
      minutes: some.map((letter) => minuteOf(letter.body, now)),
      firsts: some.map((letter) => letter.process !== 0 && taken.has(letter.messageId.toLowerCase())),
      now,
    });
    kept += rows.length;
  }
  return kept;
}

/** The ids that nobody had, in lower case. What nobody of ours accepted takes none. */
async function takeIds(runner: Runner, letters: readonly Corpse[]): Promise<ReadonlySet<string>> {
  const takers = letters.filter(({ process, messageId }) => process !== 0 && UUID.test(messageId));
  if (takers.length === 0) return new Set();
  const rows = await runner.run(takeClickIds, {
    ids: takers.map(({ messageId }) => messageId),
    processes: takers.map(({ process }) => process),
    seqs: takers.map(({ seq }) => seq),
  });
  return new Set(rows.map((row) => row.message_id));
}

/** Batches in which no acceptance and no message stands twice. */
function* withoutRepetitions(letters: readonly Corpse[]): Generator<Corpse[]> {
  let left = letters;
  while (left.length > 0) {
    const seen = new Set<string>();
    const [some, repeated]: [Corpse[], Corpse[]] = [[], []];
    for (const letter of left) {
      const keys = letter.process === 0 ? [] : [`${letter.process}-${letter.seq}`, letter.messageId.toLowerCase()];
      const there = keys.some((key) => seen.has(key));
      for (const key of keys) seen.add(key);
      (there ? repeated : some).push(letter);
    }
    yield some;
    left = repeated;
  }
}

/** The minute of the ledger that the click belongs to; of a body that does not say, the present one. */
export function minuteOf(body: string, now: number): number {
  const at = clickedAtOf(body) ?? now;
  return at - (at % MINUTE_MS);
}

function clickedAtOf(body: string): number | undefined {
  try {
    const event: unknown = JSON.parse(body);
    if (typeof event !== 'object' || event === null || !('clickedAt' in event)) return undefined;
    const at = Number(event.clickedAt);
    return Number.isSafeInteger(at) && at >= 0 ? at : undefined;
  } catch {
    return undefined;
  }
}

/** PostgreSQL's text holds no NUL. */
function storable(text: string, most: number): string {
  return text.slice(0, most).replaceAll('\u0000', '\uFFFD');
}
