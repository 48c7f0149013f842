import { describe, expect, test } from 'vitest';
import { clickOf } from '../../test/support/click-parts.js';
import { Publishing } from '../../test/support/publishing.js';

describe('what is accepted', () => {
  test('is published in batches, confirmed and marked', async () => {
    const { publisher, timing, broker, counters, marked } = new Publishing();
    for (let n = 0; n < 1200; n += 1) expect(publisher.accept(clickOf())).toBe('OK');
    await timing.pass(50);
    expect(broker.attempts).toEqual([500, 500, 200]);
    expect(publisher.inMemory).toBe(0);
    expect(marked.size).toBe(1200);
    expect(counters).toMatchObject({ accepted: 1200, published: 1200, confirmed: 1200, marked: 1200, stored: 0 });
  });

  test('carries its acceptance and its body', async () => {
    const { publisher, timing, broker } = new Publishing();
    void publisher.accept(clickOf({ messageId: '00000000-0000-7000-8000-000000000001', agent: 'x"\n', deviceId: 'd1' }));
    await timing.pass(50);
    expect(broker.taken).toMatchObject([{ process: 7, seq: 1, messageId: '00000000-0000-7000-8000-000000000001' }]);
    expect(JSON.parse(broker.taken[0]?.body ?? '')).toEqual({
      messageId: '00000000-0000-7000-8000-000000000001',
      uid: 'u',
      adId: 'ad',
      adType: 'banner',
      clickedAt: '1800000000000',
      ip: '192.0.2.0',
      source: 'api',
      deviceId: 'd1',
      agent: 'x"\n',
    });
  });

  test('is bounded: past the bound nothing is accepted, until there is room', async () => {
    const { publisher, timing, broker, counters, ledger } = new Publishing({ memory: 10 });
    broker.behaviour = 'hang';
    for (let n = 0; n < 10; n += 1) void publisher.accept(clickOf());
    expect(publisher.accept(clickOf())).toBe('OVERLOADED');
    await timing.pass(50);
    expect(publisher.accept(clickOf())).toBe('OVERLOADED');
    broker.release('confirmed');
    await timing.pass(0);
    expect(publisher.accept(clickOf())).toBe('OK');
    expect(counters).toMatchObject({ accepted: 11, overloaded: 2 });
    expect(ledger.accepted).toBe(11);
  });
});
