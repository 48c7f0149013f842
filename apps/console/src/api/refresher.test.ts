import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Refresher } from './refresher.js';

const ID = '0192f0c1-2f5e-7cc0-8000-000000000001';

describe('the refresher', () => {
  const fetching = new Set<string>();
  let asked: string[] = [];
  let refresher: Refresher;

  beforeEach(() => {
    vi.useFakeTimers();
    fetching.clear();
    asked = [];
    refresher = new Refresher({
      isFetching: ({ queryKey }) => (fetching.has(queryKey.join('/')) ? 1 : 0),
      invalidateQueries: ({ queryKey }, { cancelRefetch }) => {
        asked.push(`${queryKey.join('/')}${cancelRefetch ? ', cancelling' : ''}`);
        return Promise.resolve();
      },
    });
  });

  afterEach(() => {
    refresher.stop();
    const left = vi.getTimerCount();
    vi.useRealTimers();
    if (left > 0) throw new Error('stop() left a timer');
  });

  it('asks at once, then once a second while hints come, and once more for the last of them', () => {
    for (let ms = 0; ms < 3_000; ms += 10) {
      refresher.take({ kind: 'deliveries', campaignId: ID, air: false });
      vi.advanceTimersByTime(10);
    }
    expect(asked).toHaveLength(4);
    vi.advanceTimersByTime(10_000);
    expect(asked).toHaveLength(4);
  });

  it('keeps a hint that comes while its data is being read: that answer may be older', () => {
    fetching.add(`campaigns/one/${ID}`);
    refresher.take({ kind: 'deliveries', campaignId: ID, air: false });
    vi.advanceTimersByTime(2_500);
    expect(asked).toEqual([]);
    fetching.clear();
    vi.advanceTimersByTime(1_000);
    expect(asked).toEqual([`campaigns/one/${ID}`]);
  });

  it('asks for screens only when something went on or off air', () => {
    refresher.take({ kind: 'deliveries', campaignId: ID, air: true });
    expect(asked).toEqual([`campaigns/one/${ID}`, 'screens']);
  });
});
