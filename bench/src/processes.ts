import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';

const GRACE_MS = 20_000;

/** Ends exactly this process: asks, then kills after 20 s. Resolves when it is gone. */
export async function endProcess(child: ChildProcess): Promise<void> {
  const late = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await gone(child, 'SIGTERM');
  clearTimeout(late);
}

/** Ends exactly this process without asking. Resolves when it is gone. */
export function killProcess(child: ChildProcess): Promise<void> {
  return gone(child, 'SIGKILL');
}

/** Resolves when the signal has ended the process, at once when it had ended before. */
async function gone(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  await exited;
}

/** Ports on the loopback that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening()));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listening(): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Calls `probe` until it answers true. Rejects after `withinMs`, or when `failed` says why there is no hope. */
export async function until(
  what: string,
  withinMs: number,
  probe: () => Promise<boolean>,
  failed?: () => string | undefined,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    if (await probe()) return;
    const reason = failed?.();
    if (reason !== undefined) throw new Error(`${what}: ${reason}`);
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
