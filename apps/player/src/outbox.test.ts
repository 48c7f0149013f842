import type { ScreenEvent } from '@marquee/contracts/player';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Outbox } from './outbox.js';
import { Store } from './store.js';
import { eventually } from './test/eventually.js';

const subject = { campaignId: 'c', version: 1 };
const START = 1_700_000_000_000.4;
const WEEK_MS = 7 * 24 * 3_600_000;
const clock = { now: () => START };

describe('the outbox', () => {
  let factory: IDBFactory;
  let store: Store;
  let outbox: Outbox;

  beforeEach(async () => {
    factory = new IDBFactory();
    store = await Store.open('d', factory);
    outbox = new Outbox('d', store, clock);
    await outbox.load();
  });
  afterEach(() => store.close());

  it('keeps events while there is no connection and sends them in order, numbered, once there is', async () => {
    await outbox.record('INSTALL_ACK', subject, { missing: ['x'] });
    await outbox.record('DISPLAY_START', subject);
    expect(outbox.size).toBe(2);
    const sent: ScreenEvent[] = [];
    outbox.connect((event) => Promise.resolve(void sent.push(event)));
    await eventually(async () => expect(await store.events()).toEqual([]));
    expect(sent).toMatchObject([
      {
        eventType: 'INSTALL_ACK',
        deviceId: 'd',
        campaignId: 'c',
        version: 1,
        timestamp: 1_700_000_000_000,
        payload: { missing: ['x'], seq: 1, series: store.series },
      },
      { eventType: 'DISPLAY_START', payload: { seq: 2, series: store.series } },
    ]);
    expect(outbox.size).toBe(0);
  });

  it('drops an event with its PUBACK and not before, and sends it under the same eventId after a reload', async () => {
    const sent: ScreenEvent[] = [];
    outbox.connect((event) => {
      sent.push(event);
      return new Promise(() => undefined);
    });
    await outbox.record('INSTALL_ACK', subject);
    expect(sent).toHaveLength(1);
    expect(await store.events()).toHaveLength(1);

    const reloaded = new Outbox('d', store, clock);
    await reloaded.load();
    const again: ScreenEvent[] = [];
    reloaded.connect((event) => Promise.resolve(void again.push(event)));
    await eventually(async () => expect(await store.events()).toEqual([]));
    expect(again).toEqual(sent);
    await reloaded.record('ERROR', subject);
    expect(again[1]?.payload).toEqual({ seq: 2, series: store.series });
  });

  it('keeps what a link did not take, in its place', async () => {
    await outbox.record('INSTALL_ACK', subject);
    outbox.connect(() => Promise.reject(new Error('closing')));
    await eventually(() => expect(outbox.size).toBe(1));
    await outbox.record('DISPLAY_START', subject);
    const kinds: string[] = [];
    outbox.connect((event) => Promise.resolve(void kinds.push(event.eventType)));
    await eventually(() => expect(kinds).toEqual(['INSTALL_ACK', 'DISPLAY_START']));
  });

  it('lets only so many wait for their PUBACK', async () => {
    let open = 0;
    for (let count = 0; count < 40; count += 1) await outbox.record('ERROR', subject);
    outbox.connect(() => {
      open += 1;
      return new Promise(() => undefined);
    });
    expect(open).toBe(16);
  });

  it('forgets the oldest beyond its bound', async () => {
    const small = new Outbox('d', store, clock, 3);
    for (let count = 0; count < 5; count += 1) await small.record('ERROR', subject);
    await eventually(async () => expect((await store.events()).map(({ seq }) => seq)).toEqual([3, 4, 5]));
  });

  it('still sends what the storage would not take', async () => {
    vi.spyOn(store, 'append').mockRejectedValue(new Error('full'));
    const kept = [vi.spyOn(store, 'dropEvents'), vi.spyOn(store, 'keepEvent')];
    const noise = vi.spyOn(console, 'error').mockReturnValue();
    const sent: ScreenEvent[] = [];
    const unstored = new Outbox('d', store, clock);
    unstored.connect((event) => Promise.resolve(void sent.push(event)));
    await unstored.recordError(subject, 'x'.repeat(2_000));
    await eventually(() => expect(unstored.size).toBe(0));
    expect(sent[0]?.payload).toEqual({ reason: 'x'.repeat(500) });
    for (const spy of kept) expect(spy).not.toHaveBeenCalled();
    noise.mockRestore();
  });
});

describe('what the server has', () => {
  let store: Store;
  let outbox: Outbox;
  let now: number;
  let sent: ScreenEvent[];

  beforeEach(async () => {
    store = await Store.open('d', new IDBFactory());
    now = START;
    sent = [];
    outbox = await life();
  });
  afterEach(() => store.close());

  async function life(maxKept?: number): Promise<Outbox> {
    const made = new Outbox('d', store, { now: () => now }, maxKept);
    await made.load();
    made.connect((event) => Promise.resolve(void sent.push(event)));
    return made;
  }
  async function say(count: number, through = outbox): Promise<void> {
    for (let index = 0; index < count; index += 1) await through.record('ERROR', subject);
    await eventually(() => expect(through.size).toBe(0));
  }
  const numbers = (): unknown[] => sent.map(({ payload }) => payload?.['seq']);

  it('is sent again from a number on, in order and as it was, also after a reload', async () => {
    await say(40);
    const first = [...sent];
    sent.length = 0;
    const reloaded = await life();
    reloaded.replay(3);
    await eventually(() => expect(reloaded.size).toBe(0));
    expect(sent).toEqual(first.slice(2));
    expect(reloaded.range).toEqual({ series: store.series, first: 1, last: 40 });
  });

  it('comes before what was recorded meanwhile, and never twice at once', async () => {
    await say(3);
    outbox.connect(undefined);
    await outbox.record('DISPLAY_START', subject);
    sent.length = 0;
    outbox.replay(2);
    outbox.replay(1);
    outbox.connect((event) => Promise.resolve(void sent.push(event)));
    await eventually(() => expect(outbox.size).toBe(0));
    expect(numbers()).toEqual([1, 2, 3, 4]);
    outbox.replay(99);
    expect(outbox.size).toBe(0);
  });

  it('is kept for a week and no longer, but for the newest', async () => {
    await say(2);
    now += WEEK_MS;
    await say(1);
    await outbox.prune();
    expect(await store.keptSeqs()).toEqual([1, 2, 3]);
    now += 1;
    await outbox.prune();
    expect(await store.keptSeqs()).toEqual([3]);
    now += 2 * WEEK_MS;
    await outbox.prune();
    expect(outbox.range).toMatchObject({ first: 3, last: 3 });
    await say(1);
    expect(numbers().at(-1)).toBe(4);
  });

  it('goes before what it does not have, when there is too much', async () => {
    const small = await life(3);
    await say(3, small);
    small.connect(undefined);
    await small.record('DISPLAY_START', subject);
    await small.record('DISPLAY_COMPLETE', subject);
    await eventually(async () => expect(await store.keptSeqs()).toEqual([3]));
    expect((await store.events()).map(({ seq }) => seq)).toEqual([4, 5]);
    expect(small.range).toMatchObject({ first: 3, last: 5 });
  });

  it('is of one series as long as the storage lasts, and of another one afterwards', async () => {
    const factory = new IDBFactory();
    const before = await Store.open('e', factory);
    expect(outbox.range).toEqual({ series: store.series, first: 1, last: 0 });
    before.close();
    const again = await Store.open('e', factory);
    again.close();
    const wiped = await Store.open('e', new IDBFactory());
    wiped.close();
    expect(again.series).toBe(before.series);
    expect(wiped.series).not.toBe(before.series);
    expect(before.series).toMatch(/^[0-9a-f-]{36}$/);
  });
});
