import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { Log } from '../kit/log.js';
import type { Database } from './database.js';

/** How often a process that does not lead asks whether it may, ms. Waiting for the lock inside the database would hold up its vacuum. */
const ASK_MS = 500;
/** Together less than the 15 s after which the database lets go of the lock of a machine that vanished: who is cut off leaves off before another begins. */
export interface LeadTimes {
  /** How often the leader asks whether its session is still there, ms. */
  probeMs: number;
  /** How long it waits for an answer, ms. */
  answerMs: number;
  /** How long one that lost its session (the database was restarted) goes on as if it had it, while nobody else is known to lead, ms. */
  graceMs: number;
}

const TIMES: LeadTimes = { probeMs: 2000, answerMs: 3000, graceMs: 5000 };
/** How long the end of a session waits for the database to see it, ms. */
const FAREWELL_MS = 1000;

/**
 * One process of many leads: whoever holds a session-level advisory lock. It is free in the moment in which the database sees
 * that session end. Around such an end two may believe to lead for a moment, so what the leader does must bear being done twice.
 */
export class Lead {
  private client: pg.Client | undefined;
  private leading = false;
  private readonly listeners: ((leads: boolean) => void)[] = [];
  private readonly ending = new AbortController();
  /** Cuts the connection, also one that is being made. */
  private readonly cut = new AbortController();
  private work: Promise<void> = Promise.resolve();
  private grace: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    /** Names the lock; any number that nobody else uses. */
    private readonly key: number,
    private readonly log: Log,
    private readonly times: LeadTimes = TIMES,
  ) {}

  /** Calls the listener at every change, from `start` on; before, this process does not lead. */
  onChange(listener: (leads: boolean) => void): void {
    this.listeners.push(listener);
  }

  start(): void {
    this.work = this.seek();
  }

  /** Leads no more, without telling so; resolves when another process may, or soon when the database cannot be reached to say so. */
  async stop(): Promise<void> {
    this.ending.abort();
    clearTimeout(this.grace);
    const farewell = new AbortController();
    await Promise.race([this.client?.end(), delay(FAREWELL_MS, undefined, { signal: farewell.signal }).catch(() => undefined)]);
    farewell.abort();
    this.cut.abort();
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
    const client = await this.database.dedicatedClient({ signal: this.cut.signal, queryTimeoutMs: this.times.answerMs });
    this.client = client;
    let over = false;
    // Not `once` of node:events: it rejects at the error that comes before.
    const ended = new Promise<void>((resolve) => {
      client.once('end', () => {
        over = true;
        resolve();
      });
    });
    try {
      // A machine that vanished would hold the lock for the two hours that systems wait by default.
      await client.query('set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 2');
      while (!this.ending.signal.aborted && !(await this.ask(client))) {
        this.tell(false);
        await this.pause(ASK_MS, ended);
      }
      if (this.ending.signal.aborted) return;
      this.tell(true);
      await this.keep(client, ended, () => over);
      if (!this.ending.signal.aborted) this.grace = setTimeout(() => this.tell(false), this.times.graceMs);
    } finally {
      this.client = undefined;
      await client.end();
    }
  }

  /** Resolves when its session has ended, or does not answer. */
  private async keep(client: pg.Client, ended: Promise<void>, isOver: () => boolean): Promise<void> {
    while (!isOver() && !this.ending.signal.aborted) {
      await this.pause(this.times.probeMs, ended);
      if (isOver() || this.ending.signal.aborted) return;
      try {
        await client.query('select 1');
      } catch (error) {
        return this.log.debug({ err: error }, 'the session of the one that leads does not answer');
      }
    }
  }

  /** Until then, or until the session or this process's part in it ends. */
  private async pause(ms: number, ended: Promise<void>): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.ending.signal, over.signal]);
    await Promise.race([ended, delay(ms, undefined, { signal }).catch(() => undefined)]);
    over.abort();
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
