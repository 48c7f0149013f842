import { setTimeout as delay } from 'node:timers/promises';
import { RabbitmqBroker } from '@marquee/server/clicks/brokers/rabbitmq-broker';
import type { ClickEvent } from '@marquee/server/clicks/click';
import { PostgresFallback } from '@marquee/server/clicks/publisher/postgres-fallback';
import { RedisConnection } from '@marquee/server/kit/redis-connection';
import { RedisFallback } from '@marquee/server/clicks/publisher/redis-fallback';
import { silentLog } from '@marquee/server/kit/log';
import { systemTiming } from '@marquee/server/kit/timing';
import { Database } from '@marquee/server/store/database';
import { ClickPublishing } from '@marquee/server/wiring/click-publishing';
import { clickMessages } from '../clicks/click-messages.js';
import { answerParent } from '../remote.js';

export interface PublishClicks {
  amqp: string;
  redis: string;
  databaseUrl: string;
  dataDir: string;
  n: number;
  memory: number;
}

/** Our publisher with nobody before it, and our fallbacks. */
export type ClickPublisherMethods = {
  /** Accepts so many as fast as they go; answers how long it took until all were confirmed, ms, and how many were stored in place of that. */
  publish: (work: PublishClicks) => Promise<{ tookMs: number; stored: number }>;
  /** Stores so many in a fallback. */
  fill: (work: { redis?: string; databaseUrl: string; n: number }) => Promise<void>;
};

const PROCESS = 1_000_001;
const BATCH = 500;

const methods: ClickPublisherMethods = {
  publish: async ({ amqp, redis, databaseUrl, dataDir, n, memory }) => {
    const database = new Database({ url: databaseUrl, poolSize: 4, log: silentLog });
    const broker = new RabbitmqBroker({ url: amqp, channels: 4, confirmMs: 5000, log: silentLog, onError: () => undefined });
    const publishing = new ClickPublishing(
      database,
      broker,
      { accepted: () => undefined, say: () => Promise.resolve(), unsaid: () => [] },
      {
        process: PROCESS,
        holder: 'bench',
        dataDir,
        redisUrl: redis,
        ack: 'accepted',
        memory,
        durableMs: 2000,
        retryMs: [100, 500, 2000],
        breaker: { failures: 5, openMs: 60_000, successes: 2 },
        dedupeDays: 7,
        replayRate: 2000,
        onError: () => undefined,
        log: silentLog,
      },
    );
    while (!broker.connected) await delay(20);
    await publishing.start();
    const events = clickMessages(n).map(({ body }) => asEvent(body));
    const { publisher, counters } = publishing;
    const began = performance.now();
    for (const event of events) {
      // Where memory runs short the fallback gets clicks too: that is another measurement. To look all the time would take the broker's core.
      while (publisher.inMemory >= memory / 2) await delay(1);
      void publisher.accept(event);
    }
    while (counters.confirmed < n) await delay(1);
    const tookMs = performance.now() - began;
    const { stored } = counters;
    await publishing.stop();
    await broker.close();
    await database.close();
    return { tookMs, stored };
  },
  fill: async ({ redis, databaseUrl, n }) => {
    const database = new Database({ url: databaseUrl, poolSize: 2, log: silentLog });
    const connection =
      redis === undefined ? undefined : new RedisConnection(redis, silentLog, { name: 'marquee-bench', away: 'Redis is away' });
    await connection?.whenReady(5000);
    const fallback = connection === undefined ? new PostgresFallback(database, systemTiming) : new RedisFallback(connection, systemTiming);
    for (let from = 0; from < n; from += BATCH) await fallback.store(clickMessages(Math.min(BATCH, n - from), from));
    await fallback.close();
    await connection?.close();
    await database.close();
  },
};

function asEvent(body: string): ClickEvent {
  const event = JSON.parse(body) as Omit<ClickEvent, 'clickedAt'> & { clickedAt: string };
  return { ...event, clickedAt: Number(event.clickedAt) };
}

answerParent(methods);
