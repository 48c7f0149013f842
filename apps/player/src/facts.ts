import type { Schedule, ScreenLack } from '@marquee/contracts/player';
import type { CorrectedClock } from './clock.js';
import { notesOf } from './lacks.js';
import type { Library } from './library.js';
import type { Offer } from './manifest.js';
import type { Outbox } from './outbox.js';
import type { Settings } from './settings.js';

export type LinkState = 'starting' | 'connected' | 'reconnecting';

/** What the page tells a person in front of the screen. */
export interface Facts {
  deviceId: string;
  /** True when the page named itself. */
  ownName: boolean;
  brokerUrl: string;
  link: LinkState;
  /** A campaign has its turn now; its template may still be loading. */
  playing: boolean;
  /** A template is in the display. */
  staged: boolean;
  /** The nearest start to come, epoch ms. */
  nextStart: number | undefined;
  installing: number;
  /** Server minus screen. */
  clockOffsetMs: number;
  waitingEvents: number;
  campaigns: { campaignId: string; version: number; state: string; missing: number }[];
  /** What this page lacks where it was opened; sentences. */
  notes: string[];
}

export interface FactSources {
  settings: Settings;
  brokerUrl: string;
  link: LinkState;
  library: Library;
  outbox: Outbox;
  clock: CorrectedClock;
  schedule: Schedule<Offer> | undefined;
  /** What is in the display. */
  showing: string | undefined;
  /** Ids of campaigns that were taken off the air because their template broke the rules. */
  benched: string[];
  lacks: ScreenLack[];
}

/** Gathers what the page tells from those who know it. */
export function gatherFacts({ settings, brokerUrl, link, library, outbox, clock, schedule, showing, benched, lacks }: FactSources): Facts {
  const now = clock.now();
  const campaigns = library.campaigns;
  const starts = campaigns.map(({ offer }) => offer.startAt).filter((at) => at > now);
  return {
    deviceId: settings.deviceId,
    ownName: settings.ownName,
    brokerUrl,
    link,
    playing: schedule?.shown !== undefined,
    staged: showing !== undefined,
    nextStart: starts.length === 0 ? undefined : Math.min(...starts),
    installing: library.installing,
    clockOffsetMs: clock.offsetMs,
    waitingEvents: outbox.size,
    campaigns: campaigns.map(({ offer, missing }) => ({
      campaignId: offer.campaignId,
      version: offer.version,
      state: benched.includes(offer.campaignId) ? 'taken off: its template broke the rules' : stateOf(offer, schedule, now),
      missing: missing.length,
    })),
    notes: notesOf(lacks),
  };
}

function stateOf(offer: Offer, schedule: Schedule<Offer> | undefined, now: number): string {
  const is = ({ campaignId }: Offer): boolean => campaignId === offer.campaignId;
  if (schedule?.onAir.some(is))
    return schedule.shown !== undefined && is(schedule.shown) ? 'on the screen' : 'on air, another has its turn';
  if (schedule?.open.some(is)) return 'outranked by a higher priority';
  return offer.startAt > now ? `starts ${new Date(offer.startAt).toLocaleString()}` : 'outside of its hours';
}
