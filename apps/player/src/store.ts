import type { Play, ScreenEvent } from '@marquee/contracts/player';
import { answered, committed, openDatabase } from './idb.js';
import type { Offer } from './manifest.js';

/** A campaign that is installed: its template and every asset that is not in `missing` are stored and verified. */
export interface Installed {
  campaignId: string;
  offer: Offer;
  /** Asset id -> key of its media. */
  media: Record<string, string>;
  /** URLs of assets that could not be had. */
  missing: string[];
  /** Epoch ms. */
  installedAt: number;
}

/**
 * Keeps a revoked campaign off when its manifest comes late: MQTT orders within a topic only. `version` is null where
 * the campaign was not known yet; the first manifest that comes then settles it.
 */
export interface Tombstone {
  campaignId: string;
  version: number | null;
  /** From this moment on, epoch ms, it is of no use. */
  until: number;
}

/** A showing that began and has not been reported as over. */
export interface Showing {
  campaignId: string;
  version: number;
}

/** An event with the number that the store gave it: rising by one with each event of this device, also over reloads. */
export interface StoredEvent {
  seq: number;
  event: ScreenEvent;
}

const VERSION = 2;
const ON_AIR = 'onAir';
const PLAYING = 'playing';

/**
 * What the screen keeps over a reload and a power cut, in IndexedDB: one database a device id, so that two players in one
 * browser do not meet. Each method is one transaction, created before it first yields: calls take effect in the order in
 * which they were made. All reject when the storage fails (full, taken away); nothing of that call is stored then.
 */
export class Store {
  private constructor(private readonly db: IDBDatabase) {}

  static async open(deviceId: string, factory: IDBFactory = indexedDB): Promise<Store> {
    const db = await openDatabase(factory, `marquee-player:${deviceId}`, VERSION, (fresh) => {
      if (!fresh.objectStoreNames.contains('plays')) fresh.createObjectStore('plays', { autoIncrement: true });
      if (fresh.objectStoreNames.contains('campaigns')) return;
      fresh.createObjectStore('campaigns', { keyPath: 'campaignId' });
      fresh.createObjectStore('templates');
      fresh.createObjectStore('media');
      fresh.createObjectStore('tombstones', { keyPath: 'campaignId' });
      fresh.createObjectStore('outbox', { autoIncrement: true });
      fresh.createObjectStore('marks');
    });
    return new Store(db);
  }

  /** Called when the browser takes the storage away under the page. */
  onLost(lost: () => void): void {
    this.db.onclose = lost;
    this.db.onversionchange = () => {
      this.db.close();
      lost();
    };
  }

  close(): void {
    this.db.close();
  }

  campaigns(): Promise<Installed[]> {
    return answered<Installed[]>(this.#read('campaigns').getAll());
  }

  template(campaignId: string): Promise<Blob | undefined> {
    return answered<Blob | undefined>(this.#read('templates').get(campaignId));
  }

  media(key: string): Promise<Blob | undefined> {
    return answered<Blob | undefined>(this.#read('media').get(key));
  }

  async hasMedia(key: string): Promise<boolean> {
    return (await answered(this.#read('media').count(key))) > 0;
  }

  /** Drops all media but what `needed` names when the transaction has begun: what is asked for after that finds it gone. */
  async sweepMedia(needed: () => Set<string>): Promise<void> {
    const transaction = this.#write('media');
    const media = transaction.objectStore('media');
    const keys = media.getAllKeys();
    keys.onsuccess = () => {
      const keep = needed();
      for (const key of keys.result) if (typeof key !== 'string' || !keep.has(key)) media.delete(key);
    };
    await committed(transaction);
  }

  async putMedia(key: string, blob: Blob): Promise<void> {
    const transaction = this.#write('media');
    transaction.objectStore('media').put(blob, key);
    await committed(transaction);
  }

  /** Makes the campaign installed and drops `media` that it no longer needs; rejects when media that it names is gone. */
  async install(campaign: Installed, template: Blob, drop: string[]): Promise<void> {
    const transaction = this.#write('campaigns', 'templates', 'media');
    const media = transaction.objectStore('media');
    for (const key of drop) media.delete(key);
    for (const key of new Set(Object.values(campaign.media))) {
      const found = media.count(key);
      found.onsuccess = () => {
        if (found.result === 0) transaction.abort();
      };
    }
    transaction.objectStore('campaigns').put(campaign);
    transaction.objectStore('templates').put(template, campaign.campaignId);
    await committed(transaction);
  }

  /** Removes a campaign with the media that only it needed, and keeps its tombstone, if it gets one. */
  async remove(campaignId: string, drop: string[], tombstone?: Tombstone): Promise<void> {
    const transaction = this.#write('campaigns', 'templates', 'media', 'tombstones');
    transaction.objectStore('campaigns').delete(campaignId);
    transaction.objectStore('templates').delete(campaignId);
    for (const key of drop) transaction.objectStore('media').delete(key);
    if (tombstone !== undefined) transaction.objectStore('tombstones').put(tombstone);
    await committed(transaction);
  }

  tombstones(): Promise<Tombstone[]> {
    return answered<Tombstone[]>(this.#read('tombstones').getAll());
  }

  async putTombstone(tombstone: Tombstone): Promise<void> {
    const transaction = this.#write('tombstones');
    transaction.objectStore('tombstones').put(tombstone);
    await committed(transaction);
  }

  async dropTombstones(campaignIds: string[]): Promise<void> {
    const transaction = this.#write('tombstones');
    for (const campaignId of campaignIds) transaction.objectStore('tombstones').delete(campaignId);
    await committed(transaction);
  }

  /**
   * Keeps an event and answers its number. In the same transaction `onAir`, where given, replaces the open showings, and the plays of
   * these keys (rising, none between them left out), which the event tells of, are dropped; rejects when one of them is gone already.
   */
  async append(event: ScreenEvent, onAir?: Showing[], plays: number[] = []): Promise<number> {
    const transaction = this.#write('outbox', 'marks', 'plays');
    const seq = answered(transaction.objectStore('outbox').add(event));
    if (onAir !== undefined) transaction.objectStore('marks').put(onAir, ON_AIR);
    if (plays.length > 0) {
      const told = IDBKeyRange.bound(plays[0], plays.at(-1));
      const count = transaction.objectStore('plays').count(told);
      count.onsuccess = () => {
        if (count.result === plays.length) transaction.objectStore('plays').delete(told);
        else transaction.abort();
      };
    }
    // Both fail together; the commit tells why.
    const [number] = await Promise.all([seq, committed(transaction)]);
    return Number(number);
  }

  /** The events that were not taken yet, oldest first. */
  async events(): Promise<StoredEvent[]> {
    const outbox = this.#read('outbox');
    const [keys, events] = await Promise.all([answered(outbox.getAllKeys()), answered<ScreenEvent[]>(outbox.getAll())]);
    return events.map((event, index) => ({ seq: Number(keys[index]), event }));
  }

  async dropEvents(seqs: number[]): Promise<void> {
    const transaction = this.#write('outbox');
    for (const seq of seqs) transaction.objectStore('outbox').delete(seq);
    await committed(transaction);
  }

  /** The showings that began and were not reported as over. */
  async onAir(): Promise<Showing[]> {
    return (await answered<Showing[] | undefined>(this.#read('marks').get(ON_AIR))) ?? [];
  }

  /** Writes down a showing that has ended; it is no longer the running one. */
  async addPlay(play: Play): Promise<void> {
    const transaction = this.#write('plays', 'marks');
    transaction.objectStore('plays').add(play);
    transaction.objectStore('marks').delete(PLAYING);
    await committed(transaction);
  }

  /** Notes how far the running showing has come. */
  async notePlay(play: Play): Promise<void> {
    // Not strict: it is noted again in seconds.
    const transaction = this.db.transaction('marks', 'readwrite');
    transaction.objectStore('marks').put(play, PLAYING);
    await committed(transaction);
  }

  /** Writes down the running showing that was noted last, if it was not written down. */
  async recoverPlay(): Promise<void> {
    const transaction = this.#write('plays', 'marks');
    const marks = transaction.objectStore('marks');
    const noted: IDBRequest<Play | undefined> = marks.get(PLAYING);
    noted.onsuccess = () => {
      if (noted.result === undefined) return;
      transaction.objectStore('plays').add(noted.result);
      marks.delete(PLAYING);
    };
    await committed(transaction);
  }

  /** The oldest plays that are written down, at most so many, and their keys. */
  async plays(most: number): Promise<{ keys: number[]; plays: Play[] }> {
    const store = this.#read('plays');
    const [keys, plays] = await Promise.all([answered(store.getAllKeys(null, most)), answered<Play[]>(store.getAll(null, most))]);
    return { keys: keys.map(Number), plays };
  }

  /** Drops the oldest plays beyond so many. */
  async trimPlays(most: number): Promise<void> {
    const transaction = this.#write('plays');
    const plays = transaction.objectStore('plays');
    const count = plays.count();
    count.onsuccess = () => {
      if (count.result <= most) return;
      const dead = plays.getAllKeys(null, count.result - most);
      dead.onsuccess = () => {
        plays.delete(IDBKeyRange.upperBound(dead.result.at(-1)));
      };
    };
    await committed(transaction);
  }

  #read(store: string): IDBObjectStore {
    return this.db.transaction(store, 'readonly').objectStore(store);
  }

  /** Strict: an acknowledgement says that the campaign survives a power cut, so the commit waits for the disk. */
  #write(...stores: string[]): IDBTransaction {
    return this.db.transaction(stores, 'readwrite', { durability: 'strict' });
  }
}
