import { findProgram, requireOrSkip } from '@marquee/testing';
import { describe, expect, test } from 'vitest';
import { cause, FanOut, type Interruption } from '../support/fan-out.js';

const SCREENS = 400;
const mosquitto = requireOrSkip(findProgram('mosquitto'), 'mosquitto');

/** Every screen has it, none was told again of what it was known to have, and nothing that it said is lost. */
async function expectWhole(what: Interruption, outside: boolean): Promise<void> {
  const all = await FanOut.start(SCREENS, outside);
  try {
    const result = await all.interruptedBy(() => cause(all, what));
    expect(result).toMatchObject({ twiceAlthoughKnown: 0, unaccounted: 0, lost: 0, installed: SCREENS });
  } finally {
    await all.stop();
  }
}

describe('in the middle of a fan-out', () => {
  test.each<Interruption>(['SIGTERM of the server', 'kill -9 of the server', 'kill -9 of the database'])(
    '%s costs time only',
    (what) => expectWhole(what, false),
    120_000,
  );

  test.skipIf(mosquitto === undefined)(
    'kill -9 of an outside broker costs time only',
    () => expectWhole('kill -9 of the broker', true),
    120_000,
  );
});
