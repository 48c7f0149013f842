import { findProgram, requireOrSkip } from '@marquee/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cause, FanOut, type Interruption } from '../support/fan-out.js';

const SCREENS = 400;
const mosquitto = requireOrSkip(findProgram('mosquitto'), 'mosquitto');

/** Every screen has it, none was told again of what it was known to have, and nothing that it said is lost. */
async function expectWhole(all: FanOut, what: Interruption): Promise<void> {
  const result = await all.interruptedBy(() => cause(all, what));
  expect(result).toMatchObject({ twiceAlthoughKnown: 0, unaccounted: 0, lost: 0, installed: SCREENS });
}

describe('in the middle of a fan-out', { timeout: 120_000 }, () => {
  let all: FanOut;
  beforeAll(async () => {
    all = await FanOut.start(SCREENS, false);
  });
  afterAll(() => all.stop());

  // One after the other on one server and its screens, which costs time only as well.
  test.each<Interruption>(['SIGTERM of the server', 'kill -9 of the server', 'kill -9 of the database'])('%s costs time only', (what) =>
    expectWhole(all, what),
  );
});

test.skipIf(mosquitto === undefined)(
  'in the middle of a fan-out kill -9 of an outside broker costs time only',
  async () => {
    const all = await FanOut.start(SCREENS, true);
    try {
      await expectWhole(all, 'kill -9 of the broker');
    } finally {
      await all.stop();
    }
  },
  120_000,
);
