import type { ReadManifest } from './manifest-reader.js';
import { Tally } from './tally.js';

/** How far one screen is with one campaign. */
export const STAGE = { none: 0, received: 1, installed: 2, onAir: 3, over: 4, revoked: 5 } as const;
export type Stage = (typeof STAGE)[keyof typeof STAGE];

/** What a screen has had accepted by the broker, as bits of `Ledger.said`. */
export const SAID = { INSTALL_ACK: 1, REVOKE_ACK: 2, DISPLAY_START: 4, DISPLAY_COMPLETE: 8 } as const;

/** What screens know of one campaign, by the index of the screen. */
export interface Ledger {
  campaignId: string;
  version: number;
  /** How often the manifest of this version came; 65,535 at most. */
  received: Uint16Array;
  /** How often a revoke came. */
  revoked: Uint16Array;
  /** `SAID` bits: the events that the broker has accepted, at least once each. */
  said: Uint8Array;
  /** The version that is installed; 0 where none is, or it is over or revoked. */
  installed: Uint16Array;
}

/** One campaign's copies on all screens of a fleet, by the screens' index. */
export class Copies {
  /** Stays 0 while no manifest came; a revoke is answered with it all the same. */
  version = 0;
  startAt = 0;
  expireAt = 0;
  /** Distinct screens that received the manifest. */
  readonly manifests = new Tally();
  /** Distinct screens whose first INSTALL_ACK the broker accepted. */
  readonly installs = new Tally();
  /** Distinct screens whose first REVOKE_ACK the broker accepted. */
  readonly revocations = new Tally();
  private stages: Uint8Array;
  private answered: Float64Array;
  private accepted: Uint8Array;
  private readonly received: Uint16Array;
  private readonly revoked: Uint16Array;
  private readonly versions: Uint16Array;
  private ended = false;
  /** The campaign's id as JSON text. */
  readonly quotedId: string;

  constructor(
    readonly campaignId: string,
    screens: number,
  ) {
    this.quotedId = JSON.stringify(campaignId);
    this.stages = new Uint8Array(screens);
    this.answered = new Float64Array(screens).fill(Number.NEGATIVE_INFINITY);
    this.accepted = new Uint8Array(screens);
    this.received = new Uint16Array(screens);
    this.revoked = new Uint16Array(screens);
    this.versions = new Uint16Array(screens);
  }

  /** Takes the schedule over; a newer version is answered by every screen anew. False when it is older than the one known. */
  learn(manifest: ReadManifest): boolean {
    if (manifest.version < this.version) return false;
    if (manifest.version > this.version && this.version > 0) {
      this.answered.fill(Number.NEGATIVE_INFINITY);
      this.received.fill(0);
    }
    this.version = manifest.version;
    this.startAt = manifest.startAt;
    this.expireAt = manifest.expireAt;
    return true;
  }

  stageOf(screen: number): Stage {
    if (this.ended) return STAGE.over;
    return (this.stages[screen] ?? STAGE.none) as Stage;
  }

  move(screen: number, stage: Stage): void {
    if (!this.ended) this.stages[screen] = stage;
  }

  has(screen: number): boolean {
    const stage = this.stageOf(screen);
    return stage === STAGE.installed || stage === STAGE.onAir;
  }

  /** The version that the screen installed last; 0 before the first. */
  versionOn(screen: number): number {
    return this.versions[screen] ?? 0;
  }

  install(screen: number): void {
    this.versions[screen] = this.version;
  }

  countManifest(screen: number): void {
    this.received[screen] = Math.min(65_535, (this.received[screen] ?? 0) + 1);
  }

  countRevoke(screen: number): void {
    this.revoked[screen] = Math.min(65_535, (this.revoked[screen] ?? 0) + 1);
  }

  ledger(): Ledger {
    const { campaignId, version, received, revoked, accepted: said } = this;
    return { campaignId, version, received, revoked, said, installed: this.versions.map((of, screen) => (this.has(screen) ? of : 0)) };
  }

  /** Ms since the screen's last answer to a manifest; infinite before the first. */
  sinceAnswer(screen: number, now: number): number {
    return now - (this.answered[screen] ?? Number.NEGATIVE_INFINITY);
  }

  answer(screen: number, now: number): void {
    this.answered[screen] = now;
  }

  /** The broker has accepted an event. */
  countSaid(type: keyof typeof SAID, screen: number): void {
    const before = this.accepted[screen] ?? 0;
    if ((before & SAID[type]) !== 0) return;
    this.accepted[screen] = before | SAID[type];
    if (type === 'INSTALL_ACK') this.installs.add();
    if (type === 'REVOKE_ACK') this.revocations.add();
  }

  /** The campaign is over on every screen: frees what was kept a screen, 9 bytes each. The tallies and the ledger stay. */
  end(): void {
    this.ended = true;
    this.stages = new Uint8Array(0);
    this.answered = new Float64Array(0);
  }
}
