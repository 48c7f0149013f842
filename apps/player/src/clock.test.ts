import { describe, expect, it } from 'vitest';
import { CorrectedClock } from './clock.js';

describe('the corrected clock', () => {
  it('takes the offset from the shortest of several round trips', async () => {
    let own = 1_000_000;
    const trips = [400, 20, 900];
    const clock = new CorrectedClock(
      () => {
        const took = trips.shift() ?? 0;
        own += took;
        // The server is an hour ahead; the answer left it when half of the way was done.
        return Promise.resolve(own - (took === 20 ? 10 : took) + 3_600_000);
      },
      () => own,
    );
    expect(clock.now()).toBe(own);
    await clock.estimate();
    expect(clock.offsetMs).toBe(3_600_000);
    expect(clock.now()).toBe(own + 3_600_000);
  });

  it('keeps what it knew when the server does not answer', async () => {
    let fails = false;
    const clock = new CorrectedClock(
      () => (fails ? Promise.reject(new Error('no network')) : Promise.resolve(5_000)),
      () => 1_000,
    );
    await clock.estimate();
    fails = true;
    await clock.estimate();
    expect(clock.now()).toBe(5_000);
  });

  it('does not believe a round trip during which it was set back', async () => {
    let own = 10_000;
    const clock = new CorrectedClock(
      () => {
        own -= 5_000;
        return Promise.resolve(10_000);
      },
      () => own,
    );
    await clock.estimate();
    expect(clock.offsetMs).toBe(0);
  });
});
