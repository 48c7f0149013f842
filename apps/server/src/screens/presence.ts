import { parseDeviceTopic, statusMessage } from '@marquee/contracts';
import { Batcher } from '../kit/batcher.js';
import { isUuid } from '../kit/ids.js';
import type { Log } from '../kit/log.js';
import type { Database } from '../store/database.js';
import { contactNow, notePresence, reconcileInstalled } from './screens.store.js';

export interface PresenceOptions {
  /** How long statuses gather, ms: of a screen that flaps meanwhile only the last is written. */
  waitMs: number;
  /** Screens never seen register by their first status. */
  enroll: boolean;
  /** Tells a screen to drop a campaign. */
  revoke: (deviceId: string, campaignId: string) => Promise<void>;
  /** Called when offers or revokes became due. */
  onContact: () => void;
}

export interface PresenceMetrics {
  status(result: 'taken' | 'malformed'): void;
}

interface Told {
  deviceId: string;
  online: boolean;
  clockOffsetMs: number | null;
  /** Absent: the screen did not say. */
  installed?: string[];
}

const BATCH = 2000;

/** Keeps who is online, by the order in which statuses arrive, and gives a screen that comes online what it should have. */
export class Presence {
  private readonly batcher: Batcher<Told, void>;

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

  /** Takes a status message; it is written soon. Rejects when too many wait: then it must come again. */
  take(topic: string, payload: Buffer): Promise<void> {
    const told = read(topic, payload);
    this.metrics.status(told === undefined ? 'malformed' : 'taken');
    if (told === undefined) return Promise.resolve();
    // Not awaited: a screen's next packets would wait behind it. What the database refuses is told again at the next connect.
    this.batcher.add(told).catch((error: unknown) => this.log.warn({ err: error, device: told.deviceId }, 'a status could not be written'));
    return Promise.resolve();
  }

  /** Resolves when all that was taken is written. */
  drain(): Promise<void> {
    return this.batcher.drain();
  }

  private async write(all: Told[]): Promise<void[]> {
    const last = new Map(all.map((told) => [told.deviceId, told]));
    const batch = [...last.values()].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
    const registered = await this.database.run(notePresence, {
      ids: batch.map((told) => told.deviceId),
      statuses: batch.map((told) => (told.online ? 'online' : 'offline')),
      offsets: batch.map((told) => told.clockOffsetMs),
      enroll: this.options.enroll,
    });
    const known = new Set(registered.map((row) => row.device_id));
    const online = batch.filter((told) => told.online && known.has(told.deviceId));
    if (online.length > 0) await this.greet(online);
    return all.map(() => undefined);
  }

  private async greet(online: Told[]): Promise<void> {
    const listed = online.filter((told) => told.installed !== undefined);
    if (listed.length > 0) {
      const pairs = listed.flatMap((told) => (told.installed ?? []).map((campaign) => ({ device: told.deviceId, campaign })));
      const strangers = await this.database.run(reconcileInstalled, {
        devices: listed.map((told) => told.deviceId),
        installedDevices: pairs.map((pair) => pair.device),
        installedCampaigns: pairs.map((pair) => pair.campaign),
      });
      for (const { device_id, campaign_id } of strangers) await this.revoke(device_id, campaign_id);
    }
    const [contact] = await this.database.run(contactNow, { devices: online.map((told) => told.deviceId) });
    if ((contact?.due ?? 0) > 0 || listed.length > 0) this.options.onContact();
  }

  private async revoke(deviceId: string, campaignId: string): Promise<void> {
    await this.options
      .revoke(deviceId, campaignId)
      .catch((error: unknown) => this.log.debug({ err: error, device: deviceId }, 'a stray campaign is revoked at the next connect'));
  }
}

function read(topic: string, payload: Buffer): Told | undefined {
  const from = parseDeviceTopic(topic);
  let body: unknown;
  try {
    body = JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
  const parsed = statusMessage.safeParse(body);
  if (!parsed.success || parsed.data.deviceId !== from?.deviceId) return undefined;
  const { deviceId, status, clockOffsetMs, installed } = parsed.data;
  return {
    deviceId,
    online: status === 'online',
    clockOffsetMs: clockOffsetMs === undefined ? null : Math.round(clockOffsetMs),
    // Campaigns whose id is no UUID are not ours: nothing is known of them and nothing is revoked.
    ...(installed === undefined ? {} : { installed: installed.map((each) => each.campaignId.toLowerCase()).filter(isUuid) }),
  };
}
