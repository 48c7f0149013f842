import { feedClicks } from '@marquee/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FeedHub } from '../../feed/hub.js';
import { numberFacts } from '../../feed/feed.store.js';
import { systemClock } from '../../kit/clock.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import { click, delivered } from '../../test/support/clicks.js';
import { eventually } from '../../test/support/eventually.js';
import { openTestStore, type TestStore } from '../../test/support/store.js';
import { ClickFacts } from './click-facts.js';
import { StatsConsumer } from './stats-consumer.js';

let store: TestStore;
const errors: unknown[] = [];
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const onError = (error: unknown) => void errors.push(error);
const CONSUME = { prefetch: 1000, batch: 500, waitMs: 10, tries: 3, duplicateMs: 1000, botPerMinute: 60 };
const factsIn = () => store.sql<{ payload: object }>(`select payload from outbox where event_type = 'clicks_counted'`);

test('clicks that were counted are told together, and a reader that was busy hears their sum', async () => {
  const facts = new ClickFacts(store.database, onError);
  const consumer = new StatsConsumer(store.database, systemClock, facts, CONSUME, silentLog);
  const hub = new FeedHub(store.database, { pollMs: 20, onError });
  const told: Record<string, string> = { ready: '', slow: '', campaign: '' };
  let slowIsReady = false;
  const reader = (name: string, ready: () => boolean) => ({
    write: (text: string) => void (told[name] += text),
    ready,
    end: () => undefined,
  });
  const campaignId = newId();
  await hub.subscribe(
    reader('ready', () => true),
    undefined,
    undefined,
  );
  await hub.subscribe(
    reader('slow', () => slowIsReady),
    undefined,
    undefined,
  );
  await hub.subscribe(
    reader('campaign', () => true),
    campaignId,
    undefined,
  );
  hub.start();
  facts.start();
  const eventsOf = (name: string) =>
    [...(told[name] ?? '').matchAll(/event: clicks\nid: .*\ndata: (.*)\n/g)].map((match) => feedClicks.parse(JSON.parse(match[1] ?? '')));
  const handle = (...clicks: ReturnType<typeof click>[]) =>
    consumer.handle(clicks.map((each, seq) => delivered(each, { process: 0, seq })));

  const again = click({ campaignId, uid: 'u' });
  await handle(again, click({ campaignId, uid: 'u' }), click({ agent: 'curl/8' }));
  await eventually(async () => expect(await factsIn()).toHaveLength(1));
  await handle(again);
  await handle(click({ campaignId, uid: 'v' }));
  await eventually(async () => expect(await factsIn()).toHaveLength(2));
  await store.database.run(numberFacts, { most: 100 });
  await eventually(() => expect(eventsOf('ready')).toHaveLength(2));
  expect(eventsOf('ready')).toMatchObject([
    { raw: 3, unique: 2, human: 1, campaigns: [{ campaignId, raw: 2, unique: 1, human: 1 }] },
    { raw: 1, unique: 1, human: 1, campaigns: [{ campaignId, raw: 1, unique: 1, human: 1 }] },
  ]);
  expect(eventsOf('slow')).toEqual([]);
  slowIsReady = true;
  await eventually(() => expect(eventsOf('slow')).toHaveLength(1));
  expect(eventsOf('slow')).toMatchObject([{ raw: 4, unique: 3, human: 2, campaigns: [{ campaignId, raw: 3, unique: 2, human: 2 }] }]);
  expect(told['campaign']).toBe('');
  await Promise.all([facts.stop(), hub.stop()]);
  expect(errors).toEqual([]);
});
