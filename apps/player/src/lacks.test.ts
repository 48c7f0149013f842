import { describe, expect, it } from 'vitest';
import { type Condition, isNews, lacksOf, notesOf, type Report } from './lacks.js';

const whole: Condition = { secure: true, pageKept: true, persistent: true, full: false, timed: true };

describe('what a screen lacks', () => {
  it('is nothing where all is well, and nothing is said of what is not known yet', () => {
    expect(lacksOf(whole)).toEqual([]);
    expect(lacksOf({ ...whole, pageKept: undefined, persistent: undefined, timed: undefined })).toEqual([]);
  });

  it('is told one by one, and to people in sentences', () => {
    const lacks = lacksOf({ secure: false, pageKept: false, persistent: false, full: true, timed: false });
    expect(lacks).toEqual(['secure_context', 'service_worker', 'persistent_storage', 'free_storage', 'server_time']);
    expect(notesOf(lacks).join(' ')).toMatch(/storage is full.*plain HTTP by name.*server’s time/);
    expect(notesOf(['service_worker'])).toEqual([expect.stringContaining('could not be kept')]);
    expect(notesOf(['persistent_storage'])).toEqual([]);
  });
});

describe('a report', () => {
  const said: Report = {
    installed: [],
    clockOffsetMs: 0,
    lacks: [],
    events: { series: 's', first: 1, last: 4 },
    storage: { usedBytes: 100, quotaBytes: 10_000 },
  };
  const news = (over: Partial<Report>, quiet = false): boolean => isNews(said, { ...said, ...over }, quiet);

  it('is news when something changed that matters', () => {
    expect(news({})).toBe(false);
    expect(news({ installed: [{ campaignId: 'c', version: 1 }] })).toBe(true);
    expect(news({ lacks: ['free_storage'] })).toBe(true);
    expect(news({ events: { ...said.events, series: 't' } })).toBe(true);
    expect([news({ clockOffsetMs: 49 }), news({ clockOffsetMs: -50 })]).toEqual([false, true]);
    expect([news({ storage: { usedBytes: 200, quotaBytes: 10_000 } }), news({ storage: { usedBytes: 201, quotaBytes: 10_000 } })]).toEqual([
      false,
      true,
    ]);
    const { storage: _storage, ...without } = said;
    expect(isNews(said, without, false)).toBe(true);
  });

  it('tells of the last event when no further one came', () => {
    const events = { series: 's', first: 2, last: 5 };
    expect([news({ events }), news({ events }, true)]).toEqual([false, true]);
    expect(news({ events: { ...events, last: 4 } }, true)).toBe(false);
  });
});
