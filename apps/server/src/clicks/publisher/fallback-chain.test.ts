import { describe, expect, test } from 'vitest';
import { silentLog } from '../../kit/log.js';
import { HandTiming } from '../../test/support/click-parts.js';
import type { ClickMessage } from '../click.js';
import { FallbackChain, type Pingable } from './fallback-chain.js';

type Mood = 'works' | 'fails' | 'hangs';

class MoodyFallback implements Pingable {
  mood: Mood = 'works';
  asked = 0;
  readonly kept: ClickMessage[] = [];

  constructor(readonly kind: 'redis' | 'postgres') {}

  async store(messages: readonly ClickMessage[]): Promise<void> {
    this.asked += 1;
    await this.answer();
    this.kept.push(...messages);
  }

  async oldest(most: number): Promise<ClickMessage[]> {
    await this.answer();
    return this.kept.slice(0, most);
  }

  async remove(messages: readonly { seq: number }[]): Promise<void> {
    await this.answer();
    for (const { seq } of messages) {
      const index = this.kept.findIndex((each) => each.seq === seq);
      if (index >= 0) this.kept.splice(index, 1);
    }
  }

  async depth(): Promise<number> {
    await this.answer();
    return this.kept.length;
  }

  async ping(): Promise<void> {
    await this.answer();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async answer(): Promise<void> {
    if (this.mood === 'fails') throw new Error('refused');
    if (this.mood === 'hangs') await new Promise(() => undefined);
  }
}

function open(): { timing: HandTiming; redis: MoodyFallback; postgres: MoodyFallback; chain: FallbackChain } {
  const [timing, redis, postgres] = [new HandTiming(), new MoodyFallback('redis'), new MoodyFallback('postgres')];
  return { timing, redis, postgres, chain: new FallbackChain([redis, postgres], timing, silentLog) };
}

function click(seq: number): ClickMessage {
  return { process: 1, seq, messageId: `id-${seq}`, body: '{}' };
}

describe('a chain of fallbacks', () => {
  test('keeps clicks in the first; in the second when the first refuses, and leaves the first alone', async () => {
    const { redis, postgres, chain } = open();
    await chain.store([click(1)]);
    redis.mood = 'fails';
    await chain.store([click(2)]);
    await chain.store([click(3)]);
    expect([redis.kept.length, postgres.kept.length, redis.asked]).toEqual([1, 2, 2]);
  });

  test('waits for the first 25 ms at most', async () => {
    const { timing, redis, postgres, chain } = open();
    redis.mood = 'hangs';
    const storing = chain.store([click(1)]);
    await timing.pass(24);
    expect(postgres.kept).toHaveLength(0);
    await timing.pass(1);
    await storing;
    expect(postgres.kept).toHaveLength(1);
  });

  test('returns to the first when it answers again', async () => {
    const { timing, redis, chain } = open();
    redis.mood = 'fails';
    await chain.store([click(1)]);
    await timing.pass(5000);
    redis.mood = 'works';
    await timing.pass(1000);
    await chain.store([click(2)]);
    expect(redis.kept).toHaveLength(1);
  });

  test('rejects when no one takes them, and takes the next again when one is back', async () => {
    const { timing, redis, postgres, chain } = open();
    redis.mood = postgres.mood = 'fails';
    await expect(chain.store([click(1)])).rejects.toThrow('refused');
    await expect(chain.store([click(1)])).rejects.toThrow('no fallback can be reached');
    postgres.mood = 'works';
    await timing.pass(1000);
    await chain.store([click(1)]);
    expect(postgres.kept).toHaveLength(1);
  });

  test('gives back, removes and counts what either has', async () => {
    const { redis, postgres, chain } = open();
    redis.kept.push(click(1));
    postgres.kept.push(click(1), click(2));
    expect(await chain.depth()).toBe(3);
    expect(await chain.oldest(10)).toEqual([click(1)]);
    await chain.remove([click(1)]);
    expect(await chain.oldest(10)).toEqual([click(2)]);
  });

  test('where one is away, the depth cannot be told, and the other is given back', async () => {
    const { redis, postgres, chain } = open();
    postgres.kept.push(click(1));
    redis.mood = 'fails';
    await chain.store([click(2)]);
    await expect(chain.depth()).rejects.toThrow('refused');
    expect(await chain.oldest(10)).toEqual([click(1), click(2)]);
  });

  test('keeps clicks in one that forgets only when the other takes none', async () => {
    const { redis, postgres, chain } = open();
    chain.demote('redis');
    await chain.store([click(1)]);
    postgres.mood = 'fails';
    await chain.store([click(2)]);
    expect([redis.kept, postgres.kept]).toEqual([[click(2)], [click(1)]]);
  });
});
