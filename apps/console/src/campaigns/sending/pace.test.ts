import { describe, expect, it } from 'vitest';
import { leftWords, paceOf, type Sample, withSample } from './pace.js';

const walk = (samples: Sample[]): Sample[] => samples.reduce<Sample[]>(withSample, []);
const steady = (seconds: number, perSecond: number): Sample[] =>
  Array.from({ length: seconds }, (_, at) => ({ at: at * 1000, ended: at * perSecond }));

describe('the pace', () => {
  it('is that of the last seconds, whatever was before', () => {
    const last = steady(30, 100).at(-1) ?? { at: 0, ended: 0 };
    const after = [1, 2, 3, 4, 5].map((n) => ({ at: last.at + n * 1000, ended: last.ended + n * 2000 }));
    expect(paceOf(walk(steady(30, 100)))).toBe(100);
    expect(paceOf(walk([...steady(30, 100), ...after]))).toBe(2000);
  });

  it('cannot be told by one look, and begins anew when fewer have ended than before', () => {
    expect(paceOf(walk([{ at: 0, ended: 5 }]))).toBeUndefined();
    const retried = walk([...steady(5, 100), { at: 5000, ended: 200 }]);
    expect(paceOf(retried)).toBeUndefined();
    expect(paceOf(withSample(retried, { at: 6000, ended: 250 }))).toBe(50);
  });

  it('tells how long the rest takes, in words, while it goes', () => {
    expect(leftWords(1000, 100)).toBe('about 10 s left');
    expect(leftWords(1_000_000, 2000)).toBe('about 8 min left');
    expect(leftWords(10, 0)).toBeUndefined();
    expect(leftWords(0, 10)).toBeUndefined();
  });
});
