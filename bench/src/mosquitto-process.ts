import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcess, freePorts, killProcess, until } from './processes.js';
import type { Scratch } from './scratch.js';

const SHIPPED = fileURLToPath(new URL('../../deploy/mosquitto.conf', import.meta.url));
const PLACES = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/opt/homebrew/sbin/mosquitto'];

/** A mosquitto that can be ended and started again, on the same port and folder. */
export interface MosquittoProcess {
  url: string;
  /** Starts it; resolves when it accepts connections. */
  run: () => Promise<void>;
  kill: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
}

/** Starts mosquitto as it is shipped, but for ports and folder. Answers its URL. */
export async function startMosquitto(scratch: Scratch): Promise<string> {
  const { url } = await runMosquitto(scratch);
  return url;
}

/** As `startMosquitto`, for whoever ends it in between. */
export async function runMosquitto(scratch: Scratch): Promise<MosquittoProcess> {
  const program = PLACES.find(canRun);
  if (program === undefined) throw new Error(`mosquitto was not found in ${PLACES.join(', ')}: install it, or leave --broker embedded`);
  const [mqtt = 0, ws = 0] = await freePorts(2);
  const folder = join(scratch.folder, `mosquitto-${mqtt}`);
  await mkdir(folder);
  // Started as root it turns into a user of its own, who must be able to write here.
  await chmod(scratch.folder, 0o755);
  await chmod(folder, 0o777);
  const shipped = await readFile(SHIPPED, 'utf8');
  const own = shipped
    .replace(/^listener 1883\b.*$/m, `listener ${mqtt} 127.0.0.1`)
    .replace(/^listener 9001\b.*$/m, `listener ${ws} 127.0.0.1`)
    .replace(/^persistence_location .*$/m, `persistence_location ${folder}/`);
  if (!own.includes(`listener ${mqtt} `) || !own.includes(`${folder}/`)) throw new Error(`${SHIPPED} does not look as expected`);
  const file = join(folder, 'mosquitto.conf');
  await writeFile(file, own);
  let child: ChildProcess | undefined;
  const run = async (): Promise<void> => {
    const started = spawn(program, ['-c', file], { stdio: ['ignore', 'ignore', 'inherit'] });
    child = started;
    await until(
      'mosquitto',
      10_000,
      () => accepts(mqtt),
      () => (started.exitCode === null ? undefined : `it ended with ${started.exitCode}`),
    );
  };
  scratch.defer(() => (child === undefined ? undefined : endProcess(child)));
  await run();
  const kill = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (child === undefined) return;
    if (signal === 'SIGKILL') await killProcess(child);
    else await endProcess(child);
  };
  return { url: `mqtt://127.0.0.1:${mqtt}`, run, kill };
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
