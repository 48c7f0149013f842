import type { Clock } from '../../kit/clock.js';
import type { Acceptance, ClickMessage } from '../click.js';
import type { Fallback } from '../fallback.js';
import type { RedisConnection } from '../../kit/redis-connection.js';

/** A key each: others look for clicks that wait under it, and may leave some. */
export const FALLBACK_PREFIX = 'rabbitmq:fallback:stats.ad.click:';
/** The keys' ends, by when they were stored: order and depth without a walk over all of Redis. Not under the prefix, so that no walk meets it. */
export const FALLBACK_INDEX = 'marquee:clicks:fallback';
export const FALLBACK_KEEP_MS = 24 * 3_600_000;

/**
 * A click of the same acceptance stays as it is; of another one it is kept beside the first, under messageId:acceptance. One call a batch, all of
 * it or nothing, in one Redis (not in a cluster: the keys are in no one slot).
 */
const STORE = `
local prefix, index, now, keep = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
for i = 3, #ARGV, 3 do
  local member, acceptance, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local there = redis.call('GET', prefix .. member)
  if there and string.sub(there, -#acceptance) ~= acceptance then
    member = member .. ':' .. string.sub(acceptance, 16, -3)
    there = redis.call('GET', prefix .. member)
  end
  if not there then redis.call('SET', prefix .. member, value, 'PX', keep) end
  redis.call('ZADD', index, 'NX', now, member)
end
return #ARGV`;

/** Takes away what is of that acceptance; what says of none belongs to acceptance 0-0. */
const REMOVE = `
local prefix, index = KEYS[1], KEYS[2]
local gone = 0
for i = 1, #ARGV, 2 do
  local id, acceptance = ARGV[i], ARGV[i + 1]
  local own = ',"acceptance":"' .. acceptance .. '"}'
  local there = redis.call('GET', prefix .. id)
  local member = id .. ':' .. acceptance
  if there and (string.sub(there, -#own) == own or (acceptance == '0-0' and not string.find(there, ',"acceptance":"', 1, true))) then member = id end
  gone = gone + redis.call('DEL', prefix .. member)
  redis.call('ZREM', index, member)
end
return gone`;

/** Enters keys in the index: by what is left of their 24 hours they were stored so long ago. One call for a page of them. */
const ENTER = `
local index, now, keep, from = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) + 1
local entered = 0
for i = 4, #ARGV do
  local left = redis.call('PTTL', ARGV[i])
  local stored = now
  if left >= 0 then stored = now - keep + left end
  entered = entered + redis.call('ZADD', index, 'NX', string.format('%.0f', stored), string.sub(ARGV[i], from))
end
return entered`;

const ACCEPTANCE = /,"acceptance":"(\d+)-(\d+)"\}$/;
const SCAN_COUNT = 1000;

/**
 * The fallback in Redis: a key a click for 24 hours, as safe as that Redis is set up to be. The index beside the keys gives order and depth; where
 * it was lost, or somebody else has left keys, `heal` finds them.
 */
export class RedisFallback implements Fallback {
  readonly kind = 'redis';

  constructor(
    private readonly connection: RedisConnection,
    private readonly clock: Clock,
  ) {}

  async store(messages: readonly ClickMessage[]): Promise<void> {
    const args = [String(this.clock.now()), String(FALLBACK_KEEP_MS)];
    for (const { messageId, process, seq, body } of messages) {
      const acceptance = `,"acceptance":"${process}-${seq}"}`;
      args.push(messageId, acceptance, body.slice(0, -1) + acceptance);
    }
    await this.connection.redis.eval(STORE, 2, FALLBACK_PREFIX, FALLBACK_INDEX, ...args);
  }

  async oldest(most: number): Promise<ClickMessage[]> {
    const { redis } = this.connection;
    // What has expired leaves the index when it is met, and the next ones are looked at.
    for (;;) {
      const members = await redis.zrange(FALLBACK_INDEX, '0', String(most - 1));
      const messages = await this.read(members);
      if (messages.length > 0 || members.length === 0) return messages;
    }
  }

  /** Those that have waited so long, oldest first. */
  async olderThan(ageMs: number, most: number): Promise<ClickMessage[]> {
    const members = await this.connection.redis.zrangebyscore(FALLBACK_INDEX, '-inf', String(this.clock.now() - ageMs), 'LIMIT', 0, most);
    return await this.read(members);
  }

  async remove(messages: readonly (Acceptance & { messageId: string })[]): Promise<void> {
    if (messages.length === 0) return;
    const args = messages.flatMap(({ messageId, process, seq }) => [messageId, `${process}-${seq}`]);
    await this.connection.redis.eval(REMOVE, 2, FALLBACK_PREFIX, FALLBACK_INDEX, ...args);
  }

  async depth(): Promise<number> {
    return await this.connection.redis.zcard(FALLBACK_INDEX);
  }

  async ping(): Promise<void> {
    await this.connection.redis.ping();
  }

  /** Enters in the index what is not in it; answers how many. Walks over all keys by SCAN, so it is for now and then. */
  async heal(): Promise<number> {
    const { redis } = this.connection;
    let cursor = '0';
    let found = 0;
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `${FALLBACK_PREFIX}*`, 'COUNT', SCAN_COUNT);
      cursor = next;
      if (keys.length > 0)
        found += Number(
          await redis.eval(
            ENTER,
            1,
            FALLBACK_INDEX,
            String(this.clock.now()),
            String(FALLBACK_KEEP_MS),
            String(FALLBACK_PREFIX.length),
            ...keys,
          ),
        );
    } while (cursor !== '0');
    return found;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async read(members: readonly string[]): Promise<ClickMessage[]> {
    if (members.length === 0) return [];
    const { redis } = this.connection;
    const values = await redis.mget(members.map((member) => FALLBACK_PREFIX + member));
    const expired = members.filter((_, index) => values[index] === null);
    if (expired.length > 0) await redis.zrem(FALLBACK_INDEX, ...expired);
    return members.flatMap((member, index) => {
      const value = values[index];
      return value === null || value === undefined ? [] : [messageOf(member, value)];
    });
  }
}

/** What somebody else has left is no acceptance of ours: 0-0. */
function messageOf(member: string, value: string): ClickMessage {
  const colon = member.indexOf(':');
  const messageId = colon < 0 ? member : member.slice(0, colon);
  const acceptance = ACCEPTANCE.exec(value);
  if (acceptance === null) return { messageId: member, process: 0, seq: 0, body: value };
  return { messageId, process: Number(acceptance[1]), seq: Number(acceptance[2]), body: `${value.slice(0, acceptance.index)}}` };
}
