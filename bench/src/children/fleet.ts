import { Fleet, type FleetCounts, type FleetOptions } from '@marquee/simulator';
import { answerParent } from '../remote.js';

/** A fleet of screens in a process of its own, as screens are in production. Times are epoch ms. */
export type FleetMethods = {
  /** Resolves when all screens are subscribed. */
  start: (options: FleetOptions) => Promise<void>;
  /** When the last of `screens` screens had the manifest of each of these campaigns. */
  manifests: (wanted: { campaigns: string[]; screens: number }) => Promise<number>;
  /** When the broker had accepted the acknowledgement of so many screens for each. */
  installs: (wanted: { campaigns: string[]; screens: number }) => Promise<number>;
  /** When the first manifest of a campaign came; NaN when none did. */
  firstManifest: (campaignId: string) => Promise<number>;
  /** The text of a campaign's manifest. */
  manifestText: (campaignId: string) => Promise<string>;
  hold: (nothing: null) => Promise<void>;
  /** Sends what was held; answers when it began and how many there are. */
  release: (nothing: null) => Promise<{ at: number; count: number }>;
  counts: (nothing: null) => Promise<FleetCounts>;
};

let fleet: Fleet | undefined;

function there(): Fleet {
  if (fleet === undefined) throw new Error('the fleet was not started');
  return fleet;
}

const methods: FleetMethods = {
  start: async (options) => {
    fleet = new Fleet(options);
    await fleet.start();
  },
  manifests: ({ campaigns, screens }) => last(campaigns.map((id) => there().manifests(id).reached(screens))),
  installs: ({ campaigns, screens }) => last(campaigns.map((id) => there().installs(id).reached(screens))),
  firstManifest: async (campaignId) => there().manifests(campaignId).firstAt,
  manifestText: async (campaignId) => there().manifestBytes(campaignId)?.toString('utf8') ?? '',
  hold: async () => there().hold(),
  release: async () => {
    const at = performance.timeOrigin + performance.now();
    return { at, count: there().release() };
  },
  counts: async () => there().counts(),
};

async function last(moments: Promise<number>[]): Promise<number> {
  return Math.max(...(await Promise.all(moments)));
}

answerParent(methods);
