import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { targetContacts } from '../../audience/audience.store.js';
import { contactAudienceArguments } from '../../store/contact-audience.js';
import type { Runner } from '../../store/database.js';
import { countsOf, openTestStore, runningCampaign, type TestCampaign, type TestStore } from '../support/store.js';

const EVERYONE = contactAudienceArguments({ all: true });
const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

let store: TestStore;
let run: TestCampaign;
beforeAll(async () => {
  store = await openTestStore();
  await store.sql('insert into contacts (id) select unnest($1::text[])', [IDS]);
});
afterAll(() => store.close());
beforeEach(async () => {
  run = await untargeted();
});

async function untargeted(): Promise<TestCampaign> {
  const made = await runningCampaign(store, 0);
  await store.sql('update executions set targeted = false where id = $1', [made.execution]);
  return made;
}

const step = async (on: Runner = store.database) => (await on.run(targetContacts, { execution: run.execution, most: 3, ...EVERYONE }))[0];

async function recipients(): Promise<string[]> {
  const rows = await store.sql<{ recipient: string }>('select recipient from deliveries where execution_id = $1 order by recipient', [
    run.execution,
  ]);
  return rows.map((row) => row.recipient);
}

test('goes step by step, and after its last step there is none', async () => {
  expect(await step()).toEqual({ made: 3, targeted: false });
  expect(await recipients()).toEqual(['a', 'b', 'c']);
  expect(await step()).toEqual({ made: 3, targeted: false });
  expect(await step()).toEqual({ made: 2, targeted: true });
  expect(await step()).toBeUndefined();
  expect(await recipients()).toEqual(IDS);
  expect(await countsOf(store, run.execution)).toEqual({ PENDING: 8 });
});

test('a step looks at so many contacts, found or not; ids are looked up and no others are looked at', async () => {
  const steps = async (audience: Partial<typeof EVERYONE>) => {
    const made: number[] = [];
    for (;;) {
      const [row] = await store.database.run(targetContacts, { execution: run.execution, most: 3, ...EVERYONE, ...audience });
      if (row === undefined) return made;
      made.push(row.made);
    }
  };
  await store.sql(`update contacts set tags = '{last}' where id = 'h'`);
  expect(await steps({ anyTags: ['last'] })).toEqual([0, 0, 1]);
  run = await untargeted();
  expect(await steps({ ids: ['h', 'nobody', 'c', 'c', 'a', 'e'] })).toEqual([3, 1]);
  expect(await recipients()).toEqual(['a', 'c', 'e', 'h']);
});

test('a step that dies did not happen, and one that finds a delivery makes no second one', async () => {
  await step();
  const died = store.database.transaction(async (transaction) => {
    await step(transaction);
    throw new Error('dies here');
  });
  await expect(died).rejects.toThrow('dies here');
  // As a step that comes from before its own commit would.
  await store.sql(`update executions set target_cursor = 'b' where id = $1`, [run.execution]);
  expect(await step()).toEqual({ made: 2, targeted: false });
  expect(await step()).toEqual({ made: 3, targeted: false });
  expect(await step()).toEqual({ made: 0, targeted: true });
  expect(await recipients()).toEqual(IDS);
  expect(await countsOf(store, run.execution)).toEqual({ PENDING: 8 });
});

test('two at once: the loser does nothing; and pause waits for neither', async () => {
  await store.database.transaction(async (transaction) => {
    expect(await step(transaction)).toMatchObject({ made: 3 });
    expect(await step()).toBeUndefined();
    await store.sql(`set lock_timeout = '5s'`);
    await store.sql('update campaigns set paused = true where id = $1', [run.campaign]);
  });
  expect(await recipients()).toEqual(['a', 'b', 'c']);
});

test('an execution that was cancelled between two steps gets no more', async () => {
  await step();
  await store.sql(`update executions set state = 'CANCELLED' where id = $1`, [run.execution]);
  expect(await step()).toBeUndefined();
  expect(await recipients()).toEqual(['a', 'b', 'c']);
});
