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

function accept(publishing: Publishing, count: number): void {
  for (let n = 0; n < count; n += 1) expect(publishing.publisher.accept(clickOf())).toBe('OK');
}

describe('a broker that fails', () => {
  test('is tried again after 100, 500 and 2,000 ms, then the clicks are stored', async () => {
    const publishing = new Publishing();
    const { timing, broker, counters, stored } = publishing;
    broker.behaviour = 'fail';
    accept(publishing, 3);
    await timing.pass(15);
    const moments: number[] = [];
    for (let ms = 0; ms < 3000; ms += 10) {
      const before = broker.attempts.length;
      await timing.pass(10);
      if (broker.attempts.length > before) moments.push(ms);
    }
    expect(broker.attempts).toEqual([3, 3, 3, 3]);
    expect(moments).toEqual([90, 590, 2590]);
    expect(stored.size).toBe(3);
    expect(counters).toMatchObject({ retried: 9, failed: 12, stored: 3, confirmed: 0 });
    expect(publishing.publisher.inMemory).toBe(0);
  });

  test('is tried again with jitter: each pause is cut by up to half', async () => {
    const publishing = new Publishing({ random: () => 1 });
    publishing.broker.behaviour = 'fail';
    accept(publishing, 1);
    await publishing.timing.pass(15 + 49);
    expect(publishing.broker.attempts).toHaveLength(1);
    await publishing.timing.pass(1);
    expect(publishing.broker.attempts).toHaveLength(2);
  });

  test('and works again costs one repetition', async () => {
    const publishing = new Publishing();
    publishing.broker.behaviour = 'fail';
    accept(publishing, 3);
    await publishing.timing.pass(15);
    publishing.broker.behaviour = 'confirm';
    await publishing.timing.pass(100);
    expect(publishing.counters).toMatchObject({ confirmed: 3, retried: 3, stored: 0, marked: 3 });
  });

  test('opens the circuit: clicks go to the fallback at once, and nothing is asked of it for 60 s', async () => {
    const publishing = new Publishing({ retryMs: [] });
    const { timing, broker, stored, states } = publishing;
    broker.behaviour = 'fail';
    for (let n = 0; n < 5; n += 1) {
      accept(publishing, 1);
      await timing.pass(20);
    }
    expect(states).toEqual(['OPEN']);
    accept(publishing, 10);
    await timing.pass(20);
    expect(stored.size).toBe(15);
    expect(broker.attempts).toHaveLength(5);
    broker.behaviour = 'confirm';
    await timing.pass(60_000);
    for (let n = 0; n < 2; n += 1) {
      accept(publishing, 1);
      await timing.pass(20);
    }
    expect(states).toEqual(['OPEN', 'HALF_OPEN', 'CLOSED']);
    expect(broker.taken).toHaveLength(2);
  });

  test('whose connection is lost is not asked; when it is back one batch at a time finds out', async () => {
    const publishing = new Publishing();
    const { timing, broker, stored, states } = publishing;
    broker.connect(false);
    accept(publishing, 5);
    await timing.pass(20);
    expect([stored.size, broker.attempts.length]).toEqual([5, 0]);
    broker.connect(true);
    broker.behaviour = 'hang';
    accept(publishing, 1);
    await timing.pass(20);
    accept(publishing, 7);
    await timing.pass(20);
    expect([stored.size, broker.attempts.length]).toEqual([12, 1]);
    broker.release('confirmed');
    broker.behaviour = 'confirm';
    accept(publishing, 1);
    await timing.pass(20);
    expect(states).toEqual(['OPEN', 'HALF_OPEN', 'CLOSED']);
  });

  test('that has blocked its connection is left alone until it takes messages again', async () => {
    const publishing = new Publishing();
    const { timing, broker, stored, states } = publishing;
    broker.blocked = true;
    accept(publishing, 5);
    await timing.pass(20);
    expect([stored.size, broker.attempts.length]).toEqual([5, 0]);
    broker.blocked = false;
    for (let n = 0; n < 2; n += 1) {
      accept(publishing, 1);
      await timing.pass(20);
    }
    expect(states).toEqual(['OPEN', 'HALF_OPEN', 'CLOSED']);
  });

  test('when the fallback takes nothing either, clicks stay in memory and are placed when one of them is back', async () => {
    const publishing = new Publishing({ retryMs: [] });
    const { timing, broker, stored, publisher } = publishing;
    broker.connect(false);
    publishing.fallbackWorks = false;
    accept(publishing, 700);
    await timing.pass(30_000);
    expect(publisher.inMemory).toBe(700);
    publishing.fallbackWorks = true;
    await timing.pass(1000);
    expect([publisher.inMemory, stored.size]).toEqual([0, 700]);
  });
});

describe('what can never be published', () => {
  test('is buried with its reason, later when it cannot be now', async () => {
    const publishing = new Publishing();
    const { timing, broker, corpses, counters, publisher } = publishing;
    broker.behaviour = 'return';
    publishing.graveWorks = false;
    accept(publishing, 2);
    await timing.pass(500);
    expect(publisher.inMemory).toBe(2);
    expect(broker.attempts).toEqual([2]);
    publishing.graveWorks = true;
    await timing.pass(2000);
    expect(corpses).toMatchObject([{ process: 7, seq: 1, reason: 'no queue' }, { seq: 2 }]);
    expect([publisher.inMemory, counters.dead, publishing.stored.size, publishing.marked.size]).toEqual([0, 2, 0, 0]);
  });
});

describe('a repetition', () => {
  test('of what is under way, has just been confirmed, or is marked, is accepted and published once', async () => {
    const publishing = new Publishing();
    const { timing, broker, publisher, counters, ledger, marked } = publishing;
    const click = clickOf();
    for (let n = 0; n < 20; n += 1) void publisher.accept(click);
    await timing.pass(50);
    void publisher.accept(click);
    const elsewhere = clickOf();
    marked.add(elsewhere.messageId);
    void publisher.accept(elsewhere);
    await timing.pass(50);
    expect(broker.taken).toHaveLength(1);
    expect(counters).toMatchObject({ accepted: 22, duplicates: 21, confirmed: 1 });
    expect(ledger).toEqual({ accepted: 22, repeated: 21 });
    expect(publisher.inMemory).toBe(0);
  });

  test('a storm of 1,000 ids from 20 clients is published 1,000 times, in an outage too', async () => {
    const publishing = new Publishing({ memory: 2000 });
    const { timing, broker, publisher, stored, ledger } = publishing;
    const clicks = Array.from({ length: 1000 }, () => clickOf());
    for (let client = 0; client < 10; client += 1) {
      for (const click of clicks) void publisher.accept(click);
      await timing.pass(5);
    }
    broker.connect(false);
    const more = Array.from({ length: 1000 }, () => clickOf());
    for (let client = 0; client < 10; client += 1) {
      for (const click of [...clicks, ...more]) void publisher.accept(click);
      await timing.pass(5);
    }
    await timing.pass(100);
    expect([broker.taken.length, stored.size]).toEqual([1000, 1000]);
    expect(ledger).toEqual({ accepted: 30_000, repeated: 28_000 });
  });

  test('without an answer about marks everything is published', async () => {
    const publishing = new Publishing();
    publishing.marksWork = false;
    accept(publishing, 5);
    await publishing.timing.pass(20);
    expect(publishing.broker.taken).toHaveLength(5);
  });

  test('of a click that failed is not taken for confirmed by its own mark', async () => {
    const publishing = new Publishing();
    const { timing, broker, publisher, marked } = publishing;
    broker.behaviour = 'fail';
    const click = clickOf();
    void publisher.accept(click);
    await timing.pass(20);
    // Another process publishes the same click meanwhile.
    marked.add(click.messageId);
    broker.behaviour = 'confirm';
    await timing.pass(200);
    expect([broker.taken.length, publishing.ledger.repeated]).toEqual([1, 0]);
  });
});

describe('a durable click', () => {
  const options = { ack: 'durable', hedgeMs: 20 } as const;

  async function outcome(publishing: Publishing, ms: number): Promise<string> {
    const accepted = publishing.publisher.accept(clickOf());
    let told = 'nothing';
    void Promise.resolve(accepted).then((answer) => (told = answer));
    await publishing.timing.pass(ms);
    return told;
  }

  test('is answered when the broker has confirmed it', async () => {
    const publishing = new Publishing({ ack: 'durable' });
    publishing.broker.behaviour = 'hang';
    expect(await outcome(publishing, 100)).toBe('nothing');
    publishing.broker.behaviour = 'confirm';
    expect(await outcome(publishing, 5)).toBe('OK');
  });

  test('is answered when the fallback has stored what the broker is slow to confirm; the late confirm takes it out again', async () => {
    const publishing = new Publishing(options);
    const { broker, stored, counters, timing } = publishing;
    broker.behaviour = 'hang';
    expect(await outcome(publishing, 35)).toBe('OK');
    expect(stored.size).toBe(1);
    broker.release('confirmed');
    await timing.pass(10);
    expect(stored.size).toBe(0);
    expect(counters).toMatchObject({ stored: 1, confirmed: 1, marked: 1 });
    expect(publishing.publisher.inMemory).toBe(0);
  });

  test('is answered by 503 when neither takes it in time, and counted later all the same', async () => {
    const publishing = new Publishing({ ...options, retryMs: [] });
    publishing.broker.connect(false);
    publishing.fallbackWorks = false;
    expect(await outcome(publishing, 1990)).toBe('nothing');
    const late = outcome(publishing, 2020);
    expect(await late).toBe('LATE');
    publishing.fallbackWorks = true;
    await publishing.timing.pass(2000);
    expect(publishing.stored.size).toBe(2);
  });

  test('counts as accepted when it is answered OK, or gets through after its 503; a repetition that is answered 503 never', async () => {
    const publishing = new Publishing({ ...options, retryMs: [] });
    const { publisher, timing, broker, ledger, counters } = publishing;
    broker.connect(false);
    publishing.fallbackWorks = false;
    const click = clickOf();
    const answers = [1, 2].map(async () => await publisher.accept(click));
    await timing.pass(2020);
    expect(await Promise.all(answers)).toEqual(['LATE', 'LATE']);
    expect([ledger, counters.accepted, counters.duplicates]).toEqual([{ accepted: 0, repeated: 0 }, 0, 0]);
    publishing.fallbackWorks = true;
    await timing.pass(2000);
    expect([ledger, counters.accepted]).toEqual([{ accepted: 1, repeated: 0 }, 1]);
    expect(publisher.accept(click)).toBe('OK');
    expect([ledger, counters.duplicates]).toEqual([{ accepted: 2, repeated: 1 }, 1]);
  });

  test('that is marked as published already counts as accepted, and as a repetition', async () => {
    const publishing = new Publishing(options);
    const click = clickOf();
    publishing.marked.add(click.messageId);
    const answer = publishing.publisher.accept(click);
    await publishing.timing.pass(10);
    expect([await answer, publishing.ledger]).toEqual(['OK', { accepted: 1, repeated: 1 }]);
  });

  test('is what the first clicks of a process are, until it is on record that it accepts', async () => {
    let liable = false;
    const { publisher, timing, broker, ledger } = new Publishing({ ack: 'accepted' }, { liable: () => liable });
    broker.behaviour = 'hang';
    const first = publisher.accept(clickOf());
    expect([first, ledger.accepted]).toEqual([expect.any(Promise), 0]);
    await timing.pass(20);
    broker.release('confirmed');
    await timing.pass(0);
    expect([await first, ledger.accepted]).toEqual(['OK', 1]);
    liable = true;
    expect([publisher.accept(clickOf()), ledger.accepted]).toEqual(['OK', 2]);
  });

  test('a repetition waits for the first and shares its fate', async () => {
    const publishing = new Publishing({ ack: 'durable' });
    const { broker, publisher, timing } = publishing;
    broker.behaviour = 'hang';
    const click = clickOf();
    const answers: string[] = [];
    for (let n = 0; n < 3; n += 1) void Promise.resolve(publisher.accept(click)).then((answer) => answers.push(answer));
    await timing.pass(50);
    expect(answers).toEqual([]);
    broker.release('confirmed');
    await timing.pass(5);
    expect(answers).toEqual(['OK', 'OK', 'OK']);
    expect(publisher.accept(click)).toBe('OK');
  });

  test('while the broker hangs all are answered within 40 ms, whatever their number', async () => {
    const publishing = new Publishing(options);
    const { broker, timing, publisher } = publishing;
    broker.behaviour = 'hang';
    const slow: number[] = [];
    for (let n = 0; n < 1000; n += 1) {
      const at = timing.monotonic();
      void Promise.resolve(publisher.accept(clickOf())).then(() => slow.push(timing.monotonic() - at));
      await timing.pass(1);
    }
    await timing.pass(50);
    expect(slow).toHaveLength(1000);
    expect(Math.max(...slow)).toBeLessThanOrEqual(40);
  });
});

describe('a stop', () => {
  test('accepts nothing more, places what is in memory and says that nothing is left', async () => {
    const publishing = new Publishing();
    accept(publishing, 1000);
    const stopping = publishing.publisher.stop(10_000);
    expect(publishing.publisher.accept(clickOf())).toBe('OVERLOADED');
    await publishing.timing.pass(0);
    expect(await stopping).toEqual([]);
    expect(publishing.broker.taken).toHaveLength(1000);
  });

  test('hands out after its time what nothing took, and the next process takes it in under its first acceptance', async () => {
    const publishing = new Publishing({ retryMs: [] });
    publishing.broker.connect(false);
    publishing.fallbackWorks = false;
    accept(publishing, 3);
    const stopping = publishing.publisher.stop(10_000);
    await publishing.timing.pass(10_000);
    const left = await stopping;
    expect(left.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    const next = new Publishing({ process: 8 });
    const taking = next.publisher.takeIn(left);
    await next.timing.pass(20);
    await taking;
    expect(next.broker.taken.map(({ process, seq }) => `${process}-${seq}`)).toEqual(['7-1', '7-2', '7-3']);
    expect(next.ledger.accepted).toBe(0);
  });
});
