import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Scratch } from './scratch.js';

test('what was opened last is closed first, then the folder goes, whatever happens', async () => {
  const order: string[] = [];
  let folder = '';
  const work = Scratch.during(async (scratch) => {
    folder = scratch.folder;
    scratch.defer(async () => void order.push(`first, folder ${existsSync(folder) ? 'there' : 'gone'}`));
    scratch.defer(() => Promise.reject(new Error('does not close')));
    scratch.defer(async () => void order.push('last'));
    throw new Error('the bench failed');
  });
  await expect(work).rejects.toThrow('the bench failed');
  expect(order).toEqual(['last', 'first, folder there']);
  expect(existsSync(folder)).toBe(false);
});
