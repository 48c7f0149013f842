import { rabbitmqOrSkip, RabbitServer, redisOrSkip, RedisServer } from '@marquee/testing';

/** The outside buses that can be started here. */
export const BUS_ENGINES = [
  { kind: 'rabbitmq', missing: rabbitmqOrSkip() === undefined, start: (): Promise<RabbitServer> => RabbitServer.start() },
  { kind: 'redis', missing: redisOrSkip() === undefined, start: (): Promise<RedisServer> => RedisServer.start() },
] as const;
