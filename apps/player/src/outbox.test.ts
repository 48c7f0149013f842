import type { ScreenEvent } from '@marquee/contracts/player';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Outbox } from './outbox.js';
import { Store } from './store.js';

const subject = { campaignId: 'c', version: 1 };
const clock = { now: () => 1_700_000_000_000.4 };

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
    await vi.waitFor(async () => expect(await store.events()).toEqual([]));
    expect(sent).toMatchObject([
      {
        eventType: 'INSTALL_ACK',
        deviceId: 'd',
        campaignId: 'c',
        version: 1,
        timestamp: 1_700_000_000_000,
        payload: { missing: ['x'], seq: 1 },
      },
      { eventType: 'DISPLAY_START', payload: { seq: 2 } },
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
    await vi.waitFor(async () => expect(await store.events()).toEqual([]));
    expect(again).toEqual(sent);
    await reloaded.record('ERROR', subject);
    expect(again[1]?.payload).toEqual({ seq: 2 });
  });

  it('keeps what a link did not take, in its place', async () => {
    await outbox.record('INSTALL_ACK', subject);
    outbox.connect(() => Promise.reject(new Error('closing')));
    await vi.waitFor(() => expect(outbox.size).toBe(1));
    await outbox.record('DISPLAY_START', subject);
    const kinds: string[] = [];
    outbox.connect((event) => Promise.resolve(void kinds.push(event.eventType)));
    await vi.waitFor(() => expect(kinds).toEqual(['INSTALL_ACK', 'DISPLAY_START']));
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
    await vi.waitFor(async () => expect((await store.events()).map(({ seq }) => seq)).toEqual([3, 4, 5]));
  });

  it('still sends what the storage would not take', async () => {
    const full = {
      append: () => Promise.reject(new Error('full')),
      events: () => Promise.resolve([]),
      dropEvents: vi.fn<Store['dropEvents']>(),
    };
    const noise = vi.spyOn(console, 'error').mockReturnValue();
    const sent: ScreenEvent[] = [];
    const unstored = new Outbox('d', full, clock);
    unstored.connect((event) => Promise.resolve(void sent.push(event)));
    await unstored.recordError(subject, 'x'.repeat(2_000));
    await vi.waitFor(() => expect(unstored.size).toBe(0));
    expect(sent[0]?.payload).toEqual({ reason: 'x'.repeat(500) });
    expect(full.dropEvents).not.toHaveBeenCalled();
    noise.mockRestore();
  });
});
