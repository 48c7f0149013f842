import { type playLogEvent, playOfLog } from '@marquee/contracts';
import type { z } from 'zod';
import { errorCode } from '../kit/errors.js';
import type { Database } from '../store/database.js';
import { countPlays, storePlayLogs } from './play-logs.store.js';
import { numberOf } from './sequences.js';

type PlayLog = z.output<typeof playLogEvent>;

export interface PlayLogsOptions {
  /** How long a log is kept after its plays were counted, ms. */
  keepMs: number;
  now: () => number;
}

export interface PlayLogsMetrics {
  /** `malformed`: it is no play. `refused`: of a campaign that is unknown or was never meant for that screen. */
  plays(result: 'counted' | 'malformed' | 'refused', count: number): void;
}

const DEADLOCK_DETECTED = '40P01';
const HOUR_MS = 3_600_000;
/** A play that starts later by the server's clock than this was dated by a clock that is wrong. */
const AHEAD_MS = HOUR_MS;
const OLDEST_MS = 366 * 24 * HOUR_MS;
/** More do not fit into a message. */
const MOST_PLAYS = 5000;

/** Plays of one campaign's asset in one hour. */
interface Hour {
  campaignId: string;
  assetId: string;
  hour: number;
  plays: number;
  durationMs: number;
}

interface Read {
  hours: Hour[];
  plays: number;
  malformed: number;
}

/** Stores the logs of plays that screens send, and counts each play once. */
export class PlayLogs {
  constructor(
    private readonly database: Database,
    private readonly options: PlayLogsOptions,
    private readonly metrics: PlayLogsMetrics,
  ) {}

  /** Stores the logs with their plays, all or nothing; answers the ids of the logs that were new. */
  async store(logs: readonly PlayLog[]): Promise<Set<string>> {
    const read = new Map(logs.map((log) => [log.eventId, this.read(log)]));
    const { fresh, counted } = await this.write(logs, read).catch((error: unknown) => {
      // Its victim left nothing behind.
      if (errorCode(error) === DEADLOCK_DETECTED) return this.write(logs, read);
      throw error;
    });
    const of = [...fresh].map((id) => read.get(id) ?? EMPTY);
    const told = of.reduce((sum, each) => sum + each.plays, 0);
    this.metrics.plays('counted', counted);
    this.metrics.plays('refused', told - counted);
    this.metrics.plays(
      'malformed',
      of.reduce((sum, each) => sum + each.malformed, 0),
    );
    return fresh;
  }

  private write(logs: readonly PlayLog[], read: ReadonlyMap<string, Read>): Promise<{ fresh: Set<string>; counted: number }> {
    return this.database.transaction(async (runner) => {
      const rows = await runner.run(storePlayLogs, this.columnsOf(logs, read));
      const fresh = new Set(rows.map((row) => row.event_id));
      const added = hoursOf(
        logs.filter((log) => fresh.has(log.eventId)),
        read,
      );
      const [sum] = added.devices.length === 0 ? [] : await runner.run(countPlays, added);
      return { fresh, counted: sum?.counted ?? 0 };
    });
  }

  /** Each play by itself: one that is none leaves the others. */
  private read(log: PlayLog): Read {
    const plays = log.payload?.['plays'];
    if (!Array.isArray(plays)) return { ...EMPTY, malformed: 1 };
    const now = this.options.now();
    const hours = new Map<string, Hour>();
    let malformed = Math.max(0, plays.length - MOST_PLAYS);
    let good = 0;
    for (const each of plays.slice(0, MOST_PLAYS)) {
      const parsed = playOfLog.safeParse(each);
      if (!parsed.success || parsed.data.startedAt > now + AHEAD_MS || parsed.data.startedAt < now - OLDEST_MS) {
        malformed += 1;
        continue;
      }
      const { campaignId, assetId, startedAt, durationMs } = parsed.data;
      const hour = Math.floor(startedAt / HOUR_MS) * HOUR_MS;
      const key = `${campaignId} ${assetId} ${hour}`;
      const sum = hours.get(key) ?? { campaignId, assetId, hour, plays: 0, durationMs: 0 };
      sum.plays += 1;
      sum.durationMs += Math.round(durationMs);
      hours.set(key, sum);
      good += 1;
    }
    return { hours: [...hours.values()], plays: good, malformed };
  }

  private columnsOf(logs: readonly PlayLog[], read: ReadonlyMap<string, Read>) {
    const numbers = logs.map((log) => numberOf(log.deviceId, log.payload));
    const named = new Set(logs.map((log) => log.campaignId));
    for (const { hours } of read.values()) for (const { campaignId } of hours) named.add(campaignId);
    return {
      eventIds: logs.map((log) => log.eventId),
      devices: logs.map((log) => log.deviceId),
      campaigns: logs.map((log) => log.campaignId),
      seconds: logs.map((log) => read.get(log.eventId)?.hours.find(({ campaignId }) => campaignId !== log.campaignId)?.campaignId ?? null),
      versions: logs.map((log) => log.version),
      payloads: logs.map((log) => JSON.stringify(log.payload ?? {})),
      times: logs.map((log) => log.timestamp),
      series: numbers.map((number) => number?.series ?? null),
      seqs: numbers.map((number) => number?.seq ?? null),
      named: [...named],
      oldest: this.options.now() - this.options.keepMs,
    };
  }
}

const EMPTY: Read = { hours: [], plays: 0, malformed: 0 };

/** What is to be added, in the order of the table's key. */
function hoursOf(logs: readonly PlayLog[], read: ReadonlyMap<string, Read>) {
  const rows = logs.flatMap((log) => (read.get(log.eventId) ?? EMPTY).hours.map((hour) => ({ deviceId: log.deviceId, ...hour })));
  return {
    devices: rows.map((row) => row.deviceId),
    campaigns: rows.map((row) => row.campaignId),
    assets: rows.map((row) => (row.assetId === '' ? null : row.assetId)),
    hours: rows.map((row) => row.hour),
    plays: rows.map((row) => row.plays),
    durations: rows.map((row) => row.durationMs),
  };
}
