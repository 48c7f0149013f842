import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Ports below those that systems hand to outgoing connections (32768 and up on Linux): a pool that keeps connecting to a
 * port where nobody listens is in time given that very port as its own end, connects to itself, and the restarted server
 * finds its port taken.
 */
const FIRST = 20_000;
const COUNT = 10_000;
const TRIES = 50;

/** Ports to try in turn, beginning with one that is always the same for a folder. */
export function portsFor(folder: string): number[] {
  const start = createHash('sha256').update(folder).digest().readUInt32BE(0);
  return Array.from({ length: TRIES }, (_, index) => FIRST + ((start + index) % COUNT));
}

/** True when one could listen there now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
