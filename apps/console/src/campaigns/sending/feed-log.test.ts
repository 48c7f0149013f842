import type { FeedOutcome } from '@marquee/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FeedLog, type Line } from './feed-log.js';

const ID = '01a2037a-45dd-76cd-b36a-00b375a7917f';
const delivery = (outcome: FeedOutcome, epoch = 0) =>
  ({ kind: 'delivery', event: { campaignId: ID, deliveryId: ID, outcome, epoch, ts: 1 } }) as const;
const words = (lines: Line[]) =>
  lines.map((line) => (line.kind === 'deliveries' ? `${line.count} ${line.outcome} ${line.epoch}` : line.kind));

describe('the lines of the feed', () => {
  let log: FeedLog;
  beforeEach(() => {
    vi.useFakeTimers();
    log = new FeedLog();
  });
  afterEach(() => {
    log.stop();
    vi.useRealTimers();
  });

  it('name a few deliveries of one moment one by one, and many by their number', () => {
    let drawn = 0;
    log.subscribe(() => (drawn += 1));
    log.take(delivery('FAILED'));
    log.take(delivery('FAILED'));
    for (let n = 0; n < 1000; n += 1) log.take(delivery('SUCCESS', 1));
    vi.advanceTimersByTime(1000);
    expect(words(log.current().lines.all)).toEqual(['1000 SUCCESS 1', '1 FAILED 0', '1 FAILED 0']);
    expect(drawn).toBe(1);
  });

  it('are kept apart for what bounced, so that a flood does not wash it away', () => {
    log.take({ kind: 'summary', event: { campaignId: ID, counts: { REJECTED_STALE: 500 }, epoch: 0, ts: 1 } });
    vi.advanceTimersByTime(1000);
    for (let n = 0; n < 300; n += 1) {
      log.take(delivery('SUCCESS'));
      vi.advanceTimersByTime(1000);
    }
    const { lines, stale } = log.current();
    expect(lines.all).toHaveLength(100);
    expect(words(lines.stale)).toEqual(['500 REJECTED_STALE 0']);
    expect(stale).toBe(500);
  });

  it('say a status once, and a resume into the same status all the same', () => {
    for (const paused of [undefined, undefined, true, false])
      log.take({ kind: 'campaign', event: { campaignId: ID, status: 'active', ...(paused === undefined ? {} : { paused }), ts: 1 } });
    vi.advanceTimersByTime(1000);
    expect(words(log.current().lines.all)).toEqual(['campaign', 'campaign', 'campaign']);
  });

  it('keep a pause between what came before it and what came after', () => {
    log.take(delivery('SUCCESS'));
    log.take({ kind: 'campaign', event: { campaignId: ID, status: 'active', paused: true, epoch: 0, ts: 2 } });
    log.take(delivery('SUCCESS'));
    log.take({ kind: 'reset' });
    vi.advanceTimersByTime(1000);
    expect(words(log.current().lines.all)).toEqual(['missed', '1 SUCCESS 0', 'campaign', '1 SUCCESS 0']);
  });
});
