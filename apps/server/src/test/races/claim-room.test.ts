import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Bus, BusMessage, OutsideBus } from '../../bus/bus.js';
import { beginDeliveries } from '../../deliveries/deliveries.store.js';
import { ClaimRoom } from '../../dispatch/claim-room.js';
import { Claims } from '../../dispatch/claims.js';
import { enterProcess } from '../../store/processes.js';
import { claimMessage, PATIENT } from '../support/dispatching.js';
import { openTestStore, runningCampaign, statesOf, type TestStore } from '../support/store.js';

let store: TestStore;
let room: ClaimRoom;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());
afterEach(async () => {
  await room.stop();
  await store.sql('truncate processes, claims');
});

/** A bus that takes what the test lets it take. */
class TestBus implements Pick<OutsideBus, 'publish' | 'connected' | 'onConnectionChange'> {
  connected = true;
  readonly published: BusMessage[] = [];
  refuses = false;
  private readonly listeners: ((connected: boolean) => void)[] = [];

  publish(_: string, message: BusMessage): Promise<void> {
    if (this.refuses) return Promise.reject(new Error('the bus is away'));
    this.published.push(message);
    return Promise.resolve();
  }

  onConnectionChange(listener: (connected: boolean) => void): void {
    this.listeners.push(listener);
  }

  connect(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.listeners) listener(connected);
  }
}

const PER_WORKER = { most: 8, ofOneCampaign: 3, unbegun: 2 };

function open(bus = new TestBus()): { plain: Bus; paced: Bus } {
  const claims = new Claims(store.database, 30_000, (error) => {
    throw error;
  });
  const rateOf = (perSecond: number | null): number | undefined => perSecond ?? undefined;
  room = new ClaimRoom(store.database, bus, claims, rateOf, { ...PER_WORKER, onError: () => undefined });
  return { plain: room.lane('plain'), paced: room.lane('paced') };
}

async function workers(count: number): Promise<void> {
  for (let worker = 0; worker < count; worker += 1)
    await store.database.run(enterProcess, { id: null, roles: ['worker'], apiBaseUrl: null });
}

/** Resolves when it was looked once more for room, of which there is none. */
async function looked(lane: Bus, campaign: string): Promise<void> {
  const told = new Promise<void>((resolve) => lane.onRoom(resolve));
  if (lane.room(campaign) !== 'free') await told;
}

/** Publishes claims of it until there is enough of it; answers how many. */
async function fill(lane: Bus, { campaign, execution }: { campaign: string; execution: string }): Promise<number> {
  for (let count = 0; ; ) {
    for (; lane.room(campaign) === 'free'; count += 1) await lane.publish(await claimMessage(store, { campaign, execution }, 1));
    // A look that was under way may have counted what was published meanwhile twice.
    await looked(lane, campaign);
    await looked(lane, campaign);
    if (lane.room(campaign) === 'enough') return count;
  }
}

describe('room at an outside bus', () => {
  test('is what each worker takes, for a campaign and for all', async () => {
    await workers(2);
    const { plain } = open();
    const runs = await Promise.all(Array.from({ length: 4 }, () => runningCampaign(store, 20)));
    const took: number[] = [];
    for (const run of runs) took.push(await fill(plain, run));
    expect(took).toEqual([6, 5, 2, 1]);
    expect(runs.map(({ campaign }) => plain.room(campaign))).toEqual(['enough', 'enough', 'enough', 'enough']);
  });

  test('is none without a worker, and there as soon as one comes', async () => {
    const { plain } = open();
    const { campaign } = await runningCampaign(store, 1);
    let told = false;
    plain.onRoom(() => (told = true));
    expect(plain.room(campaign)).toBe('full');
    await expect.poll(() => told, PATIENT).toBe(true);
    expect(plain.room(campaign)).toBe('full');
    await workers(1);
    await expect.poll(() => plain.room(campaign), PATIENT).toBe('free');
  });

  test('comes back when claims end', async () => {
    await workers(1);
    const { plain } = open();
    const run = await runningCampaign(store, 20);
    expect(await fill(plain, run)).toBe(3);
    await store.sql('delete from claims where id in (select id from claims limit 1)');
    await expect.poll(() => plain.room(run.campaign), PATIENT).toBe('free');
  });

  test('is not taken by claims of campaigns that are paused', async () => {
    await workers(1);
    const { plain } = open();
    const [one, two, other] = [await runningCampaign(store, 20), await runningCampaign(store, 20), await runningCampaign(store, 20)];
    expect([await fill(plain, one), await fill(plain, two)]).toEqual([3, 2]);
    await store.sql('update campaigns set paused = true where id = any($1)', [[one.campaign, two.campaign]]);
    // There is none for it: it is looked, and those that are paused count no more.
    expect(plain.room(two.campaign)).toBe('enough');
    await looked(plain, two.campaign);
    expect(await fill(plain, other)).toBe(3);
  });

  test('of the paced lane is bounded by what nobody has begun', async () => {
    await workers(1);
    const { paced } = open();
    const run = await runningCampaign(store, 20);
    expect(await fill(paced, run)).toBe(2);
    const [claim] = await store.sql<{ id: string; delivery_ids: string[]; epoch: number }>('select id, delivery_ids, epoch from claims');
    if (claim === undefined) throw new Error('no claim');
    await store.sql('update claims set process_id = 76');
    const begin = { ...run, epoch: claim.epoch, claim: claim.id, process: 77, ids: claim.delivery_ids, sendMs: 1000 };
    expect(await store.database.run(beginDeliveries, begin)).toHaveLength(1);
    await expect.poll(() => paced.room(run.campaign), PATIENT).toBe('free');
    // Whoever began it holds it now.
    expect(await store.sql('select process_id from claims where id = $1', [claim.id])).toEqual([{ process_id: 77 }]);
  });

  test('is none while the bus is away, which says when it is back', async () => {
    await workers(1);
    const bus = new TestBus();
    const { plain } = open(bus);
    const { campaign } = await runningCampaign(store, 1);
    await expect.poll(() => plain.room(campaign), PATIENT).toBe('free');
    bus.connect(false);
    expect(plain.room(campaign)).toBe('full');
    let told = 0;
    plain.onRoom(() => (told += 1));
    bus.connect(true);
    expect(told).toBe(1);
    expect(plain.room(campaign)).toBe('free');
  });

  test('is none for a while after a publish that failed, and its claim is given back', async () => {
    await workers(1);
    const bus = new TestBus();
    const { plain } = open(bus);
    const run = await runningCampaign(store, 5);
    await expect.poll(() => plain.room(run.campaign), PATIENT).toBe('free');
    bus.refuses = true;
    await plain.publish(await claimMessage(store, run, 5));
    await expect.poll(() => statesOf(store, run.execution), PATIENT).toEqual({ PENDING: 5 });
    expect(plain.room(run.campaign)).toBe('full');
    bus.refuses = false;
    await expect.poll(() => plain.room(run.campaign), PATIENT).toBe('free');
    await plain.publish(await claimMessage(store, run, 5));
    expect(bus.published).toHaveLength(1);
  });
});
