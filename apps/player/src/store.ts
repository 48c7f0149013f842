import type { Play, ScreenEvent } from '@marquee/contracts/player';
import { answered, committed, openDatabase } from './idb.js';
import { uuid } from './ids.js';
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

/** An event that the server has, and when it said so, epoch ms. */
interface KeptEvent {
  event: ScreenEvent;
  at: number;
}

const VERSION = 3;
const ON_AIR = 'onAir';
const PLAYING = 'playing';
const SERIES = 'series';

/** Object stores and how they are made; one that an older version did not have is added to its database. */
const STORES: Record<string, IDBObjectStoreParameters> = {
  campaigns: { keyPath: 'campaignId' },
  templates: {},
  media: {},
  tombstones: { keyPath: 'campaignId' },
  outbox: { autoIncrement: true },
  kept: {},
  plays: { autoIncrement: true },
  marks: {},
};

function upgrade(db: IDBDatabase, transaction: IDBTransaction): void {
  for (const [name, parameters] of Object.entries(STORES)) {
    if (!db.objectStoreNames.contains(name)) db.createObjectStore(name, parameters);
  }
  const marks = transaction.objectStore('marks');
  const known = marks.count(SERIES);
  known.onsuccess = () => {
    if (known.result === 0) marks.put(uuid(Date.now()), SERIES);
  };
}

/**
 * What the screen keeps over a reload and a power cut, in IndexedDB: one database a device id, so that two players in one
 * browser do not meet. Each method is one transaction, created before it first yields: calls take effect in the order in
 * which they were made. All reject when the storage fails (full, taken away); nothing of that call is stored then.
 */
export class Store {
  private constructor(
    private readonly db: IDBDatabase,
    /** Made with the database, and another one after it was wiped: the events' numbers begin anew then. */
    readonly series: string,
  ) {}

  static async open(deviceId: string, factory: IDBFactory = indexedDB): Promise<Store> {
    const db = await openDatabase(factory, `marquee-player:${deviceId}`, VERSION, upgrade);
    const marks = db.transaction('marks', 'readonly').objectStore('marks');
    return new Store(db, await answered<string>(marks.get(SERIES)));
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

  async dropMedia(keys: string[]): Promise<void> {
    const transaction = this.#write('media');
    for (const key of keys) transaction.objectStore('media').delete(key);
    await committed(transaction);
  }

  /** How many bytes all media take. */
  async mediaBytes(): Promise<number> {
    const blobs = await answered<Blob[]>(this.#read('media').getAll());
    return blobs.reduce((sum, { size }) => sum + size, 0);
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
    const transaction = this.#write('outbox', 'kept');
    for (const name of ['outbox', 'kept']) for (const seq of seqs) transaction.objectStore(name).delete(seq);
    await committed(transaction);
  }

  /** Notes that the server has an event: it waits no longer, and is kept to be sent again when the server asks. */
  async keepEvent({ seq, event }: StoredEvent, at: number): Promise<void> {
    // Not strict: what a power cut takes back is sent once more, under the same eventId.
    const transaction = this.db.transaction(['outbox', 'kept'], 'readwrite');
    transaction.objectStore('outbox').delete(seq);
    transaction.objectStore('kept').put({ event, at } satisfies KeptEvent, seq);
    await committed(transaction);
  }

  /** The numbers of the kept events, rising. */
  async keptSeqs(): Promise<number[]> {
    return (await answered(this.#read('kept').getAllKeys())).map(Number);
  }

  async keptEvent(seq: number): Promise<ScreenEvent | undefined> {
    return (await answered<KeptEvent | undefined>(this.#read('kept').get(seq)))?.event;
  }

  /** Numbers of the kept events that the server had before `at`, from the lowest on up to the first that it did not. */
  keptBefore(at: number): Promise<number[]> {
    const cursor = this.#read('kept').openCursor();
    const seqs: number[] = [];
    return new Promise((resolve, reject) => {
      cursor.onerror = () => reject(cursor.error ?? new Error('the storage gave no reason'));
      cursor.onsuccess = () => {
        if (cursor.result === null || (cursor.result.value as KeptEvent).at >= at) {
          resolve(seqs);
          return;
        }
        seqs.push(Number(cursor.result.key));
        cursor.result.continue();
      };
    });
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
