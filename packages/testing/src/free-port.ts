import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that Linux and macOS give to outgoing connections, and to who listens on any. */
const FIRST = 20_000;
const COUNT = 12_000;
/** How far apart processes begin that were started one after another. */
const STRIDE = 61;

let next = (process.pid * STRIDE) % COUNT;

/**
 * A port of loopback that nothing listens on. None is given twice soon, and processes that ask at the same time are given different ones,
 * so that it is still free when whoever it is meant for has started.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried += 1) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
