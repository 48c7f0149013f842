import type { AssetType, ScreenEventType, ScreenLack, ScreenStatus } from './states.js';

/** A screen whose clock is off by more is marked: beyond it neighbours visibly start apart. Ms. */
export const CLOCK_OFF_MS = 500;

/** Hours in which a screen may play; kept by the player offline. A window over midnight belongs to the day it starts. */
export interface PlayWindow {
  /** ISO weekdays, 1 = Monday … 7 = Sunday. */
  days: number[];
  /** `HH:MM`, local to `timeZone`. */
  from: string;
  to: string;
  /** IANA zone. */
  timeZone: string;
}

export interface ManifestAsset {
  id: string;
  assetType: AssetType;
  /** `…/assets/{sha256}` when the server keeps the asset, else the planner's own URL. */
  url: string;
  /** 64 hex digits, or '' when unknown: then it cannot be verified. */
  checksum: string;
  /** 0 when unknown. */
  sizeBytes: number;
  /** What the codes of this asset name it by; beside `codes` alone. */
  number?: number;
}

export interface ManifestSlide {
  assetId: string;
  durationMs: number;
}

/** What a screen gets on `devices/{id}/notifications`: all that it needs to install and play one campaign. */
export interface Manifest {
  /** A function of campaign and version: the same on every offer. */
  manifestId: string;
  campaignId: string;
  version: number;
  /** Epoch ms. */
  startAt: number;
  expireAt: number;
  /** Carries version and digest, so that a cache never answers with another build. */
  templateUrl: string;
  /** SHA-256 of the template's bytes, hex; absent from foreign servers. */
  templateChecksum?: string;
  assets: ManifestAsset[];
  slides?: ManifestSlide[];
  /** -10..10; only the highest on air is shown. */
  priority?: number;
  window?: PlayWindow;
  /** What a screen makes QR codes of its own with; absent where the campaign leads nowhere. */
  codes?: ManifestCodes;
}

/** See `codeBody`. */
export interface ManifestCodes {
  /** What comes before the code in the link. */
  url: string;
  /** The key of the campaign's codes, in base64url. */
  key: string;
}

/** What a screen gets on `devices/{id}/control`; unknown types are ignored by the player. */
export type ControlMessage =
  | { type: 'revoke'; campaignId: string }
  | { type: 'replay'; fromSeq: number }
  | { type: 'identify' }
  | { type: 'reload' }
  | { type: 'screenshot'; uploadUrl: string };

/** One showing, as `payload.plays` of a PLAY_LOG lists it: of one slide, or of a campaign whose template does not tell its slides. */
export interface Play {
  campaignId: string;
  version: number;
  /** The campaign's asset; '' when the template did not tell. */
  assetId: string;
  /** Epoch ms by the screen's corrected clock. */
  startedAt: number;
  durationMs: number;
}

/** What a screen says on `devices/{id}/acks`. */
export interface ScreenEvent {
  eventId: string;
  eventType: ScreenEventType;
  deviceId: string;
  campaignId: string;
  version: number;
  /** Epoch ms by the screen's clock, corrected by its own estimate of its offset to the server. */
  timestamp: number;
  payload?: Record<string, unknown>;
}

/** Retained on `devices/{id}/status`, and the will; ordered by arrival, not by timestamp. */
export interface StatusMessage {
  deviceId: string;
  status: ScreenStatus;
  timestamp: number;
  installed?: { campaignId: string; version: number }[];
  clockOffsetMs?: number;
  lacks?: ScreenLack[];
  storage?: { usedBytes: number; quotaBytes: number };
  /**
   * The numbers (`payload.seq`) of the events that this screen keeps; `series` (also in `payload.series`) is another one after its storage was
   * wiped and its numbers began anew. What the server misses between `first` and `last` it asks for by `replay`.
   */
  events?: { series: string; first: number; last: number };
}
