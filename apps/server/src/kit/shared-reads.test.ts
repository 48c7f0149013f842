import { expect, test } from 'vitest';
import { SharedReads } from './shared-reads.js';

/** A source whose reads end when the test says so, each with the value that was there when it began. */
class Source {
  value = 1;
  begun = 0;
  private readonly ends: (() => void)[] = [];

  readonly read = (): Promise<number> => {
    this.begun += 1;
    const seen = this.value;
    return new Promise((resolve) => this.ends.push(() => resolve(seen)));
  };

  async end(): Promise<void> {
    await expect.poll(() => this.ends.length).toBeGreaterThan(0);
    this.ends.shift()?.();
  }
}

test('who comes while a read runs shares the next one, which sees what was written before they came', async () => {
  const source = new Source();
  const reads = new SharedReads<number>();
  const first = reads.read('list', source.read);
  await expect.poll(() => source.begun).toBe(1);
  source.value = 2;
  const later = [reads.read('list', source.read), reads.read('list', source.read), reads.read('list', source.read)];
  await source.end();
  expect(await first).toBe(1);
  await source.end();
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  expect(source.begun).toBe(2);
});

test('who asks for something else does not wait', async () => {
  const source = new Source();
  const reads = new SharedReads<number>();
  const answers = [reads.read('a', source.read), reads.read('b', source.read)];
  await expect.poll(() => source.begun).toBe(2);
  await source.end();
  await source.end();
  expect(await Promise.all(answers)).toEqual([1, 1]);
});

test('a read that fails fails for who shared it, and the next is tried', async () => {
  const reads = new SharedReads<number>();
  const fail = (): Promise<number> => Promise.reject(new Error('gone'));
  await expect(Promise.all([reads.read('list', fail), reads.read('list', fail)])).rejects.toThrow('gone');
  expect(await reads.read('list', () => Promise.resolve(3))).toBe(3);
});
