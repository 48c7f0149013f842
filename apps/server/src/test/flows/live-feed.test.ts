import { randomUUID } from 'node:crypto';
import { feedCampaign, feedDelivery, feedSummary } from '@marquee/contracts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { EventStream, type ReadEvent } from '../support/event-stream.js';
import { eventually, within } from '../support/eventually.js';
import { Flow } from '../support/flow.js';

let flow: Flow;
const streams: EventStream[] = [];
beforeAll(async () => {
  flow = await Flow.start();
});
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});
afterAll(() => flow.stop());

async function listen(path: string, options: { lastEventId?: string; reads?: boolean } = {}): Promise<EventStream> {
  const stream = await within(30_000, 'the stream', EventStream.open(`${flow.server.url}${path}`, options));
  streams.push(stream);
  return stream;
}

/** Facts of a campaign nobody has, as the engine writes them: deliveries that moved, so many a fact. */
async function happen(facts: number, deliveries: number): Promise<string> {
  const campaignId = randomUUID();
  await flow.sql(
    `insert into outbox (aggregate_type, aggregate_id, event_type, payload, processed)
     select 'campaign', $1::uuid, 'deliveries_moved',
            case when $3 <= 50
              then jsonb_build_object('epoch', 0, 'outcomes', jsonb_build_object('SUCCESS', (select jsonb_agg(gen_random_uuid()) from generate_series(1, $3))))
              else jsonb_build_object('epoch', 0, 'counts', jsonb_build_object('SUCCESS', $3)) end, true
     from generate_series(1, $2)`,
    [campaignId, facts, deliveries],
  );
  return campaignId;
}

const ofCampaign =
  (id: string) =>
  ({ data }: ReadEvent): boolean =>
    data.campaignId === id;

test('what happens to a campaign is told to its readers and to the readers of all, and to no others', async () => {
  await flow.register('away');
  const screen = await flow.screen('feed-1', { answers: false });
  await eventually(async () => expect((await flow.http.get('/screens/feed-1')).status).toBe(200));
  const all = await listen('/campaigns/events');
  expect(all.response.headers['content-type']).toBe('text/event-stream');
  expect(all.response.headers['access-control-allow-origin']).toBe('*');
  const created = await flow.create({ dispatch: 'manual' });
  const other = await flow.create({ dispatch: 'manual' });
  const mine = await listen(`/campaigns/${created.id}/events`);
  await all.first(({ event, data }) => event === 'campaign' && data.campaignId === created.id && data.status === 'ready');
  await flow.http.post(`/campaigns/${created.id}/dispatch`);
  await screen.manifests.first();
  await screen.say('INSTALL_ACK', created.id);
  await screen.say('DISPLAY_START', created.id);

  const outcome = (name: string) =>
    within(
      30_000,
      name,
      mine.first(({ event, data }) => event === 'message' && data.outcome === name),
    );
  const success = await outcome('SUCCESS');
  expect(feedDelivery.strict().parse(success.data)).toMatchObject({ campaignId: created.id, epoch: 0 });
  expect(feedDelivery.parse((await outcome('ACKNOWLEDGED')).data).deliveryId).toMatch(/^[0-9a-f-]{36}$/);
  await outcome('ON_AIR');
  const active = await within(
    30_000,
    'active',
    mine.first(({ data }) => data.status === 'active'),
  );
  expect(feedCampaign.strict().parse(active.data)).toMatchObject({ campaignId: created.id });
  await flow.http.post(`/campaigns/${other.id}/cancel`);
  await within(
    30_000,
    'the other one',
    all.first(({ data }) => data.campaignId === other.id && data.status === 'cancelled'),
  );

  expect(mine.events.all.every(ofCampaign(created.id))).toBe(true);
  const ids = (events: ReadEvent[]): string[] => events.map((event) => event.id);
  const told = all.events.all.filter(ofCampaign(created.id));
  expect(ids(told).slice(-mine.events.all.length)).toEqual(ids(mine.events.all));
});

test('a reader goes on exactly where it left off, wherever that was', async () => {
  const steady = await listen('/campaigns/events');
  const campaign = await happen(5, 3);
  const large = await happen(1, 80);
  const last = await happen(2, 2);
  await eventually(() => expect(steady.events.all.filter(ofCampaign(last))).toHaveLength(4));
  const { all } = steady.events;
  const told = all.slice(all.findIndex(ofCampaign(campaign)));
  expect(told).toHaveLength(5 * 3 + 1 + 2 * 2);
  expect(feedSummary.strict().parse(told.find(ofCampaign(large))?.data)).toMatchObject({ counts: { SUCCESS: 80 } });
  for (const [index, { id }] of told.slice(0, -1).entries()) {
    const resumed = await listen('/campaigns/events', { lastEventId: id });
    const rest = told.slice(index + 1);
    await within(30_000, `what came after ${id}`, resumed.events.count(rest.length));
    expect(resumed.events.all.map((event) => event.id)).toEqual(rest.map((event) => event.id));
    const ofOne = await listen(`/campaigns/${last}/events`, { lastEventId: id });
    await within(30_000, `the last after ${id}`, ofOne.events.count(rest.filter(ofCampaign(last)).length));
  }
});

test('readers that come and go while much happens miss nothing and get nothing twice', async () => {
  const steady = await listen('/campaigns/events');
  const happened: string[] = [];
  const home = new AbortController();
  const busy = (async () => {
    while (!home.signal.aborted) {
      // Not further ahead: a reader whose buffer is full is told counts in place of lines.
      const before = happened.at(-20);
      if (before !== undefined) await within(30_000, 'what happened', steady.first(ofCampaign(before)));
      happened.push(await happen(2, 3));
    }
  })();
  // It goes on until the last of them has left, however slowly they come and go.
  const collected = await Promise.all([travel(), travel(), travel()]).finally(() => home.abort());
  await busy;
  const all = new Set(happened);
  await eventually(() => expect(steady.events.all.filter(({ data }) => all.has(data.campaignId))).toHaveLength(happened.length * 6));
  const told = steady.events.all.map((event) => event.id);
  expect(new Set(told).size).toBe(told.length);
  for (const ids of collected) {
    const start = told.indexOf(ids[0] ?? 'nothing was told');
    expect(start).toBeGreaterThanOrEqual(0);
    expect(ids).toEqual(told.slice(start, start + ids.length));
  }

  /** Reads some, leaves without a word, comes back with its last id; ten times. */
  async function travel(): Promise<string[]> {
    const ids: string[] = [];
    for (let trip = 1; trip <= 10; trip += 1) {
      const lastEventId = ids.at(-1);
      const stream = await listen('/campaigns/events', lastEventId === undefined ? {} : { lastEventId });
      await within(30_000, 'what happens', stream.events.count(7));
      stream.close();
      ids.push(...stream.events.all.map((event) => event.id));
    }
    return ids;
  }
});

test.each(['999999999999.0', 'x', '1', '-1.0', "1.0'; drop table outbox", '99999999999999999999.1'])(
  'a reader whose last id %j is not known is told to read the state anew, and follows from there',
  async (lastEventId) => {
    const stream = await listen('/campaigns/events', { lastEventId });
    const reset = await within(30_000, 'the reset', stream.events.first());
    expect(reset).toMatchObject({ event: 'reset', data: {} });
    const campaign = await happen(1, 1);
    await within(30_000, 'what follows', stream.first(ofCampaign(campaign)));
    expect(stream.events.all).toHaveLength(2);
    // Its id is one to go on from.
    const resumed = await listen('/campaigns/events', { lastEventId: reset.id });
    await within(30_000, 'what followed', resumed.first(ofCampaign(campaign)));
    expect(resumed.events.all).toHaveLength(1);
  },
);

test('a reader that does not read stalls nobody, and is told counts when it reads again', async () => {
  const lazy = await listen('/campaigns/events', { reads: false });
  const eager = await listen('/campaigns/events');
  const campaign = await happen(800, 50);
  const toldOf = (stream: EventStream): number =>
    stream.events.all
      .filter(ofCampaign(campaign))
      .reduce((sum, { event, data }) => sum + (event === 'summary' ? data.counts.SUCCESS : 1), 0);
  await eventually(() => expect(toldOf(eager)).toBe(40_000));
  const next = await happen(1, 1);
  await within(30_000, 'what happens next', eager.first(ofCampaign(next)));

  lazy.read();
  await within(30_000, 'what happens next', lazy.first(ofCampaign(next)));
  expect(toldOf(lazy)).toBe(40_000);
  expect(lazy.events.all.filter(({ event }) => event === 'summary')).not.toHaveLength(0);
});

test('readers that left are forgotten', async () => {
  const readers = async (): Promise<number> => Number(/^marquee_feed_readers (\d+)$/m.exec((await flow.http.get('/metrics')).text)?.[1]);
  await eventually(async () => expect(await readers()).toBe(0));
  for (let n = 0; n < 20; n += 1) await listen('/campaigns/events', { lastEventId: '1.0' });
  await eventually(async () => expect(await readers()).toBe(20));
  for (const stream of streams.splice(0)) stream.close();
  await eventually(async () => expect(await readers()).toBe(0));
});
