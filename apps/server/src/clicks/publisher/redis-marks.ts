import type { Marks } from '../marks.js';
import type { RedisConnection } from './redis-connection.js';

const PREFIX = 'rabbitmq:processed:stats.ad.click:';

/** Marks in Redis, each for so many seconds. */
export class RedisMarks implements Marks {
  constructor(
    private readonly connection: RedisConnection,
    private readonly keepSeconds: number,
  ) {}

  async known(messageIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (messageIds.length === 0) return new Set();
    const values = await this.connection.redis.mget(messageIds.map((id) => PREFIX + id));
    return new Set(messageIds.filter((_, index) => values[index] !== null));
  }

  async mark(messageIds: readonly string[]): Promise<void> {
    const pipeline = this.connection.redis.pipeline();
    for (const id of messageIds) pipeline.set(PREFIX + id, '1', 'EX', this.keepSeconds);
    const answers = await pipeline.exec();
    for (const [error] of answers ?? []) if (error !== null) throw error;
  }
}
