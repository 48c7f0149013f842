import { expect } from 'vitest';
import type { BusMessage } from '../../bus/bus.js';
import { FenceKeys } from '../../campaigns/fence-keys.store.js';
import type { Channel, SendResult, StartGate } from '../../channels/channel.js';
import { claimDeliveries } from '../../deliveries/deliveries.store.js';
import { Claims } from '../../dispatch/claims.js';
import { Consumer } from '../../dispatch/consumer.js';
import { Pacer } from '../../dispatch/pacer.js';
import { systemClock } from '../../kit/clock.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import type { Fence } from '../../store/fence.js';
import type { TestCampaign, TestStore } from './store.js';

/** Claims what is due, as a dispatcher does; the message that it would publish. */
export async function claimMessage(store: TestStore, { campaign, execution }: TestCampaign, most = 100): Promise<BusMessage> {
  const claimId = newId();
  const rows = await store.database.run(claimDeliveries, { campaign, execution, claim: claimId, process: null, most, leaseMs: 30_000 });
  return { campaignId: campaign, executionId: execution, claimId, epoch: rows[0]?.epoch ?? -1, deliveryIds: rows.map((row) => row.id) };
}

export async function lockKeyOf(store: TestStore, { campaign }: TestCampaign): Promise<number> {
  const key = await new FenceKeys(store.database).of(campaign);
  if (key === undefined) throw new Error('there is no such campaign');
  return key.lockKey;
}

/** A channel whose sends do what the test says. */
export class TestChannel implements Channel {
  readonly name = 'screen';
  readonly slots = Number.POSITIVE_INFINITY;
  readonly maxAttempts = 5;
  /** Sends that have started. */
  started = 0;

  constructor(
    readonly redelivery: Channel['redelivery'],
    /** What a send does once it has started. */
    private readonly send: (id: string) => Promise<SendResult>,
    /** What it does before it asks whether it may. */
    private readonly before?: (id: string) => Promise<void>,
  ) {}

  prepare(): ReturnType<Channel['prepare']> {
    return Promise.resolve(async ({ id }: { id: string }, mayStart: StartGate) => {
      await this.before?.(id);
      if (!mayStart()) return { outcome: 'NOT_STARTED' };
      this.started += 1;
      return await this.send(id);
    });
  }
}

export function consumerOf(store: TestStore, channel: Channel, fence: Fence): Consumer {
  return new Consumer(
    store.database,
    fence,
    new FenceKeys(store.database),
    new Claims(store.database, 30_000, (error) => {
      throw error;
    }),
    new Map([[channel.name, channel]]),
    new Pacer(store.database, systemClock, new Map()),
    { process: null, sendMs: 20_000, firstOfferMs: 10_000 },
    { stale: () => undefined, sent: () => undefined },
    silentLog,
  );
}

/** A promise that the test resolves. */
export function signal(): { given: Promise<void>; give: () => void } {
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

/**
 * How many sessions of the database wait for a campaign's lock, or for a row. Of other locks nothing is to be concluded: a commit
 * that notifies waits for those of the whole server. From pg_locks alone: in a transaction pg_stat_activity does not change.
 */
export async function countWaiting(store: TestStore, what: 'campaign' | 'row'): Promise<number> {
  const kinds = what === 'campaign' ? ['advisory'] : ['transactionid', 'tuple'];
  const rows = await store.sql(
    `select from pg_locks w where not w.granted and w.locktype = any($1) and exists (
       select from pg_locks o where o.pid = w.pid and o.database = (select oid from pg_database where datname = current_database()))`,
    [kinds],
  );
  return rows.length;
}

/** For what comes by itself, soon; a loaded machine takes its time. */
export const PATIENT = { timeout: 30_000 };

/** Resolves when so many sessions wait for a campaign's lock. */
export async function waitForWaiters(store: TestStore, count = 1): Promise<void> {
  await expect.poll(() => countWaiting(store, 'campaign'), PATIENT).toBeGreaterThanOrEqual(count);
}
