import { createHash } from 'node:crypto';
import type { ScreenEvent } from '@marquee/contracts/player';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256Hex } from './digest.js';
import { DownloadError } from './download.js';
import { Installer } from './installer.js';
import { Library } from './library.js';
import type { Offer } from './manifest.js';
import { Outbox } from './outbox.js';
import { Prover } from './prover.js';
import { Store } from './store.js';
import { eventually } from './test/eventually.js';

const MINUTE_MS = 60_000;
const KEY = `sha256:${createHash('sha256').update('picture').digest('hex')}`;

describe('the proof before a start', () => {
  let now: number;
  let online: boolean;
  let asked: string[];
  let events: ScreenEvent[];
  let store: Store;
  let library: Library;
  let prover: Prover;
  const clock = { now: () => now };

  beforeEach(async () => {
    now = 1_700_000_000_000;
    online = true;
    asked = [];
    events = [];
    store = await Store.open('d', new IDBFactory());
    await start();
    await prover.look();
  });
  afterEach(() => store.close());

  async function start(): Promise<void> {
    const outbox = new Outbox('d', store, clock);
    outbox.connect((event) => Promise.resolve(void events.push(event)));
    const get = (url: string): Promise<Blob> => {
      asked.push(url);
      if (!online) return Promise.reject(new DownloadError('could not be fetched'));
      return Promise.resolve(new Blob([url.endsWith('picture') ? 'picture' : '<p>']));
    };
    const installer = new Installer(store, { mustHold: () => Promise.resolve() }, clock, sha256Hex, get);
    library = new Library(store, installer, outbox, clock, () => undefined);
    await library.load();
    prover = new Prover(library, store, clock);
  }
  async function install(over: Partial<Offer> = {}): Promise<Offer> {
    const offer: Offer = {
      campaignId: 'a',
      version: 1,
      startAt: now + 60 * MINUTE_MS,
      expireAt: now + 3 * 24 * 60 * MINUTE_MS,
      templateUrl: 'http://t/1',
      templateChecksum: '',
      assets: [{ id: 'x', url: 'http://cdn/picture', checksum: KEY.slice(7), sizeBytes: 0 }],
      loopMs: 10_000,
      priority: 0,
      window: undefined,
      ...over,
    };
    library.offer(offer);
    await eventually(() => expect(events).toHaveLength(1));
    asked.length = 0;
    return offer;
  }
  const said = (): string[] => events.slice(1).map(({ eventType, payload }) => [eventType, payload?.['reason']].join(' ').trim());
  const heard = (...expected: string[]): Promise<void> => eventually(() => expect(said()).toEqual(expected));

  it('fetches what is gone five minutes before, and acknowledges again; before that and where all is there nothing', async () => {
    await install();
    await store.dropMedia([KEY]);
    now += 54 * MINUTE_MS;
    await prover.look();
    expect(asked).toEqual([]);
    now += MINUTE_MS;
    await prover.look();
    expect(asked).toEqual(['http://t/1', 'http://cdn/picture']);
    await heard('INSTALL_ACK');
    expect(await store.hasMedia(KEY)).toBe(true);
    await prover.look();
    expect(asked).toHaveLength(2);
  });

  it('tells once that it cannot, tries on, and takes the ERROR back with an acknowledgement', async () => {
    const offer = await install();
    await store.dropMedia([KEY]);
    online = false;
    now += 55 * MINUTE_MS;
    await prover.look();
    await prover.look();
    await heard('ERROR template http://t/1 could not be fetched');
    expect(library.get('a')).toBeDefined();
    // The same manifest again does not make it whole: no acknowledgement without the media.
    now += MINUTE_MS;
    library.offer(offer);
    await eventually(() => expect(library.installing).toBe(0));
    expect(said()).toHaveLength(1);
    online = true;
    await prover.look();
    await heard('ERROR template http://t/1 could not be fetched', 'INSTALL_ACK');
    expect(await store.hasMedia(KEY)).toBe(true);
  });

  it('finds bytes that are gone behind a record that is there', async () => {
    await install();
    now += 55 * MINUTE_MS;
    const lost = new Blob(['picture']);
    vi.spyOn(lost, 'slice').mockReturnValue({
      arrayBuffer: () => Promise.reject(new DOMException('', 'NotReadableError')),
    } as unknown as Blob);
    vi.spyOn(store, 'media').mockResolvedValueOnce(lost);
    await prover.look();
    expect(asked).toEqual(['http://t/1', 'http://cdn/picture']);
    await heard('INSTALL_ACK');
  });

  it('looks before the hours of a running campaign begin, each day, and at everything when the page begins', async () => {
    const at = new Date(now + 2 * 60 * MINUTE_MS).toISOString().slice(11, 16);
    const to = new Date(now + 3 * 60 * MINUTE_MS).toISOString().slice(11, 16);
    await install({ startAt: now - 1, window: { days: [1, 2, 3, 4, 5, 6, 7], from: at, to, timeZone: 'UTC' } });
    for (const wait of [115, 24 * 60 - 10]) {
      await store.dropMedia([KEY]);
      asked.length = 0;
      // The hours are a day or two hours away, or have begun: nothing is looked at.
      await prover.look();
      const early = asked.length;
      now += wait * MINUTE_MS;
      await prover.look();
      expect([early, asked.length]).toEqual([0, 2]);
      now += 10 * MINUTE_MS;
    }
    await store.dropMedia([KEY]);
    now += 60 * MINUTE_MS;
    await start();
    await prover.look();
    expect(await store.hasMedia(KEY)).toBe(true);
  });
});
