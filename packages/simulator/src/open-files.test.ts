import { expect, test } from 'vitest';
import { tooManyConnections } from './open-files.js';

test('too many connections are one sentence that names the limit and the way out', () => {
  expect(tooManyConnections(20_000, 20_000)).toBe(
    '20000 connections need more open files than this process may have (20000): raise it with "ulimit -n", ' +
      'or run several simulators, each with its own --prefix and at most 19900 connections.',
  );
});

test('what fits is not refused, by this machine neither', () => {
  expect(tooManyConnections(15_000, 20_000)).toBeUndefined();
  expect(tooManyConnections(1)).toBeUndefined();
});
