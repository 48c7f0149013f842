import { deviceTopic } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../kit/log.js';
import { within } from '../test/support/eventually.js';
import { openTestStore, runningCampaign, type TestStore } from '../test/support/store.js';
import { Presence } from './presence.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

function presence(onContact: () => void): Presence {
  const options = { waitMs: 0, enroll: false, revoke: async () => undefined, noteKept: async () => undefined, onContact };
  return new Presence(store.database, options, { status: () => undefined }, silentLog);
}

const ONLINE = (deviceId: string): [string, Buffer] => [
  deviceTopic(deviceId, 'status'),
  Buffer.from(JSON.stringify({ deviceId, status: 'online', timestamp: Date.now() })),
];

test('a screen that comes while its manifest is being sent is offered it again when that is settled', async () => {
  const { execution } = await runningCampaign(store, 2);
  await store.sql(`update deliveries set status = 'SENDING', attempt = 1, next_attempt_at = null where execution_id = $1`, [execution]);
  await store.sql(`insert into execution_counts values ($1, 'PENDING', -2), ($1, 'SENDING', 2)`, [execution]);
  const due = async (): Promise<unknown[]> =>
    await store.sql('select recipient from deliveries where execution_id = $1 and next_offer_at is not null', [execution]);
  let contacted: () => void = () => undefined;
  const contact = new Promise<void>((resolve) => {
    contacted = resolve;
  });
  const gateway = presence(() => contacted());
  gateway.take(...ONLINE('s-00001'));
  await gateway.written();
  // While it is being sent, nothing more is sent; the message may have gone out before the screen listened.
  expect(await due()).toEqual([]);
  await store.sql(`update deliveries set status = 'SUCCESS', settled_at = now() where execution_id = $1`, [execution]);
  await store.sql(`insert into execution_counts values ($1, 'SENDING', -2), ($1, 'SUCCESS', 2)`, [execution]);
  await within(30_000, 'the look after the send', contact);
  expect(await due()).toEqual([{ recipient: 's-00001' }]);
  await gateway.stop();
});
