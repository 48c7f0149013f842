import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Log } from '../../kit/log.js';
import { HandTiming } from '../../test/support/click-parts.js';
import { CircuitBreaker } from '../../kit/circuit-breaker.js';
import { CautiousMarks } from './cautious-marks.js';
import { noClicks } from './counters.js';
import { OutageLog } from './outage-log.js';

/** A log whose lines can be read. */
function readable(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

describe('the log of an outage', () => {
  test('has a line a change of the circuit and one of counts a second, and none when clicks are simply confirmed', async () => {
    const [timing, counters, { log, lines }] = [new HandTiming(), noClicks(), readable()];
    const outages = new OutageLog(counters, () => 12, timing, log);
    const breaker = new CircuitBreaker({ failures: 1, openMs: 2500, successes: 1, clock: timing, onChange: outages.changed });
    outages.start(breaker);
    counters.accepted += 1000;
    counters.confirmed += 1000;
    await timing.pass(1000);
    expect(lines).toEqual([]);
    breaker.enter()?.failed('no answer');
    for (let n = 0; n < 700; n += 1) counters.stored += 1;
    await timing.pass(1000);
    expect(lines).toMatchObject([
      { level: 40, circuit: 'OPEN', reason: 'no answer' },
      { circuit: 'OPEN', memory: 12, stored: 700, confirmed: 0 },
    ]);
    // Nobody clicks; the circuit is half open in its time all the same.
    await timing.pass(3000);
    expect(lines.slice(2)).toMatchObject([{ level: 30, circuit: 'HALF_OPEN' }]);
    outages.stop();
  });
});

describe('marks that are slow', () => {
  test('are not waited for longer than their time, are left alone for a while, and are said to be so once', async () => {
    const [timing, { log, lines }] = [new HandTiming(), readable()];
    let asked = 0;
    let hangs = true;
    const slow = {
      known: (ids: readonly string[]): Promise<ReadonlySet<string>> => {
        asked += 1;
        return hangs ? new Promise(() => undefined) : Promise.resolve(new Set(ids));
      },
      mark: () => Promise.resolve(),
    };
    const marks = new CautiousMarks(slow, timing, { waitMs: 10, restMs: 1000 }, log);
    const first = marks.known(['a']);
    await timing.pass(10);
    expect((await first).size).toBe(0);
    expect((await marks.known(['a'])).size).toBe(0);
    await expect(marks.mark(['a'])).rejects.toThrow('not marked');
    expect(asked).toBe(1);
    await timing.pass(1000);
    const again = marks.known(['a']);
    await timing.pass(10);
    await again;
    expect([asked, lines.length]).toEqual([2, 1]);
    hangs = false;
    await timing.pass(1000);
    expect(await marks.known(['a'])).toEqual(new Set(['a']));
  });
});
