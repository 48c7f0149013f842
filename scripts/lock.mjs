// One build at a time, whichever terminal it was started from: two would empty each other's folders.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const STEP_MS = 100;
const LONGEST_MS = 10 * 60_000;
const LONGEST_WRITE_MS = 5000;

/** Runs `work` while holding the file; a holder that died is passed over. */
export async function holding(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  const deadline = Date.now() + LONGEST_MS;
  while (!take(file)) {
    const holder = holderOf(file);
    if (holder === undefined) rmSync(file, { force: true });
    else if (Date.now() > deadline) throw new Error(`Process ${holder} has been building for too long; ${file} says so.`);
    else await sleep(STEP_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The living process that holds the file; undefined when there is none. */
function holderOf(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // Taken a moment ago and not yet written: as good as held, unless whoever took it was killed right then.
    if (pid === 0) return Date.now() - statSync(file).mtimeMs < LONGEST_WRITE_MS ? 0 : undefined;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return error.code === 'EPERM' ? 0 : undefined;
  }
}
