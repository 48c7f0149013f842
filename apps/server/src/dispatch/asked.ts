import type { StartGate } from '../channels/channel.js';
import type { Hold } from '../store/fence.js';
import type { Halt } from './halts.js';

/** How often it is looked whether those that wait may still start, ms. */
const LOOK_MS = 100;

/**
 * A gate that asks the hold and the halt, and a promise that resolves once `count` deliveries have asked it, or none may start any more: who
 * waits for a connection or a place in the broker's window longer than that keeps no pause waiting. `forget` ends looking for that.
 */
export function askedBy(count: number, hold: Hold, halt?: Halt): { gate: StartGate; allAsked: Promise<void>; forget: () => void } {
  let unasked = count;
  let resolveAsked: () => void = () => undefined;
  const allAsked = new Promise<void>((resolve) => {
    resolveAsked = resolve;
  });
  const mayStart = (): boolean => halt?.called !== true && hold.mayStart();
  void halt?.call.then(() => resolveAsked());
  const watch = setInterval(() => {
    if (!mayStart()) resolveAsked();
  }, LOOK_MS);
  const gate = (): boolean => {
    unasked -= 1;
    if (unasked === 0) resolveAsked();
    return mayStart();
  };
  return { gate, allAsked, forget: () => clearInterval(watch) };
}
