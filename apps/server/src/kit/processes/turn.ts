import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from '../errors.js';
import { type Presence, PresenceFolder } from './presence.js';

/** Longest wait for the others, ms: initialising takes a second, recovery after a crash may take a minute. */
const PATIENCE_MS = 180_000;

/**
 * Runs `work` while no other process runs its own for the same folder. A process that dies in its turn loses it at once.
 *
 * Everyone shows a file first and looks second, and goes on only when no other living process shows one. Of two that look,
 * the later sees the earlier's file, so never do both go on; nothing has to be broken or stolen when a process dies. The one
 * with the lowest name keeps its file while it waits, all others withdraw theirs, so somebody always gets on.
 *
 * @throws StartError when another process keeps its turn for three minutes.
 */
export async function inTurn<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  const turn = await takeTurn(new PresenceFolder(folder));
  try {
    return await work();
  } finally {
    await turn.leave();
  }
}

async function takeTurn(folder: PresenceFolder): Promise<Presence> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const mine = await folder.enter();
    const others = await waitWhileFirst(folder, mine, until);
    if (others === undefined) return mine;
    await mine.leave();
    if (performance.now() > until) {
      throw new StartError(
        `DATA_DIR is being prepared by process ${others} for more than ${PATIENCE_MS / 1000} s: stop that process, or wait for it`,
      );
    }
    await delay(10 + Math.random() * 40);
  }
}

/** Undefined once nobody else is there; the pid of another as soon as it goes before us. */
async function waitWhileFirst(folder: PresenceFolder, mine: Presence, until: number): Promise<number | undefined> {
  for (;;) {
    const parties = await folder.living();
    const other = parties.find((party) => party.name !== mine.name);
    if (other === undefined) return undefined;
    if (parties[0]?.name !== mine.name || performance.now() > until) return other.pid;
    await delay(10);
  }
}
