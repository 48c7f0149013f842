import { expect, test } from 'vitest';
import { length } from './words.js';

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [3210, '3.2 s'],
  [59_999, '59 s'],
  [125_000, '2 min 5 s'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 min'],
  [90_000_000, '1 d 1 h'],
])('%d ms are %s', (ms, words) => {
  expect(length(ms)).toBe(words);
});
