import { expect, test } from 'vitest';
import { Batcher, BatcherFull } from './batcher.js';

/** Flushes that end when the test says so. */
class Flushes {
  readonly batches: number[][] = [];
  private readonly ends: (() => void)[] = [];

  readonly flush = (items: number[]): Promise<number[]> => {
    this.batches.push(items);
    return new Promise((resolve) => this.ends.push(() => resolve(items.map((item) => item * 10))));
  };

  async end(): Promise<void> {
    await expect.poll(() => this.ends.length).toBeGreaterThan(0);
    this.ends.shift()?.();
  }
}

test('each caller gets the answer to its own item, in one flush for all who came together', async () => {
  const flushes = new Flushes();
  const batcher = new Batcher({ size: 10, waitMs: 0, flush: flushes.flush });
  const answers = Promise.all([batcher.add(1), batcher.add(2), batcher.add(3)]);
  await flushes.end();
  expect(await answers).toEqual([10, 20, 30]);
  expect(flushes.batches).toEqual([[1, 2, 3]]);
});

test('beside a flush only a full batch is flushed; what is less waits for its end', async () => {
  const flushes = new Flushes();
  const batcher = new Batcher({ size: 2, waitMs: 0, concurrency: 2, flush: flushes.flush });
  const answers = [1, 2, 3, 4, 5].map((item) => batcher.add(item));
  await expect
    .poll(() => flushes.batches)
    .toEqual([
      [1, 2],
      [3, 4],
    ]);
  await flushes.end();
  expect(flushes.batches).toHaveLength(2);
  await flushes.end();
  await flushes.end();
  expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50]);
  expect(flushes.batches).toEqual([[1, 2], [3, 4], [5]]);
});

test('a flush that fails fails for its own items alone', async () => {
  const flush = (items: number[]): Promise<number[]> => (items.includes(1) ? Promise.reject(new Error('refused')) : Promise.resolve(items));
  const batcher = new Batcher({ size: 1, waitMs: 0, flush });
  const [first, second] = [batcher.add(1), batcher.add(2)];
  await expect(first).rejects.toThrow('refused');
  expect(await second).toBe(2);
});

test('more than may be pending is refused at once, and drain waits for the rest', async () => {
  const flushes = new Flushes();
  const batcher = new Batcher({ size: 2, waitMs: 60_000, maxPending: 1, flush: flushes.flush });
  const first = batcher.add(1);
  await expect(batcher.add(2)).rejects.toThrow(BatcherFull);
  const drained = batcher.drain();
  await flushes.end();
  await drained;
  expect(await first).toBe(10);
});
