import { createHook } from 'node:async_hooks';
import { afterAll } from 'vitest';

/**
 * Fails a test file that leaves a timer, a socket, a server or a child process behind: what leaks in a test leaks in production.
 * Only what would keep the process alive counts, so an unref'd timer is fine. `TRACE_LEAKS=1` prints where each was opened.
 */

/** How long a connection that is being closed may take to be gone, ms. */
const GRACE_MS = 5000;
const STEP_MS = 25;

const before = process.getActiveResourcesInfo();
const openedAt = process.env['TRACE_LEAKS'] === '1' ? traceOpenings() : undefined;

// Hooks run in the reverse of their order, and setup files come first: this is the last hook of the file.
afterAll(async () => {
  const deadline = performance.now() + GRACE_MS;
  let left = leftOpen();
  while (left.length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    left = leftOpen();
  }
  if (left.length === 0) return;
  const where = openedAt === undefined ? 'TRACE_LEAKS=1 shows where they were opened' : [...openedAt.values()].join('\n---\n');
  throw new Error(`The tests of this file left open: ${left.join(', ')} (${where})`);
}, GRACE_MS * 2);

function leftOpen(): string[] {
  const known = [...before];
  return process.getActiveResourcesInfo().filter((kind) => {
    const index = known.indexOf(kind);
    if (index >= 0) known.splice(index, 1);
    return index < 0;
  });
}

function traceOpenings(): Map<number, string> {
  const open = new Map<number, string>();
  const kinds = new Set(['Timeout', 'TCPWRAP', 'TCPSERVERWRAP', 'PIPEWRAP', 'PIPESERVERWRAP', 'PROCESSWRAP', 'FSEVENTWRAP', 'WORKER']);
  createHook({
    init(id, kind) {
      if (!kinds.has(kind)) return;
      // The first two lines are the message and this hook; what the runner and this file open is no leak of the test.
      const frames = (new Error().stack ?? '').split('\n').slice(2);
      const ours = frames.filter((frame) => frame.includes('/') && !/node:internal|@vitest/.test(frame));
      if (ours.length > 0 && !ours[0]?.includes('no-leaks')) open.set(id, `${kind}\n${ours.slice(0, 8).join('\n')}`);
    },
    destroy(id) {
      open.delete(id);
    },
  }).enable();
  return open;
}
