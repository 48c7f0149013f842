import { Fleet, type FleetCounts, type FleetOptions, type Ledger } from '@marquee/simulator';
import { seeded } from '../random.js';
import { answerParent } from '../remote.js';

/** A fleet of screens in a process of its own, as screens are in production. Times are epoch ms. */
export type FleetMethods = {
  /** Resolves when all screens are subscribed. */
  start: (options: Omit<FleetOptions, 'random' | 'monotonic'> & { seed?: number }) => Promise<void>;
  /** Device ids by role; the ledgers' arrays are in the order of `all`. */
  roles: (nothing: null) => Promise<FleetRoles>;
  ledgers: (nothing: null) => Promise<Ledger[]>;
  /** Cuts the connections of so many screens, chosen at random; they come back by themselves. */
  cut: (screens: number) => Promise<void>;
  /** Switches screens on; all of them, and no screen comes and goes any more, when none is named. */
  steady: (screens: string[] | null) => Promise<void>;
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

export interface FleetRoles {
  all: readonly string[];
  away: string[];
  silent: string[];
  flapping: string[];
  /** Ms that each clock is ahead, in the order of `all`. */
  skewMs: number[];
}

let fleet: Fleet | undefined;
let random = Math.random;

function there(): Fleet {
  if (fleet === undefined) throw new Error('the fleet was not started');
  return fleet;
}

const methods: FleetMethods = {
  start: async ({ seed, ...options }) => {
    random = seed === undefined ? Math.random : seeded(seed);
    fleet = new Fleet({ ...options, random });
    await fleet.start();
  },
  roles: async () => {
    const { screens: all, roles } = there();
    const named = (indexes: Iterable<number>): string[] => [...indexes].map((index) => all[index] ?? '');
    return {
      all,
      away: named(roles.away),
      silent: named(roles.silent),
      flapping: named(roles.flapping),
      skewMs: [...roles.skewMs],
    };
  },
  ledgers: async () => there().ledgers(),
  cut: async (screens) => {
    const { screens: all } = there();
    for (let cut = 0; cut < screens; cut += 1) there().cut(all[Math.floor(random() * all.length)] ?? '');
  },
  steady: async (screens) => {
    if (screens === null) there().steady();
    else there().switchOn(screens);
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
