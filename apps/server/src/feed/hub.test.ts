import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Database } from '../store/database.js';
import { Inbox } from '../test/support/inbox.js';
import { pruneFacts } from '../store/prune.js';
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

interface TestReader extends FeedReader {
  told: Inbox<string>;
  texts: string[];
  isReady: boolean;
}

/** A reader that remembers the ids of what it was told, and the words. */
function reader(): TestReader {
  const told = new Inbox<string>();
  const texts: string[] = [];
  return {
    told,
    texts,
    isReady: true,
    write: (text) => {
      texts.push(text);
      for (const [, id] of text.matchAll(/^id: (\S+)$/gm)) told.put(id ?? '');
    },
    ready() {
      return this.isReady;
    },
    end: () => undefined,
  };
}

/** A numbered fact of a campaign with one delivery in it, or with this payload; its number. */
async function happen(campaign = randomUUID(), eventType = 'deliveries_moved', payload: unknown = moved(0)): Promise<number> {
  await store.sql(
    `insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed) values ('campaign', $1, $2, $3, true)`,
    [campaign, eventType, JSON.stringify(payload)],
  );
  return numbered();
}

function moved(epoch: number, outcome = 'SUCCESS'): unknown {
  return { epoch, outcomes: { [outcome]: [randomUUID()] } };
}

/** So many facts of one campaign at once; the number of the last. */
async function happenOften(facts: number, campaign: string, payload: unknown): Promise<number> {
  await store.sql(
    `insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
     select 'campaign', $1, 'deliveries_moved', $2::jsonb, true from generate_series(1, $3)`,
    [campaign, JSON.stringify(payload), facts],
  );
  return numbered();
}

async function numbered(): Promise<number> {
  await store.database.run(numberFacts, { most: 1_000_000 });
  const [row] = await store.sql<{ seq: string }>('select max(feed_seq) as seq from outbox');
  return Number(row?.seq);
}

/** Facts up to this number happened so many seconds earlier. */
async function age(seq: number, seconds: number): Promise<void> {
  await store.sql(`update outbox set created_at = created_at - $2 * interval '1 s' where feed_seq <= $1`, [seq, seconds]);
}

/** The events that a reader was told, as what they are and what they say. */
function said({ texts }: TestReader): { event: string; data: unknown }[] {
  return [...texts.join('').matchAll(/^(?:event: (\S+)\n)?id: \S+\ndata: (.*)$/gm)].map(([, event, data]) => ({
    event: event ?? 'message',
    data: JSON.parse(data ?? '') as unknown,
  }));
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

test('pause and resume are told with the epoch, and a message that bounced with the epoch that it was of', async () => {
  const hub = startHub();
  const follower = reader();
  const campaignId = randomUUID();
  await hub.subscribe(follower, campaignId, undefined);
  await happen(campaignId, 'campaign_paused', { status: 'active', paused: true, epoch: 0 });
  await happen(campaignId, 'campaign_resumed', { status: 'active', paused: false, epoch: 1 });
  await happen(campaignId, 'deliveries_moved', moved(0, 'REJECTED_STALE'));
  const last = await happen(campaignId, 'deliveries_moved', { epoch: 1, counts: { SUCCESS: 500 } });
  hub.wake();
  await follower.told.first((id) => id.startsWith(`${last}.`));
  expect(said(follower)).toMatchObject([
    { event: 'campaign', data: { campaignId, status: 'active', paused: true, epoch: 0 } },
    { event: 'campaign', data: { status: 'active', paused: false, epoch: 1 } },
    { event: 'message', data: { outcome: 'REJECTED_STALE', epoch: 0 } },
    { event: 'summary', data: { counts: { SUCCESS: 500 }, epoch: 1 } },
  ]);
});

test('a reader that takes nothing costs a few counts however much happens, and is told them by epoch', async () => {
  const hub = startHub();
  const slow = reader();
  const eager = reader();
  const campaignId = randomUUID();
  await hub.subscribe(slow, undefined, undefined);
  await hub.subscribe(eager, undefined, undefined);
  slow.isReady = false;
  // More in all than it may have missed one by one, and more than the hub reads at once, twice.
  await happenOften(600, campaignId, { epoch: 0, counts: { SUCCESS: 500 } });
  await happen(campaignId, 'campaign_paused', { status: 'active', paused: true, epoch: 0 });
  await happenOften(10, campaignId, { epoch: 0, counts: { REJECTED_STALE: 500 } });
  await happen(campaignId, 'campaign_resumed', { status: 'active', paused: false, epoch: 1 });
  const last = await happenOften(600, campaignId, { epoch: 1, counts: { SUCCESS: 500 } });
  hub.wake();
  await eager.told.first((id) => id.startsWith(`${last}.`));
  expect(slow.texts).toEqual([]);
  slow.isReady = true;
  hub.wake();
  await slow.told.first();
  expect(said(slow)).toMatchObject([
    { event: 'summary', data: { campaignId, counts: { SUCCESS: 300_000, REJECTED_STALE: 5000 }, epoch: 0 } },
    { event: 'summary', data: { campaignId, counts: { SUCCESS: 300_000 }, epoch: 1 } },
    { event: 'campaign', data: { status: 'active', paused: false, epoch: 1 } },
  ]);
});

test('a reader that takes nothing while too many campaigns move is told to read the state anew', async () => {
  const hub = startHub();
  const slow = reader();
  await hub.subscribe(slow, undefined, undefined);
  slow.isReady = false;
  await store.sql(
    `insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
     select 'campaign', gen_random_uuid(), 'deliveries_moved', '{"epoch": 0, "counts": {"SUCCESS": 500}}', true from generate_series(1, 1500)`,
  );
  await numbered();
  const eager = reader();
  await hub.subscribe(eager, undefined, undefined);
  const last = await happen();
  hub.wake();
  await eager.told.first((id) => id === `${last}.0`);
  slow.isReady = true;
  hub.wake();
  await slow.told.first();
  expect(said(slow).map(({ event }) => event)).toEqual(['reset']);
});

test('a reader may go on from 10,000 facts ago however old they are, and from any of the last minute', { timeout: 180_000 }, async () => {
  const campaign = randomUUID();
  const start = await happen();
  const middle = await happenOften(5100, campaign, { epoch: 0, counts: { SUCCESS: 1 } });
  await age(middle, 7200);
  await happenOften(5100, campaign, { epoch: 0, counts: { SUCCESS: 1 } });
  for (let turn = 0; turn < 3; turn += 1) await store.database.run(pruneFacts, {});
  const hub = startHub();
  const resumed = async (seq: number): Promise<{ event: string; told: number }> => {
    const each = reader();
    const leave = await hub.subscribe(each, campaign, `${seq}.0`);
    leave();
    return { event: said(each)[0]?.event ?? 'nothing', told: each.told.all.length };
  };
  const last = start + 10_200;
  expect(await resumed(start)).toEqual({ event: 'reset', told: 1 });
  expect(await resumed(last - 10_001)).toEqual({ event: 'reset', told: 1 });
  expect(await resumed(last - 10_000)).toEqual({ event: 'summary', told: 10_000 });
  const younger = await happenOften(5100, campaign, { epoch: 0, counts: { SUCCESS: 1 } });
  // Further back than 10,000, and all of it happened just now.
  expect(await resumed(middle)).toEqual({ event: 'summary', told: younger - middle });
  expect(await resumed(middle - 1)).toEqual({ event: 'reset', told: 1 });
});

test('the stream is the same whichever process tells it', async () => {
  const both = [startHub(), startHub()];
  const campaign = randomUUID();
  const readers = await Promise.all(
    both.map(async (hub) => {
      const each = reader();
      await hub.subscribe(each, undefined, undefined);
      return each;
    }),
  );
  for (let n = 0; n < 3; n += 1) await happen(campaign, 'deliveries_moved', moved(n, 'REJECTED_STALE'));
  const last = await happen(campaign, 'campaign_paused', { status: 'active', paused: true, epoch: 3 });
  for (const hub of both) hub.wake();
  for (const each of readers) await each.told.first((id) => id.startsWith(`${last}.`));
  expect(readers[1]?.texts.join('')).toBe(readers[0]?.texts.join(''));
});
