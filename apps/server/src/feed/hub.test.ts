import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Database } from '../store/database.js';
import { Inbox } from '../test/support/inbox.js';
import { openTestStore, type TestStore } from '../test/support/store.js';
import { factsAfter, numberFacts } from './feed.store.js';
import { FeedHub } from './hub.js';
import type { FeedReader } from './subscription.js';

let store: TestStore;
const hubs: FeedHub[] = [];
const failures: unknown[] = [];
beforeAll(async () => {
  store = await openTestStore();
});
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop();
  expect(failures).toEqual([]);
});
afterAll(() => store.close());

/** A hub that runs on this database, polling so rarely that only `wake` moves it. */
function startHub(database: Database = store.database): FeedHub {
  const hub = new FeedHub(database, { pollMs: 60_000, onError: (error) => failures.push(error) });
  hubs.push(hub);
  hub.start();
  return hub;
}

/** A reader that remembers the ids of what it was told. */
function reader(): FeedReader & { told: Inbox<string>; isReady: boolean } {
  const told = new Inbox<string>();
  return {
    told,
    isReady: true,
    write: (text) => {
      for (const [, id] of text.matchAll(/^id: (\S+)$/gm)) told.put(id ?? '');
    },
    ready() {
      return this.isReady;
    },
    end: () => undefined,
  };
}

/** A numbered fact with one delivery in it; its number. */
async function happen(): Promise<number> {
  await store.sql(
    `insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
     values ('campaign', $1, 'deliveries_moved', jsonb_build_object('epoch', 0, 'outcomes', jsonb_build_object('SUCCESS', jsonb_build_array($2::text))), true)`,
    [randomUUID(), randomUUID()],
  );
  await store.database.run(numberFacts, { most: 100 });
  const [row] = await store.sql<{ seq: string }>('select max(feed_seq) as seq from outbox');
  return Number(row?.seq);
}

/** The database with a door: once shut, the next look for facts from before `seq` has read but does not answer until it is opened. */
function withDoor(): { database: Database; shut: (seq: number) => void; open: () => void; atDoor: Inbox<void> } {
  const atDoor = new Inbox<void>();
  let door: Promise<void> | undefined;
  let before = 0;
  let open: () => void = () => undefined;
  const run: Database['run'] = async (statement, args) => {
    const rows = await store.database.run(statement, args);
    const held = (statement as unknown) === factsAfter && Number(args['after']) < before ? door : undefined;
    if (held === undefined) return rows;
    door = undefined;
    atDoor.put();
    await held;
    return rows;
  };
  return {
    database: Object.assign(Object.create(store.database) as Database, { run }),
    atDoor,
    shut: (seq) => {
      before = seq;
      door = new Promise((resolve) => (open = resolve));
    },
    open: () => open(),
  };
}

test('what happens while a reader resumes is told to it, once', async () => {
  const { database, shut, open, atDoor } = withDoor();
  const before = await happen();
  const hub = startHub(database);
  const steady = reader();
  await hub.subscribe(steady, undefined, undefined);
  const first = await happen();
  hub.wake();
  await steady.told.first((id) => id === `${first}.0`);

  // The hub's own next look is from `first` on and passes.
  shut(first);
  const resumed = reader();
  const joined = hub.subscribe(resumed, undefined, `${before}.0`);
  await atDoor.first();
  // It has read up to `first`; before it takes its place, the others hear of the next.
  const next = await happen();
  hub.wake();
  await steady.told.first((id) => id === `${next}.0`);
  open();
  await joined;
  const last = await happen();
  hub.wake();
  await resumed.told.first((id) => id === `${last}.0`);
  expect(resumed.told.all).toEqual([first, next, last].map((seq) => `${seq}.0`));
});

test('a reader alone starts at the moment it came, not at that of the first look', async () => {
  const hub = startHub();
  const alone = reader();
  await hub.subscribe(alone, undefined, undefined);
  const seq = await happen();
  hub.wake();
  await alone.told.first();
  expect(alone.told.all).toEqual([`${seq}.0`]);
});

test('a reader that cannot take more is told nothing, and counts once it can', async () => {
  const hub = startHub();
  const slow = reader();
  const eager = reader();
  await hub.subscribe(slow, undefined, undefined);
  await hub.subscribe(eager, undefined, undefined);
  slow.isReady = false;
  const seqs = [await happen(), await happen()];
  hub.wake();
  await eager.told.first((id) => id === `${seqs[1]}.0`);
  expect(slow.told.all).toEqual([]);
  slow.isReady = true;
  const next = await happen();
  hub.wake();
  await slow.told.first((id) => id === `${next}.0`);
  // Two campaigns were missed: a summary each, with an id from which nothing before is told again.
  expect(slow.told.all).toEqual([`${seqs[1]}.999999999`, `${seqs[1]}.999999999`, `${next}.0`]);
});
