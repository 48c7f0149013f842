import type { ReadManifest } from './manifest-reader.js';
import { Tally } from './tally.js';

/** How far one screen is with one campaign. */
export const STAGE = { none: 0, received: 1, installed: 2, onAir: 3, over: 4, revoked: 5 } as const;
export type Stage = (typeof STAGE)[keyof typeof STAGE];

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
  }

  /** Takes the schedule over; a newer version is answered by every screen anew. False when it is older than the one known. */
  learn(manifest: ReadManifest): boolean {
    if (manifest.version < this.version) return false;
    if (manifest.version > this.version && this.version > 0) this.answered.fill(Number.NEGATIVE_INFINITY);
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

  /** Ms since the screen's last answer to a manifest; infinite before the first. */
  sinceAnswer(screen: number, now: number): number {
    return now - (this.answered[screen] ?? Number.NEGATIVE_INFINITY);
  }

  answer(screen: number, now: number): void {
    this.answered[screen] = now;
  }

  countInstall(screen: number): void {
    this.countOnce(screen, 1, this.installs);
  }

  countRevocation(screen: number): void {
    this.countOnce(screen, 2, this.revocations);
  }

  /** The campaign is over on every screen: frees what was kept a screen, 10 bytes each. The tallies stay. */
  end(): void {
    this.ended = true;
    this.stages = new Uint8Array(0);
    this.answered = new Float64Array(0);
  }

  private countOnce(screen: number, bit: number, tally: Tally): void {
    const flags = this.accepted[screen] ?? 0;
    if ((flags & bit) !== 0) return;
    this.accepted[screen] = flags | bit;
    tally.add();
  }
}
