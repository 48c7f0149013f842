import { spawn } from 'node:child_process';
import { type FileHandle, open, readFile, realpath, rename, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from '../../kit/errors.js';
import type { Log } from '../../kit/log.js';
import { type Account, spawnArguments } from './account.js';
import type { Binaries } from './binaries.js';
import { freeBytes } from '../../kit/files.js';
import type { Layout } from './layout.js';
import { disarmPidFile, type Postmaster, statusOf } from './pid-file.js';
import { identify, isAlive, type ProcessIdentity } from '../../kit/processes/process-identity.js';
import { writeRunFile } from './run-file.js';
import { saysDiskFull } from './start-failures.js';

/** How a server ended that did not become ready. */
export type Failure = 'port' | 'remains' | 'disk' | 'other';

/** The server ended before it was ready. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';

  constructor(
    readonly failure: Failure,
    /** Its last words. */
    reason: string,
  ) {
    super(reason);
  }
}

/** Recovery reads what was written since the last checkpoint, 2 GB at most: seconds. A server silent for longer hangs, ms. */
const READY_MS = 600_000;
const SAY_AFTER_MS = 3000;
/** A fast shutdown writes the dirty part of 256 MB; beyond this the disk hangs, ms. */
const STOP_MS = 60_000;
const LOG_BYTES = 4 * 1024 * 1024;
/** Below this a server cannot even say that the disk is full. */
const NO_SPACE_BYTES = 64 * 1024;

/**
 * Starts the server and answers when it takes connections.
 *
 * Detached, in a session of its own: a Ctrl-C and a signal to the group reach us only, and we drain before we stop it.
 *
 * @throws LaunchError when it ends before it is ready.
 */
export async function launch(layout: Layout, binaries: Binaries, account: Account, port: number, log: Log): Promise<Postmaster> {
  await disarmPidFile(layout);
  const words = await openServerLog(layout);
  try {
    const args = ['-D', await realpath(layout.cluster), '-p', String(port)];
    const identity = await spawnDetached(account, binaries.postgres, args, words.file.fd);
    await writeRunFile(layout, { port, postmaster: identity });
    if (await becomesReady(layout, identity, log)) return { identity, port };
    const said = await words.read();
    throw new LaunchError(await classify(said, layout), reasonIn(said));
  } finally {
    await words.file.close();
  }
}

/** Waits for a server that was found running; false when it ends instead. */
export async function becomesReady(layout: Layout, identity: ProcessIdentity, log: Log): Promise<boolean> {
  const began = performance.now();
  let said = false;
  for (;;) {
    const status = await statusOf(layout, identity);
    if (status === 'ready') return true;
    if (!(await isAlive(identity))) return false;
    const waited = performance.now() - began;
    if (waited > READY_MS) throw new StartError(`PostgreSQL (process ${identity.pid}) does not become ready: see ${layout.serverLog}`);
    if (waited > SAY_AFTER_MS && !said) {
      log.info(`PostgreSQL is ${status === 'stopping' ? 'still stopping' : 'recovering what was written before the last stop'}`);
      said = true;
    }
    await delay(waited < 1000 ? 5 : 50);
  }
}

/** Stops the server: what runs is rolled back, what was committed is kept. Answers when its process is gone. */
export async function halt(identity: ProcessIdentity, log: Log): Promise<void> {
  // Its pid may be another's by now.
  if (!(await isAlive(identity))) return;
  signal(identity, 'SIGINT');
  if (await isGone(identity, STOP_MS)) return;
  log.warn(`PostgreSQL (process ${identity.pid}) did not stop within ${STOP_MS / 1000} s; it recovers at the next start`);
  signal(identity, 'SIGQUIT');
  await isGone(identity, 5000);
}

async function isGone(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (await isAlive(identity)) {
    if (performance.now() > until) return false;
    await delay(5);
  }
  return true;
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    process.kill(identity.pid, name);
  } catch {
    // Gone in between, which is what was wanted.
  }
}

async function spawnDetached(account: Account, program: string, args: readonly string[], output: number): Promise<ProcessIdentity> {
  const [command, list, options] = spawnArguments(account, program, args);
  const child = spawn(command, list, { ...options, detached: true, stdio: ['ignore', output, output] });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new LaunchError('other', error.message)));
  });
  child.unref();
  const identity = child.pid === undefined ? undefined : await identify(child.pid);
  // Dead already: it cannot be told apart, and need not be.
  return identity ?? { pid: child.pid ?? 0, started: 'ended' };
}

/** The server's log, appended to, and what this start adds to it. */
async function openServerLog(layout: Layout): Promise<{ file: FileHandle; read(): Promise<string> }> {
  const size = await stat(layout.serverLog).then(
    (stats) => stats.size,
    () => 0,
  );
  const full = size > LOG_BYTES;
  if (full) await rename(layout.serverLog, `${layout.serverLog}.1`);
  const begin = full ? 0 : size;
  const file = await open(layout.serverLog, 'a', 0o600);
  return { file, read: async () => (await readFile(layout.serverLog)).subarray(begin).toString() };
}

async function classify(said: string, layout: Layout): Promise<Failure> {
  if (/could not (bind|create any TCP)|Address already in use/i.test(said)) return 'port';
  if (/pre-existing shared memory block|lock file ".*" already exists/i.test(said)) return 'remains';
  if (saysDiskFull(said)) return 'disk';
  // The log lies on the same disk: a full one takes the server's last words too.
  const free = await freeBytes(layout.cluster);
  return free !== undefined && free < NO_SPACE_BYTES ? 'disk' : 'other';
}

function reasonIn(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((text) => /(PANIC|FATAL): /.test(text)) ?? lines.at(-1) ?? 'it ended without a word';
  return line.replace(/^.*?(PANIC|FATAL): +/, '');
}
