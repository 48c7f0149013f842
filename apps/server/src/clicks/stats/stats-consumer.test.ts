import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Delivered } from '../click-broker.js';
import { click, clickProcess, delivered, statsConsumer } from '../../test/support/clicks.js';
import { openTestStore, type TestStore } from '../../test/support/store.js';

let store: TestStore;
let process = 0;
let seq = 0;
let ads = 0;

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const accept = (): { process: number; seq: number } => {
  seq += 1;
  return { process, seq };
};
function freshAd(): string {
  ads += 1;
  return `ad-${ads}`;
}
/** All clicks of an ad, whenever. */
async function countsOf(adId: string) {
  const [row] = await store.sql<{ raw: string; uniq: string; human: string }>(
    'select coalesce(sum(raw), 0) as raw, coalesce(sum(uniq), 0) as uniq, coalesce(sum(human), 0) as human from click_minutes where ad_id = $1',
    [adId],
  );
  return { raw: Number(row?.raw), unique: Number(row?.uniq), human: Number(row?.human) };
}
async function settled(): Promise<{ stored: number; duplicates: number }> {
  const [row] = await store.sql<{ stored: string; duplicates: string }>(
    'select coalesce(sum(stored), 0) as stored, coalesce(sum(duplicates), 0) as duplicates from click_settled where process = $1',
    [process],
  );
  return { stored: Number(row?.stored), duplicates: Number(row?.duplicates) };
}
const clicksOf = (adId: string, n: number): Delivered[] => Array.from({ length: n }, () => delivered(click({ adId }), accept()));

describe('each click counts once', () => {
  beforeAll(async () => {
    process = await clickProcess(store);
  });

  test('when its messages come again, also after the process died between commit and answer', async () => {
    const adId = freshAd();
    const before = await settled();
    const batch = clicksOf(adId, 50);
    // The answers of the first are lost with its process; the broker gives the messages to another one, some of them twice.
    await statsConsumer(store).handle(batch);
    expect(await statsConsumer(store).handle([...batch.slice(0, 10), ...batch])).toEqual(Array.from({ length: 60 }, () => 'done'));
    expect(await countsOf(adId)).toEqual({ raw: 50, unique: 50, human: 50 });
    expect(await store.sql('select from clicks where ad_id = $1', [adId])).toHaveLength(50);
    expect(await settled()).toEqual({ stored: before.stored + 50, duplicates: before.duplicates });
  });

  test('when it was accepted several times: the others are told to the ledger, once each', async () => {
    const adId = freshAd();
    const before = await settled();
    const one = click({ adId });
    const [first, second, third] = [delivered(one, accept()), delivered(one, accept()), delivered(one, accept())];
    await statsConsumer(store).handle([first, second, first]);
    await statsConsumer(store).handle([third, second, first, third]);
    expect(await countsOf(adId)).toMatchObject({ raw: 1 });
    expect(await settled()).toEqual({ stored: before.stored + 1, duplicates: before.duplicates + 2 });
  });

  test('when several consumers are given the same messages at once, in any order', async () => {
    const [adId, other] = [freshAd(), freshAd()];
    const before = await settled();
    const batch = clicksOf(adId, 200).concat(clicksOf(other, 200));
    const consumers = Array.from({ length: 4 }, () => statsConsumer(store));
    for (let round = 0; round < 5; round += 1) {
      const part = batch.slice(round * 80, round * 80 + 80);
      const orders = [part, part.toReversed(), [...part.slice(40), ...part.slice(0, 40)], part.toSorted(() => (round % 2) - 0.5)];
      await Promise.all(consumers.map((consumer, index) => consumer.handle(orders[index] ?? [])));
    }
    expect((await countsOf(adId)).raw + (await countsOf(other)).raw).toBe(400);
    expect(await settled()).toEqual({ stored: before.stored + 400, duplicates: before.duplicates });
  });

  test('a message that nobody of ours accepted counts and stays out of the ledger', async () => {
    const adId = freshAd();
    const one = click({ adId });
    await statsConsumer(store).handle([
      delivered(one, { process: 0, seq: 0 }),
      delivered(one, { process: 0, seq: 1 }),
      delivered(click({ adId }), { process: 0, seq: 0 }),
    ]);
    expect(await countsOf(adId)).toMatchObject({ raw: 2 });
    expect(await store.sql('select from click_settled where process = 0')).toHaveLength(0);
  });

  test('nothing is counted when the transaction does not come to its end', async () => {
    const adId = freshAd();
    const batch = clicksOf(adId, 3);
    await store.sql(
      `create function fail() returns trigger language plpgsql as $$ begin raise exception 'out of order' using errcode = '55000'; end $$`,
    );
    await store.sql('create trigger fail before insert or update on click_settled for each row execute function fail()');
    await expect(statsConsumer(store).handle(batch)).rejects.toThrow('out of order');
    await store.sql('drop trigger fail on click_settled');
    expect(await countsOf(adId)).toMatchObject({ raw: 0 });
    await statsConsumer(store).handle(batch);
    expect(await countsOf(adId)).toMatchObject({ raw: 3 });
  });
});

describe('what cannot be counted', () => {
  test('is dead at once where it can never be read, with its reason, and holds up nothing', async () => {
    const adId = freshAd();
    const good = clicksOf(adId, 2);
    const bad = ['no json', 'null', '[]', JSON.stringify({ ...click({ adId }), clickedAt: '12x' })].map((body) => ({
      ...accept(),
      messageId: randomUUID(),
      body,
      tries: 1,
    }));
    const of = (more: object) => ({
      ...accept(),
      messageId: randomUUID(),
      body: JSON.stringify({ ...click({ adId }), ...more }),
      tries: 1,
    });
    const wrong = [
      of({ messageId: 'x' }),
      of({ adId: 'a\u0000b' }),
      of({ campaignId: 5 }),
      of({ clickedAt: Date.now() + 2 * 86_400_000 }),
      of({ source: 'x' }),
    ];
    const [first, ...others] = await statsConsumer(store).handle([good[0] as Delivered, ...bad, ...wrong, good[1] as Delivered]);
    expect(first).toBe('done');
    expect(others.pop()).toBe('done');
    expect(others.map((each) => (typeof each === 'object' ? each.dead.split(':')[0] : each))).toEqual([
      'the body is no JSON',
      'the body',
      'the body',
      'clickedAt',
      'messageId',
      'adId',
      'campaignId',
      'clickedAt is more than a day ahead',
      'source',
    ]);
    expect(await countsOf(adId)).toMatchObject({ raw: 2 });
  });

  test('is tried again where the database refuses it, and dead when it was tried so often; the others of its batch count', async () => {
    const adId = freshAd();
    const batch = clicksOf(adId, 21);
    const poison = batch[13] as Delivered;
    await store.sql(
      `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not this one' using errcode = '22000'; end $$`,
    );
    await store.sql(
      `create trigger refuse before insert on clicks for each row when (new.message_id = '${poison.messageId}') execute function refuse()`,
    );
    const decisions = await statsConsumer(store).handle(batch);
    expect(decisions).toEqual(batch.map((each) => (each === poison ? 'again' : 'done')));
    expect(await countsOf(adId)).toMatchObject({ raw: 20 });
    expect(await statsConsumer(store).handle([{ ...poison, tries: 3 }])).toEqual([{ dead: 'refused 3 times: not this one' }]);
    await store.sql('drop trigger refuse on clicks');
    expect(await statsConsumer(store).handle([{ ...poison, tries: 4 }])).toEqual(['done']);
    expect(await countsOf(adId)).toMatchObject({ raw: 21 });
  });
});

describe('labels', () => {
  const browser = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';
  const THEN = Date.now() - 60_000 - (Date.now() % 60_000);
  const handle = (...clicks: ReturnType<typeof click>[]) =>
    statsConsumer(store, { duplicateMs: 1000, botPerMinute: 5 }).handle(clicks.map((each) => delivered(each, accept())));

  test('a robot by its agent is counted and not human', async () => {
    const adId = freshAd();
    await handle(
      click({ adId, agent: browser }),
      click({ adId, agent: 'Googlebot/2.1 (+http://www.google.com/bot.html)' }),
      click({ adId, agent: 'curl/8.5.0' }),
      click({ adId, agent: 'okhttp/4.12.0' }),
      click({ adId }),
    );
    expect(await countsOf(adId)).toEqual({ raw: 5, unique: 5, human: 3 });
  });

  test('the same user on one ad within the window is a duplicate: beside it, before it and after it', async () => {
    const [adId, other] = [freshAd(), freshAd()];
    const of = (at: number, ad = adId) => click({ adId: ad, uid: 'someone', clickedAt: THEN + at, ip: randomUUID() });
    await handle(of(2000), of(2999), of(2500, other));
    expect(await countsOf(adId)).toMatchObject({ raw: 2, unique: 1 });
    await handle(of(3998));
    await handle(of(4998));
    expect(await countsOf(adId)).toMatchObject({ raw: 4, unique: 2 });
    await handle(of(4000), of(8000));
    expect(await countsOf(adId)).toMatchObject({ raw: 6, unique: 3 });
    expect(await countsOf(other)).toMatchObject({ raw: 1, unique: 1 });
  });

  test('scans are told apart by address and agent, users behind one address by who they are', async () => {
    const adId = freshAd();
    const scan = { adId, source: 'qr', uid: '', ip: '203.0.113.0', agent: browser, clickedAt: THEN } as const;
    await handle(click(scan), click(scan), click({ ...scan, agent: `${browser} x` }), click({ ...scan, ip: '203.0.114.0' }));
    expect(await countsOf(adId)).toEqual({ raw: 4, unique: 3, human: 3 });
    await handle(click({ ...scan, uid: 'a' }), click({ ...scan, uid: 'b' }));
    expect(await countsOf(adId)).toEqual({ raw: 6, unique: 5, human: 5 });
  });

  test('more clicks of one visitor in a minute are a bot’s, whatever the ads and the batches', async () => {
    const [adId, other] = [freshAd(), freshAd()];
    const of = (n: number, ad = adId) => click({ adId: ad, uid: 'busy', clickedAt: THEN + n * 2000 });
    await handle(of(1), of(2), of(3, other));
    await handle(of(4), of(5), of(6), of(7, other));
    expect(await countsOf(adId)).toEqual({ raw: 5, unique: 5, human: 4 });
    expect(await countsOf(other)).toEqual({ raw: 2, unique: 2, human: 1 });
    await handle(of(31));
    expect(await countsOf(adId)).toEqual({ raw: 6, unique: 6, human: 5 });
  });

  test('a message that comes again does not make its click a duplicate of itself', async () => {
    const adId = freshAd();
    const message = delivered(click({ adId, uid: 'once' }), accept());
    for (let times = 0; times < 3; times += 1) await statsConsumer(store).handle([message, message]);
    await handle(click({ adId, uid: 'once', clickedAt: Date.now() + 5000 }));
    expect(await countsOf(adId)).toEqual({ raw: 2, unique: 2, human: 2 });
  });
});
