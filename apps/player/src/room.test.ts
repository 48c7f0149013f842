import { describe, expect, it } from 'vitest';
import { isFull, Room } from './room.js';

const MB = 1024 * 1024;

function room(storage: StorageEstimate | undefined, maxBytes?: number, media = 0): Room {
  const browser = storage && {
    estimate: () => Promise.resolve(storage),
    persist: () => Promise.resolve(true),
    persisted: () => Promise.resolve(false),
  };
  return new Room(browser, () => Promise.resolve(media), maxBytes);
}

describe('the room of a screen', () => {
  it('holds what fits and refuses what does not, in words', async () => {
    const some = room({ usage: 60 * MB, quota: 100 * MB });
    await some.mustHold(38 * MB);
    await expect(some.mustHold(39 * MB)).rejects.toThrow('the storage of this screen is full: 39 MB more needed, 38 MB free of 100 MB');
    expect(some.used).toEqual({ usedBytes: 60 * MB, quotaBytes: 100 * MB });
  });

  it('is bounded by what the page was given, also where the browser tells nothing', async () => {
    await expect(room({ usage: 1, quota: 100 * MB }, 10 * MB).mustHold(11 * MB)).rejects.toThrow('full');
    await expect(room(undefined, 10 * MB, 9 * MB).mustHold(MB)).rejects.toThrow('1.0 MB more needed, 0.8 MB free of 10 MB');
    const unknown = room(undefined);
    await unknown.mustHold(1e15);
    expect(unknown.used).toBeUndefined();
  });

  it('asks for a promise that the storage stays, where it can be had', async () => {
    const [asked, none] = [room({}), room(undefined)];
    await Promise.all([asked.ask(), none.ask()]);
    expect([asked.persistent, none.persistent]).toEqual([true, false]);
  });

  it('knows what a full storage throws', () => {
    expect(isFull(new DOMException('', 'QuotaExceededError'))).toBe(true);
    expect(isFull(new DOMException('', 'AbortError'))).toBe(false);
  });
});
