import { parseDeviceTopic, type ScreenReport, statusMessage } from '@marquee/contracts';
import { setTimeout as delay } from 'node:timers/promises';
import { backoff } from '../kit/backoff.js';
import { Batcher } from '../kit/batcher.js';
import { reasonOf } from '../kit/errors.js';
import { isUuid } from '../kit/ids.js';
import type { Log } from '../kit/log.js';
import { type Database, isUnavailable } from '../store/database.js';
import type { Kept } from './sequences.js';
import { contactNow, notePresence, reconcileInstalled } from './screens.store.js';

export interface PresenceOptions {
  /** How long statuses gather, ms: of a screen that flaps meanwhile only the last is written. */
  waitMs: number;
  /** Screens never seen register by their first status. */
  enroll: boolean;
  /** Tells a screen to drop a campaign. */
  revoke: (deviceId: string, campaignId: string) => Promise<void>;
  /** Told which events screens that are online say they keep. */
  noteKept: (kept: Kept[]) => Promise<void>;
  /** Called when offers or revokes became due. */
  onContact: () => void;
}

export interface PresenceMetrics {
  status(result: 'taken' | 'malformed'): void;
}

interface Told {
  deviceId: string;
  online: boolean;
  /** When it arrived, on the monotonic clock: what the screen acknowledged since then is newer than its list. */
  at: number;
  clockOffsetMs: number | null;
  /** What it says of itself; undefined: it did not say, and what it said last stands. */
  report: ScreenReport | undefined;
  kept: Kept | undefined;
  /** Absent: the screen did not say. */
  installed?: { campaignId: string; version: number }[];
}

const BATCH = 2000;
/** What the database holds; a larger one is none of ours. */
const MAX_VERSION = 2_147_483_647;
/** A send that was under way as its screen came is settled by then. */
const SENT_BY_MS = 500;
const RETRY = { firstMs: 200, maxMs: 3000 };

/** Keeps who is online, by the order in which statuses arrive, and gives a screen that comes online what it should have. */
export class Presence {
  private readonly batcher: Batcher<Told, void>;
  private lastWritten: Promise<void> = Promise.resolve();
  private readonly waiting = new Set<NodeJS.Timeout>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly options: PresenceOptions,
    private readonly metrics: PresenceMetrics,
    private readonly log: Log,
  ) {
    this.batcher = new Batcher({
      size: BATCH,
      waitMs: options.waitMs,
      concurrency: 1,
      maxPending: 200_000,
      flush: (told) => this.write(told),
    });
  }

  /**
   * Takes a status message and keeps it until it is written: it comes once, and no screen repeats it because the database was away.
   * A retained one may be old: it says who is online, but not what is installed by now.
   */
  take(topic: string, payload: Buffer, retained = false): void {
    const told = read(topic, payload, retained);
    this.metrics.status(told === undefined ? 'malformed' : 'taken');
    if (told === undefined) return;
    // Not awaited by the caller: a screen's next packets would wait behind it.
    this.lastWritten = this.batcher
      .add(told)
      .catch((error: unknown) => this.log.warn({ err: error, device: told.deviceId }, 'a status could not be written'));
  }

  /** Resolves when all that was taken until now is written. */
  async written(): Promise<void> {
    this.batcher.hurry();
    await this.lastWritten;
  }

  /** Writes what was taken, if the database is there for it. */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const timer of this.waiting) clearTimeout(timer);
    await this.batcher.drain();
  }

  private async write(all: Told[]): Promise<void[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.writeLast(all);
        return all.map(() => undefined);
      } catch (error) {
        if (!isUnavailable(error) || this.stopping.signal.aborted) throw error;
        if (attempt === 1) this.log.warn({ reason: reasonOf(error) }, 'presence waits until the database can be reached');
        await delay(backoff(attempt, RETRY), undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }

  private async writeLast(all: Told[]): Promise<void> {
    const last = new Map(all.map((told) => [told.deviceId, told]));
    const batch = [...last.values()].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
    const registered = await this.database.run(notePresence, {
      ids: batch.map((told) => told.deviceId),
      statuses: batch.map((told) => (told.online ? 'online' : 'offline')),
      offsets: batch.map((told) => told.clockOffsetMs),
      reports: batch.map((told) => (told.report === undefined ? null : JSON.stringify(told.report))),
      enroll: this.options.enroll,
    });
    const known = new Set(registered.map((row) => row.device_id));
    const online = batch.filter((told) => told.online && known.has(told.deviceId));
    if (online.length > 0) await this.greet(online);
  }

  private async greet(online: Told[]): Promise<void> {
    await this.options.noteKept(online.flatMap((told) => (told.kept === undefined ? [] : [told.kept])));
    const listed = online.filter((told) => told.installed !== undefined);
    if (listed.length > 0) {
      const pairs = listed.flatMap((told) => (told.installed ?? []).map((each) => ({ device: told.deviceId, ...each })));
      const now = performance.now();
      const strangers = await this.database.run(reconcileInstalled, {
        devices: listed.map((told) => told.deviceId),
        agesMs: listed.map((told) => Math.ceil(now - told.at)),
        installedDevices: pairs.map((pair) => pair.device),
        installedCampaigns: pairs.map((pair) => pair.campaignId),
        installedVersions: pairs.map((pair) => pair.version),
      });
      for (const { device_id, campaign_id } of strangers) await this.revoke(device_id, campaign_id);
    }
    const due = await this.contact(online.map((told) => told.deviceId));
    if (due > 0 || listed.length > 0) this.options.onContact();
  }

  /** Answers how much became due. What is being sent to some of them is looked after again when it has been settled. */
  private async contact(devices: string[]): Promise<number> {
    const [contact] = await this.database.run(contactNow, { devices });
    const sending = contact?.sending ?? [];
    if (sending.length > 0 && !this.stopping.signal.aborted) {
      const timer = setTimeout(() => {
        this.waiting.delete(timer);
        this.contact(sending).then(
          (due) => (due > 0 ? this.options.onContact() : undefined),
          (error: unknown) =>
            this.log.debug({ err: error }, 'screens that came while they were sent to are offered it by the pace of offers'),
        );
      }, SENT_BY_MS);
      this.waiting.add(timer);
    }
    return contact?.due ?? 0;
  }

  private async revoke(deviceId: string, campaignId: string): Promise<void> {
    await this.options
      .revoke(deviceId, campaignId)
      .catch((error: unknown) => this.log.debug({ err: error, device: deviceId }, 'a stray campaign is revoked at the next connect'));
  }
}

function read(topic: string, payload: Buffer, retained: boolean): Told | undefined {
  const from = parseDeviceTopic(topic);
  let body: unknown;
  try {
    body = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
  const parsed = statusMessage.safeParse(body);
  if (!parsed.success || parsed.data.deviceId !== from?.deviceId) return undefined;
  const { deviceId, status, clockOffsetMs, installed, lacks, storage, events } = parsed.data;
  return {
    deviceId,
    online: status === 'online',
    at: performance.now(),
    clockOffsetMs: clockOffsetMs === undefined ? null : Math.round(clockOffsetMs),
    report: lacks === undefined && storage === undefined ? undefined : { lacks: lacks ?? [], storage: storage ?? null },
    kept: events === undefined ? undefined : { deviceId, ...events },
    // Campaigns whose id is no UUID are not ours: nothing is known of them and nothing is revoked.
    ...(installed === undefined || retained
      ? {}
      : {
          installed: installed
            .map(({ campaignId, version }) => ({
              campaignId: campaignId.toLowerCase(),
              version: Math.min(Math.max(version, 0), MAX_VERSION),
            }))
            .filter(({ campaignId }) => isUuid(campaignId)),
        }),
  };
}
