import { expect, test } from 'vitest';
import { alternate, median, medians, percentile, rounded } from './statistics.js';

test('percentiles are values that were measured, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([percentile(hundred, 0.5), percentile(hundred, 0.95), percentile(hundred, 1), percentile(hundred, 0)]).toEqual([50, 95, 100, 1]);
  expect(percentile([7], 0.95)).toBe(7);
  expect(percentile([], 0.5)).toBeNaN();
});

test('the median of runs is taken figure by figure, and one bad run does not move it', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(
    medians([
      { ms: 10, rate: 5 },
      { ms: 9000, rate: 1 },
      { ms: 12, rate: 6 },
    ]),
  ).toEqual({ ms: 12, rate: 5 });
});

test('figures are rounded to what they are worth', () => {
  expect([rounded(1234.56), rounded(0.12345), rounded(12.345), rounded(0)]).toEqual([1235, 0.123, 12.3, 0]);
});

test('floor and ours take turns, the warm-up is not counted', async () => {
  const order: string[] = [];
  const step = (who: string) => async (run: number) => {
    order.push(`${who}${run}`);
    return run;
  };
  const result = await alternate(2, step('floor'), step('ours'));
  expect(order).toEqual(['floor-1', 'ours-1', 'floor0', 'ours0', 'floor1', 'ours1']);
  expect(result).toEqual({ floors: [0, 1], ours: [0, 1] });
});
