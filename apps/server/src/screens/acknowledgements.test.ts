import { randomUUID } from 'node:crypto';
import { deviceTopic, type ScreenEvent, type ScreenEventType } from '@marquee/contracts';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../store/database.js';
import { createAcknowledgements } from '../test/support/acknowledgements.js';
import { countsOf, openTestStore, runningCampaign, type TestCampaign, type TestStore } from '../test/support/store.js';
import type { Acknowledgements } from './acknowledgements.js';
import { Screens } from './screens.service.js';

const SCREENS = 3000;
let store: TestStore;
let live: TestCampaign;
let cancelled: TestCampaign;
let free = 0;

beforeAll(async () => {
  store = await openTestStore();
  live = await runningCampaign(store, SCREENS);
  cancelled = await runningCampaign(store, SCREENS, 'cancelled');
  for (const { execution } of [live, cancelled]) {
    await store.sql(
      `update deliveries set status = 'SUCCESS', next_attempt_at = null, attempt = 1, settled_at = now(), next_offer_at = now() where execution_id = $1`,
      [execution],
    );
  }
  await store.sql(`update deliveries set next_offer_at = null, next_revoke_at = now() where execution_id = $1`, [cancelled.execution]);
  await store.sql(`update devices set status = 'online'`);
});
afterAll(() => store.close());

function intake(
  database: Database = store.database,
  registerWaiting = async (): Promise<void> => undefined,
): { acknowledgements: Acknowledgements; metrics: string[] } {
  const metrics: string[] = [];
  const acknowledgements = createAcknowledgements(database, {
    registerWaiting,
    onEvent: (type, result) => metrics.push(`${type} ${result}`),
  });
  return { acknowledgements, metrics };
}

function takeEvent(acknowledgements: Acknowledgements, event: ScreenEvent): Promise<void> {
  return acknowledgements.take(deviceTopic(event.deviceId, 'acks'), Buffer.from(JSON.stringify(event)));
}

/** A screen that has said nothing yet. */
function freshScreen(): string {
  free += 1;
  return `s-${String(free).padStart(5, '0')}`;
}

interface Said {
  eventType: ScreenEventType;
  timestamp: number;
  payload?: Record<string, unknown>;
}

/** What one screen says of one campaign in a life with trouble, by its own clock; some in the same millisecond. */
const LIFE: Said[] = [
  { eventType: 'ERROR', timestamp: 1000, payload: { reason: 'no route' } },
  { eventType: 'ERROR', timestamp: 2000, payload: { reason: 'disk full' } },
  { eventType: 'ERROR', timestamp: 2000, payload: { reason: 'and slow' } },
  { eventType: 'INSTALL_ACK', timestamp: 3000, payload: { missing: ['a'] } },
  { eventType: 'INSTALL_ACK', timestamp: 4000 },
  { eventType: 'DISPLAY_START', timestamp: 5000 },
  { eventType: 'PLAY_LOG', timestamp: 5500, payload: { plays: 3 } },
  { eventType: 'DISPLAY_COMPLETE', timestamp: 6000 },
  { eventType: 'DISPLAY_START', timestamp: 6000 },
  { eventType: 'DISPLAY_START', timestamp: 7000 },
  { eventType: 'REVOKE_ACK', timestamp: 8000 },
];

/** The delivery row without what says when the server heard of it. */
async function rowOf(execution: string, deviceId: string): Promise<Record<string, unknown>> {
  const [row] = await store.sql(
    `select status, acknowledged_at is not null as acknowledged, acknowledged_version, install_error, missing_assets, on_air, display_at,
            next_offer_at is not null and acknowledged_at is null as offered, next_revoke_at is not null as revoking, revoke_acked_at is not null as revoked
     from deliveries where execution_id = $1 and recipient = $2`,
    [execution, deviceId],
  );
  return row ?? {};
}

/** Says groups of events one after another, the events of a group at once; answers what became of the delivery. */
async function told(run: TestCampaign, groups: Said[][]): Promise<Record<string, unknown>> {
  const { acknowledgements } = intake();
  const deviceId = freshScreen();
  const ids = new Map<Said, string>();
  const eventOf = (said: Said): ScreenEvent => {
    const eventId = ids.get(said) ?? randomUUID();
    ids.set(said, eventId);
    return { eventId, deviceId, campaignId: run.campaign, version: 1, ...said };
  };
  for (const group of groups) await Promise.all(group.map((said) => takeEvent(acknowledgements, eventOf(said))));
  const [stored] = await store.sql<{ n: string }>('select count(*) as n from delivery_events where device_id = $1', [deviceId]);
  expect(Number(stored?.n)).toBe(ids.size);
  const { nowPlaying } = await new Screens(store.database).get(deviceId);
  return { ...(await rowOf(run.execution, deviceId)), nowPlaying: nowPlaying?.campaignId === run.campaign };
}

/** Some of the life, each event once to three times, in any order, parted into batches anywhere. */
const anyTelling = fc.subarray(LIFE, { minLength: 1 }).chain((events) =>
  fc
    .array(fc.constantFrom(...events), { maxLength: events.length })
    .chain((doubles) => fc.shuffledSubarray([...events, ...doubles], { minLength: events.length + doubles.length }))
    .chain((order) =>
      fc.array(fc.boolean(), { minLength: order.length, maxLength: order.length }).map((cuts) => ({ events, groups: parted(order, cuts) })),
    ),
);

function parted(order: Said[], cuts: boolean[]): Said[][] {
  const groups: Said[][] = [[]];
  for (const [index, said] of order.entries()) {
    if (cuts[index] === true) groups.push([]);
    groups.at(-1)?.push(said);
  }
  return groups.filter((group) => group.length > 0);
}

describe.each([
  ['a live campaign', () => live],
  ['a cancelled campaign', () => cancelled],
])('the events of %s', (_, run) => {
  test('end in the same state in any order, doubled or not, in any batches', async () => {
    await fc.assert(
      fc.asyncProperty(anyTelling, async ({ events, groups }) => {
        const inOrder = await told(
          run(),
          events.map((event) => [event]),
        );
        expect(await told(run(), groups)).toEqual(inOrder);
      }),
      { numRuns: 60 },
    );
    await expectCountsKept(run());
  });
});

/** The kept counts are what the rows say. */
async function expectCountsKept({ execution }: TestCampaign): Promise<void> {
  const [row] = await store.sql(
    `select count(acknowledged_at)::int as acknowledged, count(install_error)::int as "failedInstall",
            (count(*) filter (where on_air))::int as "onAir", count(revoke_acked_at)::int as revoked
     from deliveries where execution_id = $1`,
    [execution],
  );
  expect({ acknowledged: 0, failedInstall: 0, onAir: 0, revoked: 0, ...(await countsOf(store, execution)) }).toMatchObject(row ?? {});
}

test('the whole life, in order, ends as a person would say', async () => {
  const inOrder = LIFE.map((event) => [event]);
  expect(await told(live, inOrder)).toMatchObject({
    acknowledged: true,
    install_error: null,
    missing_assets: false,
    on_air: true,
    offered: false,
    nowPlaying: true,
  });
  expect(await told(cancelled, inOrder)).toMatchObject({ on_air: false, revoked: true, revoking: false, nowPlaying: false });
  expect(await told(live, inOrder.slice(0, 3))).toMatchObject({ acknowledged: false, install_error: 'and slow', offered: true });
  expect(await told(live, inOrder.slice(0, 4))).toMatchObject({ acknowledged: true, missing_assets: true });
});

test('a screen whose clock was years ahead is believed when it is put right', async () => {
  const now = Date.now();
  const ahead = now + 10 * 365 * 86_400_000;
  const onAir = await told(live, [
    [
      { eventType: 'INSTALL_ACK', timestamp: ahead, payload: { missing: ['a'] } },
      { eventType: 'DISPLAY_COMPLETE', timestamp: ahead + 1 },
      { eventType: 'DISPLAY_START', timestamp: ahead + 2 },
    ],
  ]);
  expect(onAir).toMatchObject({ on_air: true, missing_assets: true, nowPlaying: true });
  const put = await told(live, [
    [{ eventType: 'DISPLAY_START', timestamp: ahead }],
    [{ eventType: 'INSTALL_ACK', timestamp: ahead, payload: { missing: ['a'] } }],
    // The server's clock has gone on by then.
    [{ eventType: 'DISPLAY_COMPLETE', timestamp: now + 5000 }],
    [{ eventType: 'INSTALL_ACK', timestamp: now + 5000 }],
  ]);
  expect(put).toMatchObject({ on_air: false, missing_assets: false, nowPlaying: false });
});

test('what cannot be stored hurts none of its batch', async () => {
  const { acknowledgements, metrics } = intake();
  const good = Array.from({ length: 20 }, () => {
    const deviceId = freshScreen();
    return { eventId: randomUUID(), eventType: 'INSTALL_ACK', deviceId, campaignId: live.campaign, version: 1, timestamp: 1 } as const;
  });
  const bad: [string, string][] = [
    ['acks of nobody', JSON.stringify({ ...good[0], eventId: randomUUID(), deviceId: 'nobody' })],
    ['an unknown campaign', JSON.stringify({ ...good[0], eventId: randomUUID(), campaignId: randomUUID() })],
    ['another device than the topic’s', JSON.stringify({ ...good[0], eventId: randomUUID(), deviceId: 's-00001x' })],
    ['a bad uuid', JSON.stringify({ ...good[0], eventId: 'x' })],
    ['NUL', JSON.stringify({ ...good[0], eventId: randomUUID(), payload: { a: 'b\u0000' } })],
    ['no JSON', '{'],
  ];
  const topics = bad.map(([what, payload]): [string, Buffer] => [
    deviceTopic(what === 'acks of nobody' ? 'nobody' : (good[0]?.deviceId ?? ''), 'acks'),
    Buffer.from(payload),
  ]);
  await Promise.all([
    ...good.map((event) => takeEvent(acknowledgements, event)),
    ...topics.map(([topic, payload]) => acknowledgements.take(topic, payload)),
  ]);
  const stored = await store.sql('select from delivery_events where event_id = any($1)', [good.map((event) => event.eventId)]);
  expect(stored).toHaveLength(good.length);
  expect(metrics.filter((each) => each === 'INSTALL_ACK stored')).toHaveLength(good.length);
  expect(metrics.filter((each) => each === 'unknown malformed')).toHaveLength(4);
});

test('an event that overtakes its screen’s first status is stored, for it is looked at again when that is written', async () => {
  const registered: string[] = [];
  const { acknowledgements, metrics } = intake(store.database, async () => {
    await store.sql(`insert into devices (device_id) values ('overtaken') on conflict do nothing`);
    registered.push('overtaken');
  });
  const event = { eventId: randomUUID(), eventType: 'PLAY_LOG', campaignId: live.campaign, version: 1, timestamp: 1 } as const;
  await takeEvent(acknowledgements, { ...event, deviceId: 'overtaken' });
  expect(await store.sql('select from delivery_events where event_id = $1', [event.eventId])).toHaveLength(1);
  expect(metrics).toEqual(['PLAY_LOG stored']);
  // A doubled event asks for nothing.
  await takeEvent(acknowledgements, { ...event, deviceId: 'overtaken' });
  expect(registered).toHaveLength(1);
});
