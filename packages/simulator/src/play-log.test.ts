import type { Play } from '@marquee/contracts/player';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Copies } from './copies.js';
import { readCommandLine } from './cli-options.js';
import { planFleet } from './options.js';
import { PlayLog, type PlayLogOptions } from './play-log.js';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 0, 1);
let logs: { screen: number; plays: readonly Play[] }[];

beforeEach(() => {
  logs = [];
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

function playLog(over: Partial<PlayLogOptions> = {}): PlayLog {
  const log = new PlayLog({
    screens: 1,
    everyMs: MINUTE,
    canSpeak: () => true,
    say: (screen, plays) => logs.push({ screen, plays }),
    ...over,
  });
  log.start();
  return log;
}

function copiesOf(campaignId: string): Copies {
  const copies = new Copies(campaignId, 1000);
  copies.learn({ campaignId, version: 3, startAt: 0, expireAt: NOW + 100 * MINUTE });
  for (let screen = 0; screen < 1000; screen += 1) copies.install(screen);
  return copies;
}

const piece = (campaignId: string, startedAt: number, durationMs: number) => ({
  campaignId,
  version: 3,
  assetId: '',
  startedAt,
  durationMs,
});

test('what goes on is logged a minute at a time, what ended once, and a screen that showed nothing says nothing', () => {
  const log = playLog();
  const [a, b] = [copiesOf('a'), copiesOf('b')];
  log.began(a, 0);
  vi.advanceTimersByTime(20_000);
  log.began(b, 0);
  vi.advanceTimersByTime(10_000);
  log.over(a, 0);
  vi.advanceTimersByTime(30_000);
  expect(logs).toEqual([{ screen: 0, plays: [piece('a', NOW, 30_000), piece('b', NOW + 20_000, 40_000)] }]);
  vi.advanceTimersByTime(MINUTE);
  expect(logs.slice(1)).toEqual([{ screen: 0, plays: [piece('b', NOW + MINUTE, MINUTE)] }]);
  vi.advanceTimersByTime(5000);
  log.over(b, 0);
  vi.advanceTimersByTime(2 * MINUTE);
  expect(logs.slice(2)).toEqual([{ screen: 0, plays: [piece('b', NOW + 2 * MINUTE, 5000)] }]);
});

test('a screen that cannot speak keeps what it showed, and says it in one piece', () => {
  let canSpeak = false;
  const log = playLog({ canSpeak: () => canSpeak });
  log.began(copiesOf('a'), 0);
  vi.advanceTimersByTime(2 * MINUTE);
  expect(logs).toEqual([]);
  canSpeak = true;
  vi.advanceTimersByTime(MINUTE);
  expect(logs).toEqual([{ screen: 0, plays: [piece('a', NOW, 3 * MINUTE)] }]);
});

test('many screens do not speak at once, and each at most once a minute', () => {
  const log = playLog({ screens: 1000 });
  const copies = copiesOf('a');
  for (let screen = 0; screen < 1000; screen += 1) log.began(copies, screen);
  vi.advanceTimersByTime(MINUTE);
  expect(logs.length).toBeLessThan(200);
  vi.advanceTimersByTime(MINUTE - 1);
  expect(logs.map(({ screen }) => screen)).toEqual([...Array.from({ length: 1000 }).keys()]);
});

test('nothing is logged unless it is asked for; the command line asks for once a minute', () => {
  expect(planFleet({ screens: 1 }).playLogMs).toBe(0);
  expect(readCommandLine([]).fleet.playLogMs).toBe(MINUTE);
  const log = playLog({ everyMs: 0 });
  log.began(copiesOf('a'), 0);
  expect(vi.getTimerCount()).toBe(0);
});
