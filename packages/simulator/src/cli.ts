#!/usr/bin/env node
import { readCommandLine, type SimulateOptions } from './cli-options.js';
import { Fleet, type FleetCounts } from './fleet.js';
import { importScreens } from './import-screens.js';
import { changed, progressLine } from './progress.js';

async function simulate(options: SimulateOptions): Promise<void> {
  const fleet = new Fleet(options.fleet);
  const { group, api, json } = options;
  const say = (line: string, counts: FleetCounts, more: Record<string, unknown> = {}): void => {
    process.stdout.write(`${json ? JSON.stringify({ at: Date.now(), ...more, ...counts }) : line}\n`);
  };
  const interrupted = firstSignal();
  if (group !== undefined) {
    await importScreens(
      api,
      [...fleet.screens, ...fleet.absent].map((deviceId) => ({ deviceId, groupId: group })),
    );
  }
  let before = fleet.counts();
  const ticking = setInterval(() => {
    const now = fleet.counts();
    if (changed(now, before)) say(progressLine(now, before), now);
    before = now;
  }, 1000);
  try {
    const ready = await Promise.race([fleet.start().then(() => true), interrupted.promise.then(() => false)]);
    const there = `${fleet.screens.length} screens on ${fleet.connections} connections to ${options.fleet.broker}`;
    if (ready && !json) process.stdout.write(`${there} are online; Ctrl-C ends.\n`);
    await Promise.race([interrupted.promise, elapsed(options.seconds)]);
    await fleet.stop();
    const last = fleet.counts();
    say(`Ended: ${progressLine(last, last)}`, last, { final: true });
  } finally {
    clearInterval(ticking);
    interrupted.forget();
  }
}

/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once, as the system does by itself. */
function firstSignal(): { promise: Promise<void>; forget: () => void } {
  let forget = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    const heard = (): void => {
      forget();
      resolve();
    };
    process.on('SIGINT', heard).on('SIGTERM', heard);
    forget = () => void process.off('SIGINT', heard).off('SIGTERM', heard);
  });
  return { promise, forget };
}

function elapsed(seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (seconds !== undefined) setTimeout(resolve, Math.min(seconds * 1000, 2_147_483_647)).unref();
  });
}

try {
  await simulate(readCommandLine(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
