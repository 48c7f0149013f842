import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Bus, BusMessage } from '../../bus/bus.js';
import { FenceKeys } from '../../campaigns/fence-keys.store.js';
import type { Channel, Send } from '../../channels/channel.js';
import { beginDeliveries, claimDeliveries, expireLeases, rescueDeliveries, settleDeliveries } from '../../deliveries/deliveries.store.js';
import { Claims } from '../../dispatch/claims.js';
import { Consumer } from '../../dispatch/consumer.js';
import { Converger } from '../../dispatch/converger.js';
import { Dispatcher } from '../../dispatch/dispatcher.js';
import { Pacer } from '../../dispatch/pacer.js';
import { systemClock } from '../../kit/clock.js';
import { newId } from '../../kit/ids.js';
import { silentLog } from '../../kit/log.js';
import { Database } from '../../store/database.js';
import { Members } from '../../store/members.js';
import { enterProcess, forgetDeadProcesses, PROCESS_LOCK } from '../../store/processes.js';
import { createAcknowledgements } from '../support/acknowledgements.js';
import { eventually } from '../support/eventually.js';
import { Gate } from '../support/gate.js';
import { countsOf, openTestStore, runningCampaign, statesOf, type TestCampaign, type TestStore } from '../support/store.js';

const LEASE_MS = 30_000;

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

async function claim({ campaign, execution }: TestCampaign, process: number | null = null): Promise<BusMessage> {
  const claimId = newId();
  const rows = await store.database.run(claimDeliveries, {
    campaign,
    execution,
    claim: claimId,
    process,
    most: 100,
    leaseMs: LEASE_MS,
  });
  return { campaignId: campaign, executionId: execution, claimId, epoch: 0, deliveryIds: rows.map((row) => row.id) };
}

function begin({ campaignId: campaign, executionId: execution, claimId, epoch, deliveryIds: ids }: BusMessage) {
  return store.database.run(beginDeliveries, { campaign, execution, claim: claimId, process: null, epoch, ids, sendMs: 20_000 });
}

/** A turn of the rescuer. */
async function rescue(safeChannels = ['screen']): Promise<void> {
  await store.database.run(rescueDeliveries, { most: 100, safeChannels });
}

async function isHeld(claimId: string): Promise<boolean> {
  const [row] = await store.sql<{ held: boolean }>('select lease_until > now() as held from claims where id = $1', [claimId]);
  return row?.held === true;
}

/** The database by a door that the test shuts. */
async function behindGate(): Promise<{ gate: Gate; database: Database; close: () => Promise<void> }> {
  const url = new URL(store.url);
  const gate = await Gate.before(url.hostname, Number(url.port));
  url.port = String(gate.port);
  const database = new Database({ url: url.href, poolSize: 1, log: silentLog });
  return {
    gate,
    database,
    close: async () => {
      await database.close();
      await gate.shut();
    },
  };
}

/** Refusals that no test expects. */
const refusals: unknown[] = [];
const unexpected = (error: unknown): void => void refusals.push(error);
afterEach(() => expect(refusals).toEqual([]));

describe('a claim that is given back', () => {
  test('is taken by the next at once, not when its lease has run out', async () => {
    const run = await runningCampaign(store, 3);
    const { claimId } = await claim(run);
    await rescue();
    expect(await statesOf(store, run.execution)).toEqual({ IN_PROGRESS: 3 });
    await new Claims(store.database, LEASE_MS, unexpected).giveBack(claimId);
    expect(await statesOf(store, run.execution)).toEqual({ PENDING: 3 });
    expect(await countsOf(store, run.execution)).toEqual({ PENDING: 3 });
    expect(await isHeld(claimId)).toBe(false);
    expect((await claim(run)).deliveryIds).toHaveLength(3);
  });

  test('before it was committed, by one that lost its connection, is given back once it is', async () => {
    const run = await runningCampaign(store, 3);
    const claims = new Claims(store.database, LEASE_MS, unexpected);
    const claimId = await store.database.transaction(async (transaction) => {
      const claimed = newId();
      const { campaign, execution } = run;
      await transaction.run(claimDeliveries, { campaign, execution, claim: claimed, process: null, most: 100, leaseMs: LEASE_MS });
      await claims.giveBackLost(claimed);
      return claimed;
    });
    await eventually(async () => expect(await isHeld(claimId)).toBe(false));
    expect(await countsOf(store, run.execution)).toEqual({ PENDING: 3 });
    claims.stop();
  });

  test('keeps what is being sent, and the lease of that', async () => {
    const run = await runningCampaign(store, 3);
    const message = await claim(run);
    const [first] = message.deliveryIds;
    await begin({ ...message, deliveryIds: [first ?? ''] });
    await new Claims(store.database, LEASE_MS, unexpected).giveBack(message.claimId);
    await rescue();
    expect(await statesOf(store, run.execution)).toEqual({ SENDING: 1, PENDING: 2 });
    expect(await isHeld(message.claimId)).toBe(true);
    expect(await begin(message)).toEqual([]);
  });

  test('while the database is away is given back when it is there again', async () => {
    const { claimId } = await claim(await runningCampaign(store, 1));
    const { gate, database, close } = await behindGate();
    await gate.shut();
    const claims = new Claims(database, LEASE_MS, unexpected);
    void claims.giveBack(claimId);
    await expect(database.run(expireLeases, {})).rejects.toThrow();
    await gate.open();
    await eventually(async () => expect(await isHeld(claimId)).toBe(false));
    claims.stop();
    await close();
  });

  test('and is refused by a database that is there is told of', async () => {
    const told: unknown[] = [];
    await new Claims(store.database, LEASE_MS, (error) => told.push(error)).giveBack('no uuid');
    expect(told).toMatchObject([{ message: expect.stringContaining('no uuid') as string }]);
  });

  test.each([
    ['the process has stopped', LEASE_MS, true],
    ['its lease would have run out', 0, false],
  ])('is left to its lease when %s meanwhile', async (_, leaseMs, stops) => {
    const { claimId } = await claim(await runningCampaign(store, 1));
    const { gate, database, close } = await behindGate();
    await gate.shut();
    const claims = new Claims(database, leaseMs, unexpected);
    void claims.giveBack(claimId);
    await expect(database.run(expireLeases, {})).rejects.toThrow();
    if (stops) claims.stop();
    await gate.open();
    // Longer than the longest pause between two tries.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await isHeld(claimId)).toBe(true);
    await close();
  });
});

describe('who cannot go on', () => {
  function consumer(prepare: Channel['prepare'], { slots = Number.POSITIVE_INFINITY } = {}): Consumer {
    const channel: Channel = { name: 'screen', redelivery: 'safe', slots, maxAttempts: 5, prepare };
    const metrics = { stale: () => undefined, sent: () => undefined };
    const options = { process: null, sendMs: 20_000, firstOfferMs: 10_000 };
    return new Consumer(
      store.database,
      store.fence(),
      new FenceKeys(store.database),
      new Claims(store.database, LEASE_MS, unexpected),
      new Map([['screen', channel]]),
      new Pacer(store.database, systemClock, new Map()),
      options,
      metrics,
      silentLog,
    );
  }

  test('before anything is begun gives the claim back', async () => {
    const message = await claim(await runningCampaign(store, 2));
    const broken = consumer(() => Promise.reject(new Error('no manifest')));
    await expect(broken.consume(message)).rejects.toThrow('no manifest');
    await eventually(async () => expect(await isHeld(message.claimId)).toBe(false));
  });

  test('after it has begun leaves that to its lease: something may have been sent', async () => {
    const run = await runningCampaign(store, 2);
    const message = await claim(run);
    const broken = consumer(() =>
      Promise.resolve(() => {
        throw new Error('a mistake in a channel');
      }),
    );
    await expect(broken.consume(message)).rejects.toThrow('a mistake');
    await rescue();
    expect(await statesOf(store, run.execution)).toEqual({ SENDING: 2 });
    expect(await isHeld(message.claimId)).toBe(true);
  });

  test('because there is nothing to send gives the claim back, to be asked about again after a while', async () => {
    const run = await runningCampaign(store, 2);
    const message = await claim(run);
    await consumer(() => Promise.resolve(undefined)).consume(message);
    expect(await statesOf(store, run.execution)).toEqual({ PENDING: 2 });
    expect(await isHeld(message.claimId)).toBe(false);
    expect((await claim(run)).deliveryIds).toEqual([]);
  });

  test('because its process ends settles what it has begun and gives back the rest', async () => {
    const run = await runningCampaign(store, 5);
    const message = await claim(run);
    let end: () => void = () => undefined;
    const sent: string[] = [];
    const ending = consumer(
      () =>
        Promise.resolve(async ({ id }, mayStart) => {
          mayStart();
          sent.push(id);
          await new Promise<void>((resolve) => (end = resolve));
          return { outcome: 'SUCCESS' };
        }),
      { slots: 1 },
    );
    const consumed = ending.consume(message);
    await eventually(() => expect(sent).toHaveLength(1));
    ending.hurry();
    end();
    await consumed;
    expect(sent).toHaveLength(1);
    expect(await statesOf(store, run.execution)).toEqual({ SUCCESS: 1, PENDING: 4 });
    expect((await claim(run)).deliveryIds).toHaveLength(4);
  });

  test('to hand a claim to the bus gives it back', async () => {
    const run = await runningCampaign(store, 2);
    const bus: Bus = {
      room: () => 'free',
      onRoom: () => undefined,
      publish: () => Promise.reject(new Error('the bus is away')),
    };
    class Stepped extends Dispatcher {
      step(): Promise<number> {
        return this.turn();
      }
    }
    const claims = new Claims(store.database, LEASE_MS, unexpected);
    const options = { process: null, batch: 100, leaseMs: LEASE_MS, pollMs: 1000, onError: () => undefined };
    await expect(new Stepped(store.database, { plain: bus, paced: bus }, () => undefined, claims, options).step()).rejects.toThrow(
      'the bus is away',
    );
    await eventually(async () => {
      await rescue();
      expect(await statesOf(store, run.execution)).toEqual({ PENDING: 2 });
    });
  });
});

describe('the claims of a process', () => {
  const look = async (afterStartMs = 0): Promise<number> => {
    const [dead] = await store.database.run(forgetDeadProcesses, { graceMs: 0, afterStartMs });
    return dead?.forgotten ?? 0;
  };
  const enter = async (): Promise<number> => {
    const [entered] = await store.database.run(enterProcess, { id: null, roles: ['worker'], apiBaseUrl: null });
    return entered?.id ?? 0;
  };

  test('that is gone without a word come back long before their lease has run out; those of the living stay', async () => {
    const members = new Members(store.database, { roles: ['worker'], apiBaseUrl: undefined }, silentLog);
    await members.enter(() => Promise.resolve());
    const [living, dead] = [await runningCampaign(store, 1), await runningCampaign(store, 2)];
    const kept = await claim(living, members.id);
    await claim(dead, await enter());
    expect([await look(), await look(), await look()]).toEqual([0, 1, 0]);
    await rescue();
    expect(await statesOf(store, dead.execution)).toEqual({ PENDING: 2 });
    expect(await isHeld(kept.claimId)).toBe(true);
    await members.stop();
    expect(await store.sql('select from processes')).toEqual([]);
  });

  test('that was missed and is back stay', async () => {
    const process = await enter();
    const { claimId } = await claim(await runningCampaign(store, 1), process);
    expect(await look()).toBe(0);
    await store.database.withClient(async (client) => {
      await client.query('select pg_advisory_lock($1, $2)', [PROCESS_LOCK, process]);
      expect([await look(), await look()]).toEqual([0, 0]);
      await client.query('select pg_advisory_unlock_all()');
    });
    expect(await isHeld(claimId)).toBe(true);
    expect([await look(), await look()]).toEqual([0, 1]);
  });

  test('stay when the database was started a moment ago: it knows nobody yet', async () => {
    const { claimId } = await claim(await runningCampaign(store, 1), await enter());
    const aDay = 86_400_000;
    expect([await look(aDay), await look(aDay)]).toEqual([0, 0]);
    expect(await isHeld(claimId)).toBe(true);
    expect([await look(), await look()]).toEqual([0, 1]);
  });
});

describe('a send that ended without a word', () => {
  test.each([
    ['safe', ['screen'], 'PENDING'],
    ['unsafe', [], 'UNKNOWN'],
  ])('has arrived where the channel is %s and the screen has answered, and is in doubt elsewhere', async (_, safeChannels, otherwise) => {
    const run = await runningCampaign(store, 2);
    await begin(await claim(run));
    const said = {
      eventId: newId(),
      eventType: 'INSTALL_ACK',
      deviceId: 's-00001',
      campaignId: run.campaign,
      version: 1,
      timestamp: Date.now(),
    };
    await createAcknowledgements(store.database).take('devices/s-00001/acks', Buffer.from(JSON.stringify(said)));
    await store.database.run(expireLeases, {});
    await rescue(safeChannels);
    expect(
      await store.sql(
        'select recipient, status, doubt, last_error, settled_at is not null as settled from deliveries where execution_id = $1 order by recipient',
        [run.execution],
      ),
    ).toEqual([
      { recipient: 's-00001', status: 'SUCCESS', doubt: false, last_error: null, settled: true },
      { recipient: 's-00002', status: otherwise, doubt: true, last_error: expect.stringContaining('ended'), settled: false },
    ]);
    expect(await countsOf(store, run.execution)).toEqual({ SUCCESS: 1, [otherwise]: 1, acknowledged: 1 });
    expect(await store.sql('select from deliveries where execution_id = $1 and next_attempt_at is not null', [run.execution])).toHaveLength(
      otherwise === 'PENDING' ? 1 : 0,
    );
  });
});

test('an offer is read after its row was taken: an edit in between is offered, or makes the row due again', async () => {
  const run = await runningCampaign(store, 1);
  const message = await claim(run);
  const [begun] = await begin(message);
  await store.database.run(settleDeliveries, {
    ...run,
    epoch: 0,
    claim: message.claimId,
    claims: [message.claimId],
    begunAt: [Date.now()],
    sentAt: [Date.now()],
    ids: [begun?.id ?? ''],
    attempts: [1],
    outcomes: ['SUCCESS'],
    reasons: [null],
    delaysMs: [0],
    doubts: [false],
    firstOfferMs: null,
  });
  await store.sql('update deliveries set next_offer_at = now() where execution_id = $1', [run.execution]);
  const takenBefore: unknown[] = [];
  const channel: Channel = {
    name: 'screen',
    redelivery: 'safe',
    slots: Number.POSITIVE_INFINITY,
    maxAttempts: 5,
    prepare: async ({ campaignId }: { campaignId: string }): Promise<Send> => {
      takenBefore.push(...(await store.sql('select offers from deliveries where campaign_id = $1', [campaignId])));
      return () => Promise.resolve({ outcome: 'SUCCESS' });
    },
  };
  class Stepped extends Converger {
    step(): Promise<number> {
      return this.turn();
    }
  }
  const options = { firstMs: 1000, maxMs: 1000, pollMs: 1000, onError: () => undefined, onRepeated: () => undefined };
  const revoke = (): Promise<void> => Promise.resolve();
  await new Stepped(store.database, store.fence(), new FenceKeys(store.database), channel, revoke, systemClock, options).step();
  expect(takenBefore).toEqual([{ offers: 1 }]);
});
