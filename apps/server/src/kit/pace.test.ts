import { expect, test } from 'vitest';
import { FarClock } from './far-clock.js';
import { Lateness } from './lateness.js';
import { Permits } from './permits.js';

class SetClock {
  at = 0;
  now(): number {
    return this.at;
  }
  monotonic(): number {
    return this.at;
  }
}

/** Whether a start that was planned at each moment and is so much late may start. */
function asked(starts: [plannedAt: number, lateMs: number][]): boolean[] {
  const clock = new SetClock();
  const lateness = new Lateness(clock, 20);
  return starts.map(([plannedAt, lateMs]) => {
    clock.at = plannedAt + lateMs;
    return lateness.allows(plannedAt);
  });
}

test('a start that is later than the others by accident does not start', () => {
  expect(
    asked([
      [0, 1],
      [100, 20],
      [200, 21],
      [300, 0],
    ]),
  ).toEqual([true, true, false, true]);
});

test('starts that are all late alike do start, and those that come sooner keep their distance', () => {
  expect(
    asked([
      [0, 100],
      [1000, 105],
      [2000, 125],
      [3000, 100],
    ]),
  ).toEqual([true, true, false, true]);
  expect(
    asked([
      [0, 100],
      [50, 100],
      [160, 0],
      [240, 0],
      [270, 0],
    ]),
  ).toEqual([true, true, false, false, true]);
});

test('the fastest reply tells how far the other clock is; one set back is believed when it says so again and again', () => {
  const far = new FarClock();
  far.learn(1_000_000, 40);
  far.learn(1_000_010, 11);
  far.learn(1_000_020, 60);
  expect(far.toOurs(1_000_100)).toBe(101);
  for (const ours of [5000, 5100, 5200]) far.learn(ours - 2000, ours);
  expect(far.toOurs(4000)).toBe(6000);
});

test('a key leaves a quarter of the places to the next, and takes what is free again when it is alone', async () => {
  const permits = new Permits(128, 0);
  expect(await permits.take('hangs', 500)).toBe(96);
  expect(await permits.take('next', 500)).toBe(24);
  expect(await permits.take('third', 500)).toBe(6);
  permits.give('hangs', 96);
  expect(await permits.take('next', 500)).toBeGreaterThan(60);
});
