import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { LocalBus } from '../../bus/local-bus.js';
import { FenceKeys } from '../../campaigns/fence-keys.store.js';
import type { Channel } from '../../channels/channel.js';
import { Claims } from '../../dispatch/claims.js';
import { Consumer } from '../../dispatch/consumer.js';
import { Dispatcher } from '../../dispatch/dispatcher.js';
import { Pacer } from '../../dispatch/pacer.js';
import { systemClock } from '../../kit/clock.js';
import { silentLog } from '../../kit/log.js';
import { eventually } from '../support/eventually.js';
import { mostWithin } from '../support/rates.js';
import { openTestStore, runningCampaign, statesOf, type TestStore } from '../support/store.js';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

/** What processes have in common. */
interface Team {
  starts: number[];
  channelRate?: number;
}

const working: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of working.splice(0)) await stop();
});

function unexpected(error: unknown): never {
  throw error;
}

/** A worker as every process has one, on a channel that notes when its sends start. */
function work({ starts, channelRate }: Team): Dispatcher {
  const channel: Channel = {
    name: 'screen',
    redelivery: 'safe',
    slots: Number.POSITIVE_INFINITY,
    maxAttempts: 5,
    prepare: () =>
      Promise.resolve((_delivery, mayStart) => {
        const now = performance.now();
        if (!mayStart()) return Promise.resolve({ outcome: 'NOT_STARTED' as const });
        starts.push(now);
        return Promise.resolve({ outcome: 'SUCCESS' as const });
      }),
  };
  const claims = new Claims(store.database, 30_000, unexpected);
  const pacer = new Pacer(store.database, systemClock, new Map(channelRate === undefined ? [] : [['screen', channelRate]]));
  const consumer = new Consumer(
    store.database,
    store.fence(),
    new FenceKeys(store.database),
    claims,
    new Map([['screen', channel]]),
    pacer,
    { process: null, sendMs: 20_000, firstOfferMs: 10_000 },
    { stale: () => undefined, sent: () => undefined },
    silentLog,
  );
  const bus = (): LocalBus => new LocalBus({ ofOneCampaign: 3, most: 64, onError: unexpected });
  const buses = { plain: bus(), paced: bus() };
  for (const each of [buses.plain, buses.paced]) each.subscribe((message, started) => consumer.consume(message, started));
  const options = { process: null, batch: 500, leaseMs: 30_000, pollMs: 200, onError: unexpected };
  const dispatcher = new Dispatcher(store.database, buses, (own, name) => pacer.rateOf(own, name), claims, options);
  dispatcher.start();
  working.push(async () => {
    await dispatcher.stop();
    consumer.hurry();
    await Promise.all([buses.plain.stop(), buses.paced.stop()]);
  });
  return dispatcher;
}

async function campaignAt(perSecond: number | null, deliveries: number): Promise<string> {
  const { campaign, execution } = await runningCampaign(store, deliveries);
  await store.sql('update campaigns set rate_per_second = $2 where id = $1', [campaign, perSecond]);
  return execution;
}

test.each([
  [100, 400],
  [500, 2000],
])('two workers together keep a rate of %i a second', async (perSecond, deliveries) => {
  const execution = await campaignAt(perSecond, deliveries);
  const team: Team = { starts: [] };
  work(team);
  work(team);
  await eventually(async () => expect(await statesOf(store, execution)).toEqual({ SUCCESS: deliveries }));
  const starts = team.starts.sort((a, b) => a - b);
  expect(mostWithin(starts, 1000)).toBeLessThanOrEqual(perSecond);
});
