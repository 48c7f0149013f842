import type { CampaignStatus, DeliveryState, PlayWindow, Schedule, Scheduled, ScreenAudience, ScreenStatus } from '@marquee/contracts';

export interface CampaignFacts extends Scheduled {
  name: string;
  version: number;
  /** The version that screens are offered; behind `version` while an edit is being built. */
  liveVersion: number;
  status: CampaignStatus;
  audience: ScreenAudience;
  window: PlayWindow | undefined;
  dispatch: 'auto' | 'manual';
  paused: boolean;
  buildError: string | null;
  /** Epoch ms of its last change: of a cancelled campaign, of its cancel. */
  updatedAt: number;
  /** When its latest execution began; null when there was none. */
  executionAt: number | null;
}

export interface ScreenFacts {
  status: ScreenStatus;
  statusSince: number;
  /** Null: never. */
  lastSeen: number | null;
  groupId: string | null;
  tags: string[];
  /** Server minus screen. */
  clockOffsetMs: number | null;
  report: { lacks?: string[]; storage?: { usedBytes: number; quotaBytes: number } | null };
}

export interface DeliveryFacts {
  id: string;
  status: DeliveryState;
  attempt: number;
  lastError: string | null;
  nextAttemptAt: number | null;
  settledAt: number | null;
  acknowledgedAt: number | null;
  heldVersion: number | null;
  installError: string | null;
  installErrorAt: number;
  missingAssets: boolean;
  offers: number;
  nextOfferAt: number | null;
  onAir: boolean;
  displayAt: number;
  revokes: number;
  revokeAckedAt: number | null;
}

/** Another campaign that the screen has installed. */
export interface Rival extends Scheduled {
  name: string;
}

/** All that is known of one campaign on one screen. */
export interface Snapshot {
  deviceId: string;
  campaign: CampaignFacts;
  /** Null when it is not registered. */
  screen: ScreenFacts | null;
  /** Null when the campaign was not given to it. */
  delivery: DeliveryFacts | null;
  rivals: Rival[];
}

/** A snapshot at a moment, with what follows from it. */
export interface Case extends Snapshot {
  now: number;
  /** What the screen has, and this campaign whether it has it or not. */
  all: Rival[];
  /** Their schedule. */
  plan: Schedule<Rival>;
  online: boolean;
  /** The screen has the version of the campaign that screens are offered. */
  held: boolean;
  over: boolean;
  /** A moment as it is spoken in a sentence. */
  say: (at: number) => string;
}
