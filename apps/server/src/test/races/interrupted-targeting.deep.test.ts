import { afterAll, beforeAll, test } from 'vitest';
import { openTestStore, type TestStore } from '../support/store.js';
import { cancelDuringTargeting } from '../support/targeting-races.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

test('a cancel in the middle of targeting a million ends what was made, and nothing is made after it', async () => {
  await cancelDuringTargeting(store, 1_000_000, 300_000);
});
