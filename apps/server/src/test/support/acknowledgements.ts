import { silentLog } from '../../kit/log.js';
import { Acknowledgements } from '../../screens/acknowledgements.js';
import { PlayLogs } from '../../screens/play-logs.js';
import { Sequences } from '../../screens/sequences.js';
import type { Database } from '../../store/database.js';

interface Parts {
  batch?: number;
  registerWaiting?: () => Promise<void>;
  onEvent?: (type: string, result: string) => void;
  onPlays?: (result: string, count: number) => void;
}

/** The taker of events as a gateway has it, with what it is made of; it waits for no company. */
export function createAcknowledgements(database: Database, parts: Parts = {}): Acknowledgements {
  const { batch = 500, registerWaiting = async () => undefined, onEvent = () => undefined, onPlays = () => undefined } = parts;
  return new Acknowledgements(
    database,
    new PlayLogs(database, { keepMs: 10 * 86_400_000, now: () => Date.now() }, { plays: onPlays }),
    new Sequences(database, { waitMs: 60_000, onLost: () => undefined }),
    { batch, waitMs: 0, registerWaiting },
    { event: onEvent },
    silentLog,
  );
}
