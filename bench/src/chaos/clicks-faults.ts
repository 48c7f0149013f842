import { setTimeout as delay } from 'node:timers/promises';
import type { ClicksWorld } from './clicks-world.js';

export interface ClicksFault {
  name: string;
  says: string;
  /** A process that accepts is killed: with CLICK_ACK=accepted it may lose what it had in memory. */
  kills?: true;
  /** What must be there before. */
  prepare?: (world: ClicksWorld) => Promise<unknown>;
  /** Breaks something for so long, and puts it back. */
  happen: (world: ClicksWorld, awayMs: number) => Promise<void>;
}

/** By the word of `--fault`. */
export const CLICKS_FAULTS: readonly ClicksFault[] = [
  {
    name: 'rabbitmq-stopped',
    says: 'RabbitMQ is stopped and started again',
    happen: ({ daemons }, awayMs) => away(daemons.rabbit, 'SIGTERM', awayMs),
  },
  {
    name: 'rabbitmq-killed',
    says: 'RabbitMQ is killed (kill -9) and started again',
    happen: ({ daemons }) => away(daemons.rabbit, 'SIGKILL', 0),
  },
  {
    name: 'rabbitmq-blocked',
    says: 'RabbitMQ is short of memory and takes nothing (connection.blocked)',
    happen: async ({ daemons: { rabbit } }, awayMs) => {
      await rabbit.memoryAlarm(true);
      try {
        await delay(awayMs);
      } finally {
        await rabbit.memoryAlarm(false);
      }
    },
  },
  {
    name: 'channel-closed',
    says: 'one channel is closed by a bad declare, five times',
    happen: async ({ tamper }, awayMs) => {
      for (let time = 0; time < 5; time += 1) {
        await tamper.declareBadly();
        await delay(awayMs / 5);
      }
    },
  },
  {
    name: 'redis-stopped',
    says: 'Redis is stopped and started again',
    happen: ({ daemons }, awayMs) => away(daemons.redis, 'SIGTERM', awayMs),
  },
  {
    name: 'both-stopped',
    says: 'RabbitMQ and Redis are stopped and started again',
    happen: async ({ daemons }, awayMs) => {
      await Promise.all([daemons.rabbit.halt(), daemons.redis.halt()]);
      await delay(awayMs);
      await Promise.all([daemons.rabbit.run(), daemons.redis.run()]);
    },
  },
  {
    name: 'database-stopped',
    says: 'PostgreSQL is stopped and started again',
    happen: async ({ daemons: { database } }, awayMs) => {
      try {
        await database.halt();
        await delay(awayMs);
      } finally {
        await database.run();
      }
    },
  },
  {
    name: 'consumer-killed',
    says: 'one of two processes that count is killed (kill -9) in mid-batch',
    prepare: (world) => world.startCounter(),
    happen: (world) => world.killCounter(),
  },
  {
    name: 'publisher-killed',
    says: 'the process that accepts is killed (kill -9) and started again',
    kills: true,
    happen: (world) => world.killServer(),
  },
];

interface Daemon {
  halt(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  run(): Promise<void>;
}

async function away(daemon: Daemon, signal: 'SIGTERM' | 'SIGKILL', awayMs: number): Promise<void> {
  await daemon.halt(signal);
  await delay(awayMs);
  await daemon.run();
}
