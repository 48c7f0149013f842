import { findProgram, requireOrSkip } from '@marquee/testing';
import { expect, test } from 'vitest';
import { cause, FanOut, type Interruption } from '../support/fan-out.js';

const SCREENS = 5000;
/** From the moment that the server says it is ready to the last screen's manifest. */
const HAS_IT_MS = 3000;
const mosquitto = requireOrSkip(findProgram('mosquitto'), 'mosquitto');

const SERVER: Interruption[] = ['SIGTERM of the server', 'kill -9 of the server', 'kill -9 of the database'];
const CASES: [Interruption, 'embedded' | 'mosquitto'][] = [
  ...SERVER.map((what): [Interruption, 'embedded'] => [what, 'embedded']),
  ...[...SERVER, 'kill -9 of the broker' as const].map((what): [Interruption, 'mosquitto'] => [what, 'mosquitto']),
];

test.each(CASES.filter(([, broker]) => broker === 'embedded' || mosquitto !== undefined))(
  '5,000 screens have their manifest within 3 s of the system being up: %s, %s broker',
  async (what, broker) => {
    const all = await FanOut.start(SCREENS, broker === 'mosquitto');
    try {
      const result = await all.interruptedBy(() => cause(all, what));
      process.stdout.write(`${what}, ${broker}: ${JSON.stringify(result)}\n`);
      expect(result).toMatchObject({ twiceAlthoughKnown: 0, unaccounted: 0, lost: 0, installed: SCREENS });
      expect(result.afterReadyMs).toBeLessThan(HAS_IT_MS);
    } finally {
      await all.stop();
    }
  },
);
