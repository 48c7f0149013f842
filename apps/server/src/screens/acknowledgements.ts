import { parseDeviceTopic, playLogEvent, type screenEvent as ScreenEventSchema, screenEvent } from '@marquee/contracts';
import type { z } from 'zod';
import { Batcher } from '../kit/batcher.js';
import { reasonOf } from '../kit/errors.js';
import { isUuid } from '../kit/ids.js';
import type { Log } from '../kit/log.js';
import { type Database, isUnavailable } from '../store/database.js';
import type { ValuesOf } from '../store/statement.js';
import { acknowledge, storedEvents } from './acknowledgements.store.js';
import type { PlayLogs } from './play-logs.js';
import { type Numbered, numberOf, type Sequences } from './sequences.js';

type Event = z.output<typeof ScreenEventSchema>;

/** What came: an event, or the number alone of one that cannot be stored: it came all the same, and is not asked for. */
interface Came {
  event?: Event;
  numbered?: Numbered | undefined;
}

export interface AcknowledgementsOptions {
  /** Most events in one statement, and how long the first of them waits for company, ms. */
  batch: number;
  waitMs: number;
  /** Writes the presence that is waiting: a screen's first status may be on its way when its first event is. */
  registerWaiting: () => Promise<void>;
}

export interface AcknowledgementsMetrics {
  event(type: string, result: 'stored' | 'known' | 'malformed' | 'refused'): void;
}

const REASON_MAX = 500;
/** One malformed message in so many is shown in the log, so that a fleet gone mad does not fill the disk. */
const SAMPLE = 100;

/** Takes the events of screens: validated, gathered into batches, stored once each, and noted as settled by their numbers. */
export class Acknowledgements {
  private readonly batcher: Batcher<Came, boolean>;
  private malformed = 0;

  constructor(
    private readonly database: Database,
    private readonly playLogs: PlayLogs,
    private readonly sequences: Sequences,
    private readonly options: AcknowledgementsOptions,
    private readonly metrics: AcknowledgementsMetrics,
    private readonly log: Log,
  ) {
    this.batcher = new Batcher({
      size: options.batch,
      waitMs: options.waitMs,
      concurrency: 2,
      maxPending: 100_000,
      flush: (came) => this.store(came),
    });
  }

  /**
   * Resolves when the event is stored, or never will be: malformed, or of a device or campaign unknown here. Rejects when
   * the database cannot take it now: then it must come again, so do not acknowledge it.
   */
  async take(topic: string, payload: Buffer): Promise<void> {
    const came = this.read(topic, payload);
    if (came.event === undefined && came.numbered === undefined) return;
    const fresh = await this.batcher.add(came);
    if (came.event !== undefined) this.metrics.event(came.event.eventType, fresh ? 'stored' : 'known');
  }

  drain(): Promise<void> {
    return this.batcher.drain();
  }

  private read(topic: string, payload: Buffer): Came {
    const from = parseDeviceTopic(topic);
    let body: unknown;
    try {
      body = JSON.parse(payload.toString('utf8'));
    } catch (error) {
      return this.refuse(topic, reasonOf(error));
    }
    const said: Partial<Record<string, unknown>> = typeof body === 'object' && body !== null ? { ...body } : {};
    const parsed = (said['eventType'] === 'PLAY_LOG' ? playLogEvent : screenEvent).safeParse(body);
    if (from === undefined || (parsed.success && from.deviceId !== parsed.data.deviceId))
      return this.refuse(topic, 'deviceId: is not the device of the topic');
    const numbered = said['deviceId'] === from.deviceId ? numberOf(from.deviceId, said['payload']) : undefined;
    if (parsed.success) return { event: parsed.data, numbered };
    const [issue] = parsed.error.issues;
    return this.refuse(topic, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`, numbered);
  }

  private refuse(topic: string, reason: string, numbered?: Numbered): Came {
    this.metrics.event('unknown', 'malformed');
    if (this.malformed % SAMPLE === 0)
      this.log.warn({ topic: topic.slice(0, 200), reason, malformed: this.malformed + 1 }, 'a malformed event was dropped');
    this.malformed += 1;
    return { numbered };
  }

  private async store(came: Came[]): Promise<boolean[]> {
    const events = came.flatMap(({ event }) => (event === undefined ? [] : [event]));
    const stored = await this.storeEvents(events);
    await this.sequences.settle(came.flatMap(({ numbered }) => (numbered === undefined ? [] : [numbered])));
    // Of the same event twice in one batch, one is new.
    return came.map(({ event }) => event !== undefined && stored.delete(event.eventId));
  }

  private async storeEvents(events: Event[]): Promise<Set<string>> {
    const unique = new Map(events.map((event) => [event.eventId, event]));
    const batch = [...unique.values()];
    const stored = await this.writeAll(batch);
    for (const id of await this.writeAgain(batch.filter((event) => !stored.has(event.eventId)))) stored.add(id);
    return stored;
  }

  /** Plays are counted where the others move deliveries. */
  private async writeAll(batch: Event[]): Promise<Set<string>> {
    const logs = batch.filter((event) => event.eventType === 'PLAY_LOG');
    if (logs.length === 0) return await this.write(batch);
    const counted = await this.write(logs, (part) => this.playLogs.store(part));
    const others = batch.filter((event) => event.eventType !== 'PLAY_LOG');
    return new Set([...counted, ...(others.length === 0 ? [] : await this.write(others))]);
  }

  /** What was not stored and is not there either may be of a device whose first status is on its way: it gets a second chance. */
  private async writeAgain(events: Event[]): Promise<Set<string>> {
    if (events.length === 0) return new Set();
    const rows = await this.database.run(storedEvents, { eventIds: events.map((event) => event.eventId) });
    const there = new Set(rows.map((row) => row.event_id));
    const missing = events.filter((event) => !there.has(event.eventId));
    if (missing.length === 0) return new Set();
    await this.options.registerWaiting();
    return await this.writeAll(missing);
  }

  private async acknowledge(batch: Event[]): Promise<Set<string>> {
    const rows = await this.database.run(acknowledge, columnsOf(batch));
    return new Set(rows.map((row) => row.event_id));
  }

  /** Writes a batch; where the database refuses it, its halves, so that what it cannot take is lost alone. */
  private async write(batch: Event[], store = (part: Event[]) => this.acknowledge(part)): Promise<Set<string>> {
    try {
      return await store(batch);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      const [only] = batch;
      if (batch.length === 1 && only !== undefined) {
        this.metrics.event(only.eventType, 'refused');
        this.log.error({ err: error, eventId: only.eventId, device: only.deviceId }, 'the database refused an event');
        return new Set();
      }
      const half = Math.ceil(batch.length / 2);
      const first = await this.write(batch.slice(0, half), store);
      const second = await this.write(batch.slice(half), store);
      return new Set([...first, ...second]);
    }
  }
}

function columnsOf(batch: Event[]): ValuesOf<typeof acknowledge.takes> {
  return {
    eventIds: batch.map((event) => event.eventId),
    devices: batch.map((event) => event.deviceId),
    campaigns: batch.map((event) => event.campaignId),
    versions: batch.map((event) => event.version),
    types: batch.map((event) => event.eventType.toLowerCase()),
    assets: batch.map((event) => assetOf(event)),
    payloads: batch.map((event) => JSON.stringify(event.payload ?? {})),
    times: batch.map((event) => event.timestamp),
    errors: batch.map((event) => (event.eventType === 'ERROR' ? errorOf(event) : null)),
    missings: batch.map(
      (event) => event.eventType === 'INSTALL_ACK' && Array.isArray(event.payload?.['missing']) && event.payload['missing'].length > 0,
    ),
  };
}

function assetOf(event: Event): string | null {
  const id = event.payload?.['assetId'];
  return typeof id === 'string' && isUuid(id) ? id : null;
}

function errorOf(event: Event): string {
  const reason = event.payload?.['reason'] ?? event.payload?.['message'];
  return typeof reason === 'string' && reason !== '' ? reason.slice(0, REASON_MAX) : 'the screen gave no reason';
}
