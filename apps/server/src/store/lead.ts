import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Log } from '../kit/log.js';
import type { Database } from './database.js';

/** How often a process that does not lead asks whether it may, ms. Waiting for the lock inside the database would hold up its vacuum. */
const ASK_MS = 500;
/** How long one that lost its session (the database was restarted) goes on as if it had it, while nobody else is known to lead, ms. */
const GRACE_MS = 5000;

/**
 * One process of many leads: whoever holds a session-level advisory lock. It is free in the moment in which the database sees
 * that session end. Around such an end two may believe to lead for a moment, so what the leader does must bear being done twice.
 */
export class Lead {
  private client: pg.Client | undefined;
  private leading = false;
  private readonly listeners: ((leads: boolean) => void)[] = [];
  private readonly ending = new AbortController();
  private work: Promise<void> = Promise.resolve();
  private grace: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    /** Names the lock; any number that nobody else uses. */
    private readonly key: number,
    private readonly log: Log,
  ) {}

  /** Calls the listener at every change, from `start` on; before, this process does not lead. */
  onChange(listener: (leads: boolean) => void): void {
    this.listeners.push(listener);
  }

  start(): void {
    this.work = this.seek();
  }

  /** Leads no more, without telling so; resolves when another process may. */
  async stop(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.grace);
    await this.client?.end();
    await this.work;
  }

  private async seek(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      await this.hold().catch((error: unknown) => this.log.debug({ err: error }, 'who leads cannot be asked now'));
      await delay(ASK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Resolves when its session has ended. */
  private async hold(): Promise<void> {
    const client = await this.database.dedicatedClient();
    this.client = client;
    const ended = once(client, 'end');
    try {
      // A machine that vanished would hold the lock for the two hours that systems wait by default.
      await client.query('set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 2');
      while (!this.ending.signal.aborted && !(await this.ask(client))) {
        this.tell(false);
        await Promise.race([ended, delay(ASK_MS, undefined, { signal: this.ending.signal }).catch(() => undefined)]);
      }
      if (this.ending.signal.aborted) return;
      this.tell(true);
      await ended;
      if (!this.ending.signal.aborted) this.grace = setTimeout(() => this.tell(false), GRACE_MS);
    } finally {
      await client.end();
    }
  }

  private async ask(client: pg.Client): Promise<boolean> {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [this.key]);
    return rows[0]?.mine === true;
  }

  private tell(leads: boolean): void {
    clearTimeout(this.grace);
    if (leads === this.leading) return;
    this.leading = leads;
    for (const listener of this.listeners) listener(leads);
  }
}
