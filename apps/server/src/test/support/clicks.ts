import { randomUUID } from 'node:crypto';
import type { ClickEvent } from '../../clicks/click.js';
import type { Delivered } from '../../clicks/click-broker.js';
import { StatsConsumer, type StatsConsumerOptions } from '../../clicks/stats/stats-consumer.js';
import { type Clock, systemClock } from '../../kit/clock.js';
import { silentLog } from '../../kit/log.js';
import type { TestStore } from './store.js';

/** A click of somebody on something, a moment ago. */
export function click(more: Partial<ClickEvent> = {}): ClickEvent {
  return {
    messageId: randomUUID(),
    uid: randomUUID(),
    adId: 'ad-1',
    adType: 'banner',
    clickedAt: Date.now(),
    ip: '198.51.100.0',
    source: 'api',
    ...more,
  };
}

/** The click as a broker hands it out. */
export function delivered(event: ClickEvent, acceptance: { process: number; seq: number }, tries = 1): Delivered {
  return {
    ...acceptance,
    messageId: event.messageId,
    body: JSON.stringify({ ...event, clickedAt: String(event.clickedAt) }),
    tries,
  };
}

/** A process of the ledger's; answers its number. */
export async function clickProcess(store: TestStore, said: object = {}): Promise<number> {
  const [row] = await store.sql<{ id: number }>(
    `insert into click_processes (name, started_at, said, said_at) values ('test', $1, $2, $1) returning id`,
    [Date.now(), JSON.stringify(said)],
  );
  return row?.id ?? 0;
}

export function statsConsumer(
  store: Pick<TestStore, 'database'>,
  options: Partial<StatsConsumerOptions> = {},
  clock: Clock = systemClock,
): StatsConsumer {
  const defaults = { prefetch: 1000, batch: 500, waitMs: 10, tries: 3, duplicateMs: 1000, botPerMinute: 60 };
  return new StatsConsumer(store.database, clock, { counted: () => undefined }, { ...defaults, ...options }, silentLog);
}
