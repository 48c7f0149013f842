import { randomUUID } from 'node:crypto';
import { deviceTopic, type ScreenEvent, type ScreenEventType } from '@marquee/contracts';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reofferDeliveries } from '../creatives/creatives.store.js';
import { createAcknowledgements } from '../test/support/acknowledgements.js';
import { countsOf, openTestStore, runningCampaign, type TestCampaign, type TestStore } from '../test/support/store.js';

const SCREEN = 's-00001';
let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

interface Said {
  eventType: ScreenEventType;
  version: number;
  timestamp: number;
  payload?: Record<string, unknown>;
}

/** What a screen says of a campaign that is edited meanwhile, by its own clock; some of the older version after the newer. */
const LIFE: Said[] = [
  { eventType: 'ERROR', version: 1, timestamp: 1000, payload: { reason: 'no route' } },
  { eventType: 'INSTALL_ACK', version: 1, timestamp: 3000, payload: { missing: ['a'] } },
  { eventType: 'DISPLAY_START', version: 1, timestamp: 3500 },
  { eventType: 'ERROR', version: 2, timestamp: 4000, payload: { reason: 'disk full' } },
  { eventType: 'INSTALL_ACK', version: 2, timestamp: 5000, payload: { missing: ['b'] } },
  { eventType: 'INSTALL_ACK', version: 2, timestamp: 6000 },
  { eventType: 'INSTALL_ACK', version: 1, timestamp: 8000 },
  { eventType: 'INSTALL_ACK', version: 1, timestamp: 8000, payload: { missing: ['a'] } },
  { eventType: 'ERROR', version: 1, timestamp: 9000, payload: { reason: 'of the old one' } },
];
const LIVE = 'version 2 goes live';
type Step = Said[] | typeof LIVE;

/** A campaign that one screen was handed and has not answered. */
async function handedOver(): Promise<TestCampaign> {
  const run = await runningCampaign(store, 1, 'active');
  await store.sql(
    `update deliveries set status = 'SUCCESS', next_attempt_at = null, attempt = 1, settled_at = now() where execution_id = $1`,
    [run.execution],
  );
  return run;
}

/** Lets it happen step by step, the events of a step at once; answers what became of the delivery, without when the server heard of it. */
async function after(steps: Step[]): Promise<Record<string, unknown>> {
  const run = await handedOver();
  const acknowledgements = createAcknowledgements(store.database);
  const ids = new Map<Said, string>();
  const take = (said: Said): Promise<void> => {
    const eventId = ids.get(said) ?? randomUUID();
    ids.set(said, eventId);
    const event: ScreenEvent = { eventId, deviceId: SCREEN, campaignId: run.campaign, ...said };
    return acknowledgements.take(deviceTopic(SCREEN, 'acks'), Buffer.from(JSON.stringify(event)));
  };
  for (const step of steps) {
    if (step === LIVE) await goLive(run);
    else await Promise.all(step.map(take));
  }
  const [stored] = await store.sql<{ n: number }>('select count(*)::int as n from delivery_events where campaign_id = $1', [run.campaign]);
  expect(stored?.n).toBe(ids.size);
  const [row] = await store.sql(
    `select acknowledged_at is not null as acknowledged, acknowledged_version, installed_at, install_error, install_error_at, missing_assets, on_air,
            next_offer_at is not null and acknowledged_at is null as offered, version
     from deliveries where execution_id = $1`,
    [run.execution],
  );
  const { acknowledged = 0, failedInstall = 0 } = await countsOf(store, run.execution);
  expect({ acknowledged, failedInstall }, 'the kept counts').toEqual({
    acknowledged: Number(row?.['acknowledged']),
    failedInstall: Number(row?.['install_error'] !== null),
  });
  return row ?? {};
}

async function goLive({ campaign }: TestCampaign): Promise<void> {
  await store.database.transaction(async (transaction) => {
    await store.sql('update campaigns set version = 2, live_version = 2 where id = $1', [campaign]);
    await transaction.run(reofferDeliveries, { ids: [campaign] });
  });
}

/** Some of the life, each event once to three times, in any order, parted into batches anywhere; no word of version 2 before it went live. */
const anyTelling = fc.subarray(LIFE, { minLength: 1 }).chain((events) =>
  fc
    .array(fc.constantFrom(...events), { maxLength: events.length })
    .chain((doubles) => fc.shuffledSubarray([...events, ...doubles], { minLength: events.length + doubles.length }))
    .chain((order) => {
      const newer = order.findIndex(({ version }) => version === 2);
      return fc
        .record({
          cuts: fc.array(fc.boolean(), { minLength: order.length, maxLength: order.length }),
          at: fc.nat(newer < 0 ? order.length : newer),
        })
        .map(({ cuts, at }) => ({
          events,
          steps: [...parted(order.slice(0, at), cuts), LIVE, ...parted(order.slice(at), cuts)] as Step[],
        }));
    }),
);

function parted(order: Said[], cuts: boolean[]): Said[][] {
  const groups: Said[][] = [[]];
  for (const [index, said] of order.entries()) {
    if (cuts[index] === true) groups.push([]);
    groups.at(-1)?.push(said);
  }
  return groups.filter((group) => group.length > 0);
}

test('the events of an edited campaign end in the same state in any order, before and after the new version went live', async () => {
  await fc.assert(
    fc.asyncProperty(anyTelling, async ({ events, steps }) => {
      expect(await after(steps)).toEqual(await after([LIVE, ...events.map((event) => [event])]));
    }),
    { numRuns: 100 },
  );
});

test('each version’s acknowledgement counts for that version alone', async () => {
  const said = (part: Partial<Said>): Said[] =>
    LIFE.filter((each) => Object.entries(part).every(([key, value]) => each[key as keyof Said] === value));
  const first = said({ version: 1, timestamp: 3000 });
  const second = said({ version: 2, timestamp: 6000 });
  expect(await after([first])).toMatchObject({ acknowledged: true, acknowledged_version: 1, missing_assets: true });
  expect(await after([first, LIVE])).toMatchObject({ acknowledged: false, acknowledged_version: 1, offered: true, version: 2 });
  expect(await after([LIVE, first])).toMatchObject({ acknowledged: false, acknowledged_version: 1, offered: true });
  expect(await after([first, LIVE, second])).toMatchObject({ acknowledged: true, acknowledged_version: 2, missing_assets: false });
  expect(await after([LIVE, second, first])).toMatchObject({ acknowledged: true, acknowledged_version: 2, missing_assets: false });
  const trouble = said({ version: 2, eventType: 'ERROR' });
  expect(await after([LIVE, trouble, first])).toMatchObject({ install_error: 'disk full', acknowledged: false });
  expect(await after([LIVE, said({ version: 1, timestamp: 9000 })])).toMatchObject({ install_error: null });
});

test('an acknowledgement of a version that there is not counts for the one there is, and for no later one', async () => {
  const boast: Said[] = [{ eventType: 'INSTALL_ACK', version: 2_000_000_000, timestamp: 3000 }];
  expect(await after([boast])).toMatchObject({ acknowledged: true, acknowledged_version: 1 });
  expect(await after([boast, LIVE])).toMatchObject({ acknowledged: false, acknowledged_version: 1, offered: true });
});

test('a screen that was handed the older version while the newer went live says so by its acknowledgement, and is offered the newer', async () => {
  const run = await handedOver();
  // It was being sent: no offer could be planned then.
  await goLive(run);
  await store.sql('update deliveries set next_offer_at = null where execution_id = $1', [run.execution]);
  const acknowledgements = createAcknowledgements(store.database);
  const event = { eventId: randomUUID(), eventType: 'INSTALL_ACK', deviceId: SCREEN, campaignId: run.campaign, version: 1, timestamp: 1 };
  await acknowledgements.take(deviceTopic(SCREEN, 'acks'), Buffer.from(JSON.stringify(event)));
  const rows = await store.sql('select from deliveries where execution_id = $1 and next_offer_at <= now()', [run.execution]);
  expect(rows).toHaveLength(1);
});
