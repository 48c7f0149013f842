import type pg from 'pg';
import { backoff } from '../kit/backoff.js';
import type { Log } from '../kit/log.js';
import type { Database } from './database.js';

const CHANNEL = 'marquee';

/** Told what the notification says beyond its topic; undefined after a reconnect, when anything may have been missed. */
type Wake = (detail: string | undefined) => void;

/**
 * Wakes actors by PostgreSQL's NOTIFY. A hint only: what was missed while the connection was down is made good by waking
 * everyone after each reconnect, and by the actors' own polling.
 */
export class Notifications {
  private client: pg.Client | undefined;
  private readonly listeners: { topic: string; wake: Wake }[] = [];
  private retry: NodeJS.Timeout | undefined;
  private stopped = false;
  private failures = 0;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  /** Calls `wake` when a fact of that type was committed, and after every reconnect. */
  on(topic: string, wake: Wake): void {
    this.listeners.push({ topic, wake });
  }

  async start(): Promise<void> {
    const client = await this.database.dedicatedClient();
    if (this.stopped) return await client.end();
    this.client = client;
    client.on('notification', ({ payload = '' }) => {
      const [topic = '', detail = ''] = payload.split(' ', 2);
      for (const listener of this.listeners) if (listener.topic === topic) listener.wake(detail);
    });
    client.once('end', () => this.reconnect());
    await client.query(`listen ${CHANNEL}`);
    this.failures = 0;
    for (const listener of this.listeners) listener.wake(undefined);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    await this.client?.end();
  }

  private reconnect(): void {
    if (this.stopped) return;
    this.failures += 1;
    clearTimeout(this.retry);
    this.retry = setTimeout(
      () => {
        this.start().catch((error: unknown) => {
          this.log.debug({ err: error }, 'cannot listen to the database yet');
          this.reconnect();
        });
      },
      backoff(this.failures, { firstMs: 50, maxMs: 2000 }),
    );
  }
}
