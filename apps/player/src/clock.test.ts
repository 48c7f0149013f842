import { beforeEach, describe, expect, it } from 'vitest';
import { type AskTime, CorrectedClock } from './clock.js';
import { eventually } from './test/eventually.js';

const HOUR_MS = 3_600_000;

/** A machine whose own clock can be set and that can sleep; `steady` stands meanwhile. */
class Machine {
  own = 1_700_000_000_000;
  steady = 5_000;
  readonly memory = new Map<string, string>();

  pass(ms: number): void {
    this.own += ms;
    this.steady += ms;
  }

  clock(ask: AskTime): CorrectedClock {
    const kept = {
      getItem: (key: string) => this.memory.get(key) ?? null,
      setItem: (key: string, value: string) => void this.memory.set(key, value),
    };
    return new CorrectedClock(ask, { own: () => this.own, steady: () => this.steady, kept });
  }
}

const away: AskTime = () => Promise.reject(new Error('no network'));

describe('the corrected clock', () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine();
  });

  it('takes the offset from the shortest of several round trips', async () => {
    const trips = [400, 20, 900];
    const clock = machine.clock(() => {
      const took = trips.shift() ?? 0;
      machine.pass(took);
      // The server is an hour ahead; the answer left it when half of the way was done.
      return Promise.resolve(machine.own - (took === 20 ? 10 : took) + HOUR_MS);
    });
    expect([clock.now(), clock.trusted]).toEqual([machine.own, undefined]);
    await clock.estimate();
    expect([clock.offsetMs, clock.trusted]).toEqual([HOUR_MS, true]);
    expect(clock.now()).toBe(machine.own + HOUR_MS);
  });

  it('keeps what it knew when the server does not answer, also over a reload', async () => {
    await machine.clock(() => Promise.resolve(machine.own + 5_000)).estimate();
    machine.pass(HOUR_MS);
    const reloaded = machine.clock(away);
    await reloaded.estimate();
    expect([reloaded.now(), reloaded.trusted]).toEqual([machine.own + 5_000, false]);
    // A clock that starts again in the past has lost what the offset was taken of.
    machine.own -= 2 * HOUR_MS;
    expect(machine.clock(away).offsetMs).toBe(0);
    machine.memory.set('marquee.clock', '{');
    expect(machine.clock(away).offsetMs).toBe(0);
  });

  it('does not believe a round trip during which it was set', async () => {
    const clock = machine.clock(() => {
      machine.own -= 5_000;
      return Promise.resolve(10_000);
    });
    await clock.estimate();
    expect(clock.offsetMs).toBe(0);
  });
});

describe('a clock that is set while the page runs', () => {
  let machine: Machine;
  let answer: AskTime;
  let clock: CorrectedClock;
  let right: number;

  beforeEach(async () => {
    machine = new Machine();
    right = machine.own + 700;
    answer = () => Promise.resolve(right);
    clock = machine.clock((signal) => answer(signal));
    await clock.estimate();
  });
  function pass(ms: number): void {
    machine.pass(ms);
    right += ms;
  }

  it('does not move the time, not for a moment, and is measured anew', async () => {
    for (const step of [HOUR_MS, -2 * HOUR_MS]) {
      pass(1_000);
      machine.own += step;
      expect(clock.now()).toBe(right);
      expect(clock.trusted).toBe(false);
      await eventually(() => expect(clock.trusted).toBe(true));
      expect(clock.now()).toBe(right);
    }
    expect(clock.offsetMs).toBe(700 + HOUR_MS);
  });

  it('stays bridged when it was set back and nobody can be asked', async () => {
    answer = away;
    pass(1_000);
    machine.own -= HOUR_MS;
    expect(clock.now()).toBe(right);
    await clock.estimate();
    pass(1_000);
    expect([clock.now(), clock.trusted]).toEqual([right, false]);
  });

  it('is believed when it is ahead and nobody can be asked: the machine slept', async () => {
    answer = away;
    pass(1_000);
    machine.own += HOUR_MS;
    right += HOUR_MS;
    clock.now();
    await eventually(() => expect(clock.now()).toBe(right));
    expect(clock.trusted).toBe(false);
    answer = () => Promise.resolve(right);
    await clock.estimate();
    expect(clock.trusted).toBe(true);
  });

  it('is followed where there was never a server to ask', () => {
    const alone = new Machine();
    const own = alone.clock(away);
    alone.own += HOUR_MS;
    expect(own.now()).toBe(alone.own);
  });
});
