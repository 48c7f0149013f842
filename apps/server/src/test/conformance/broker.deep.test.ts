import { findProgram, requireOrSkip } from '@marquee/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncomingMessage } from '../../broker/broker.js';
import { Batcher } from '../../kit/batcher.js';
import { BrokerHarness } from '../support/broker-harness.js';
import { Inbox } from '../support/inbox.js';

const ACKNOWLEDGEMENTS = 100_000;
const SCREENS = 20;

const mosquitto = requireOrSkip(findProgram('mosquitto'), 'mosquitto');

const KINDS = [
  // mqtt.js sends what was in flight when its connection broke one by one, each after the PUBACK of the one before: screens
  // that wait 50 ms for each of 5,000 would make this take minutes.
  { name: 'embedded broker', waitMs: 0, missing: false, open: () => BrokerHarness.embedded() },
  {
    name: 'mosquitto with deploy/mosquitto.conf',
    waitMs: 50,
    missing: mosquitto === undefined,
    open: () => BrokerHarness.outside(mosquitto ?? ''),
  },
];

describe.each(KINDS)('$name', ({ waitMs, missing, open }) => {
  describe.skipIf(missing)('under 100,000 acknowledgements', () => {
    let harness: BrokerHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.remove());

    /** Stores as the intake does: batches of 1,000 or what came within `waitMs`, safe only when the batch is. */
    function storing(stored: Set<string>, progress: Inbox<number>): (message: IncomingMessage) => Promise<void> {
      const batcher = new Batcher<string, undefined>({
        size: 1000,
        waitMs,
        flush: async (batch) => {
          for (const each of batch) stored.add(each);
          progress.put(stored.size);
          return batch.map(() => undefined);
        },
      });
      return async ({ topic, payload }) => {
        if (topic.startsWith('devices/many-')) await batcher.add(payload.toString());
      };
    }

    it('loses none, though the server goes away and comes back three times meanwhile', async () => {
      const stored = new Set<string>();
      const progress = new Inbox<number>();
      let server = await harness.start(storing(stored, progress));
      const screens = await Promise.all(Array.from({ length: SCREENS }, () => harness.screen()));
      const sent = Promise.all(
        screens.flatMap((screen, s) =>
          Array.from({ length: ACKNOWLEDGEMENTS / SCREENS }, (_, n) =>
            screen.publishAsync(`devices/many-${s}/acks`, `${s}-${n}`, { qos: 1 }),
          ),
        ),
      );
      for (const share of [0.1, 0.4, 0.7]) {
        await progress.first((count) => count >= ACKNOWLEDGEMENTS * share);
        await server.stop();
        server = await harness.start(storing(stored, progress));
      }
      await sent;
      await progress.first((count) => count === ACKNOWLEDGEMENTS);
      expect(stored.size).toBe(ACKNOWLEDGEMENTS);
    });
  });
});
