import { ledgerQuery } from '@marquee/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../kit/clock.js';
import { click, clickProcess, delivered, statsConsumer } from '../../test/support/clicks.js';
import { openTestStore, type TestStore } from '../../test/support/store.js';
import { noClicks } from '../publisher/counters.js';
import { sayAccepted } from './ledger.store.js';
import { Ledger } from './ledger.js';
import { LedgerWriter } from './ledger-writer.js';

const BOUND = 2000;
/** Some minutes ago: all is said of it. */
const THEN = Date.now() - (Date.now() % 60_000) - 5 * 60_000;
let store: TestStore;
let ledger: Ledger;

beforeAll(async () => {
  store = await openTestStore();
  ledger = new Ledger(store.database, systemClock);
});
beforeEach(() => store.sql('truncate click_processes, click_accepted, click_settled, click_ids, click_repeats, clicks restart identity'));
afterAll(() => store.close());

const read = () => ledger.read(ledgerQuery.parse({}));
const saying = (memory = 0, queue: number | null = 0, ack = 'accepted', accepted = 1) => ({
  ack,
  counters: { ...noClicks(), accepted },
  memory: { clicks: memory, bound: BOUND },
  depths: { queue, fallback: 0 },
});
/** Accepts clicks and says so; answers their messages. */
async function accepting(process: number, n: number, said = n) {
  const writer = new LedgerWriter(store.database, process, systemClock, () => undefined);
  const clicks = Array.from({ length: n }, () => click({ clickedAt: THEN }));
  for (const each of clicks.slice(0, said)) writer.accepted(each.clickedAt);
  await writer.stop();
  return clicks.map((each, index) => delivered(each, { process, seq: index + 1 }));
}
const silence = (process: number) => store.sql('update click_processes set said_at = said_at - 60000 where id = $1', [process]);

describe('of living processes', () => {
  test('it balances when all is stored, and tells what is missing while it is on its way', async () => {
    const process = await clickProcess(store, saying(3));
    const messages = await accepting(process, 10);
    await statsConsumer(store).handle(messages.slice(0, 7));
    expect(await read()).toMatchObject({ total: { accepted: 10, stored: 7, missing: 3 }, inFlight: { memory: 3 }, balanced: true });
    await store.sql('update click_processes set said = $1', [JSON.stringify(saying(0))]);
    expect(await read()).toMatchObject({ total: { missing: 3 }, balanced: false });
    await statsConsumer(store).handle(messages);
    expect(await read()).toMatchObject({
      minutes: [{ at: THEN, accepted: 10, stored: 10, duplicates: 0, dead: 0, missing: 0 }],
      lost: { atLeast: 0, atMost: 0 },
      silent: [],
      balanced: true,
    });
  });

  test('what is missing of one is not made up for by another that counted too much', async () => {
    const [one, other] = [await clickProcess(store, saying()), await clickProcess(store, saying())];
    const messages = await accepting(one, 5);
    const more = await accepting(other, 5, 3);
    await statsConsumer(store).handle([...messages.slice(0, 3), ...more]);
    expect(await read()).toMatchObject({ total: { accepted: 8, stored: 8, missing: 0 }, balanced: false });
    await statsConsumer(store).handle(messages);
    // Two clicks of the other were counted that nobody accepted.
    expect(await read()).toMatchObject({ total: { missing: -2 }, balanced: false });
  });

  test('an unknown depth is not taken for a place where clicks may be', async () => {
    const process = await clickProcess(store, saying(0, null));
    await accepting(process, 1);
    expect(await read()).toMatchObject({ inFlight: { queue: null }, balanced: false });
  });

  test('what was rejected is told by its reason, said again without being added, and is not part of the balance', async () => {
    const process = await clickProcess(store, saying());
    const writer = new LedgerWriter(store.database, process, systemClock, () => undefined);
    writer.rejected('token');
    writer.rejected('invalid', 4);
    await writer.stop();
    writer.rejected('token');
    await writer.stop();
    expect(await read()).toMatchObject({ total: { accepted: 0, rejected: { token: 2, invalid: 4 } }, balanced: true });
  });
});

describe('of a process that is silent and has not ended', () => {
  test('it says between what is missing and all that memory holds, and never balances', async () => {
    const process = await clickProcess(store, saying());
    const messages = await accepting(process, 10);
    await statsConsumer(store).handle(messages.slice(0, 6));
    await silence(process);
    expect(await read()).toMatchObject({ lost: { atLeast: 4, atMost: BOUND }, silent: [process], balanced: false });
    await statsConsumer(store).handle(messages);
    expect(await read()).toMatchObject({ total: { missing: 0 }, lost: { atLeast: 0, atMost: BOUND }, balanced: false });
  });

  test('what waits in the broker is not known to be lost', async () => {
    const process = await clickProcess(store, saying());
    const messages = await accepting(process, 10);
    await statsConsumer(store).handle(messages.slice(0, 6));
    await silence(process);
    await clickProcess(store, saying(0, 3));
    expect(await read()).toMatchObject({ lost: { atLeast: 1, atMost: BOUND }, balanced: false });
  });

  test('clicks beyond what it had said make up for nothing', async () => {
    const [killed, living] = [await clickProcess(store, saying()), await clickProcess(store, saying())];
    await statsConsumer(store).handle(await accepting(killed, 8, 5));
    await accepting(living, 3);
    await silence(killed);
    expect(await read()).toMatchObject({ total: { missing: 0 }, lost: { atLeast: 0, atMost: BOUND }, balanced: false });
  });

  test('with durable answers nothing is unknown: what counts as accepted was safe', async () => {
    const process = await clickProcess(store, saying(5, 0, 'durable'));
    const messages = await accepting(process, 10);
    await statsConsumer(store).handle(messages.slice(0, 6));
    await silence(process);
    expect(await read()).toMatchObject({ total: { missing: 4 }, lost: { atLeast: 4, atMost: 4 }, balanced: false });
    await statsConsumer(store).handle(messages);
    expect(await read()).toMatchObject({ total: { missing: 0 }, lost: { atLeast: 0, atMost: 0 }, silent: [process], balanced: true });
  });

  test('one that never accepted a click lost none', async () => {
    const process = await clickProcess(store, saying(0, 0, 'accepted', 0));
    await silence(process);
    expect(await read()).toMatchObject({ lost: { atLeast: 0, atMost: 0 }, silent: [process], balanced: true });
  });

  test('one that ended in good order lost nothing, however long ago', async () => {
    const process = await clickProcess(store, saying());
    await statsConsumer(store).handle(await accepting(process, 10));
    await silence(process);
    await store.sql('update click_processes set ended_at = said_at');
    expect(await read()).toMatchObject({ total: { accepted: 10, stored: 10 }, lost: { atMost: 0 }, silent: [], balanced: true });
  });
});

describe('what is in memory of a living process', () => {
  test('may be counted before it is answered; more than that nobody accepted', async () => {
    const process = await clickProcess(store, saying(2, 0, 'durable'));
    const messages = await accepting(process, 5, 3);
    await statsConsumer(store).handle(messages);
    expect(await read()).toMatchObject({ total: { missing: -2 }, balanced: true });
    await store.sql('update click_processes set said = $1', [JSON.stringify(saying(1, 0, 'durable'))]);
    expect(await read()).toMatchObject({ balanced: false });
  });
});

test('an older number that comes late changes nothing', async () => {
  const process = await clickProcess(store, saying());
  const say = (accepted: number, token: number) =>
    store.database.run(sayAccepted, { process, minutes: [THEN], accepted: [accepted], rejected: [JSON.stringify({ token })] });
  await say(10, 2);
  await say(10, 3);
  await say(9, 1);
  expect((await read()).total).toMatchObject({ accepted: 10, rejected: { token: 3 } });
});

test('what is accepted while the database is away is said when it is back', async () => {
  const process = await clickProcess(store, saying());
  let away = true;
  const errors: unknown[] = [];
  const flaky = {
    run: (...args: Parameters<typeof store.database.run>) =>
      away ? Promise.reject(Object.assign(new Error('away'), { code: 'ECONNREFUSED' })) : store.database.run(...args),
  };
  const writer = new LedgerWriter(flaky as never, process, systemClock, (error) => errors.push(error));
  writer.accepted(THEN);
  await expect(writer.stop()).rejects.toThrow('away');
  writer.accepted(THEN);
  away = false;
  await writer.stop();
  expect((await read()).total.accepted).toBe(2);
  expect(errors).toEqual([]);
});
