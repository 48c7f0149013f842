import { deviceTopic, type ScreenStatus } from '@marquee/contracts/player';
import { type AnswerCounts, Answers } from './answers.js';
import type { Ledger } from './copies.js';
import { drawRoles, Habits, type Roles } from './habits.js';
import { announceAbsent, Link } from './link.js';
import { tooManyConnections } from './open-files.js';
import { type FleetOptions, type FleetPlan, planFleet } from './options.js';
import type { Tally } from './tally.js';

/** Connections begin in steps so long, a few in each. */
const STEP_MS = 20;

/** What happened so far, over all campaigns and screens. */
export interface FleetCounts extends AnswerCounts {
  /** Screens whose connection is up. */
  online: number;
  /** Connections that were lost. */
  lost: number;
}

/**
 * Many screens in one process, answering as the player does: a manifest by INSTALL_ACK, its start and end by DISPLAY_START and
 * DISPLAY_COMPLETE, a revoke by REVOKE_ACK; with `playLogMs` it logs what it showed. A revoked campaign is not installed again. Unlike a player it fetches no asset and shows
 * every campaign that is on, whatever its priority and window.
 */
export class Fleet {
  private readonly plan: FleetPlan;
  private readonly answers: Answers;
  private readonly links: Link[] = [];
  private readonly linkOfScreen: Link[] = [];
  private readonly indexes: Map<string, number>;
  private online = 0;
  private lost = 0;
  /** Who behaves how, by index into `screens`. */
  readonly roles: Roles;
  private readonly habits: Habits;
  private readonly isOff: Uint8Array;
  /** What screens that are off will say when they are on. */
  private readonly unsaid = new Map<number, (() => void)[]>();
  private readonly halt = new AbortController();

  /** Throws a RangeError that names the option when one cannot be. */
  constructor(options: FleetOptions) {
    this.plan = planFleet(options);
    const screens = this.plan.names.online;
    this.indexes = new Map(screens.map((id, index) => [id, index]));
    this.roles = drawRoles(screens.length, this.plan, this.plan.random);
    this.isOff = new Uint8Array(screens.length);
    this.habits = new Habits(this.roles, this.plan, this.plan.random, (turned, on) => this.turn(turned, on));
    this.answers = new Answers({
      ...this.plan,
      screens,
      silent: this.roles.silent,
      skewMs: this.roles.skewMs,
      canSpeak: (screen) => this.isOff[screen] !== 1 && this.linkOfScreen[screen]?.isUp === true,
      post: (screen, event, accepted) => this.post(screen, event, accepted),
    });
  }

  /** Device ids of the screens that are switched on. */
  get screens(): readonly string[] {
    return this.plan.names.online;
  }

  /** Device ids of the screens that are switched off. */
  get absent(): readonly string[] {
    return this.plan.names.offline;
  }

  get connections(): number {
    return this.plan.shares.length;
  }

  /**
   * Resolves when all screens are connected and subscribed and their status has reached the broker. Rejects with one sentence when the
   * broker cannot be reached at first or this process may not open so many connections; the fleet is stopped then. Connections that
   * fail later are tried again until they stand. Resolves early when the fleet is stopped meanwhile.
   */
  async start(): Promise<void> {
    const refusal = tooManyConnections(this.connections);
    if (refusal !== undefined) throw new Error(refusal);
    try {
      if (this.plan.names.offline.length > 0) await announceAbsent(this.plan.broker, this.plan.names.offline);
      for (const screen of this.roles.away) this.isOff[screen] = 1;
      await this.connect();
      if (this.halt.signal.aborted) return;
      this.habits.start();
      this.answers.start();
    } catch (error) {
      await this.stop({ announce: false });
      throw new Error(`The broker at ${this.plan.broker} could not be reached: ${reasonOf(error)}.`, { cause: error });
    }
  }

  /** Publishes every screen's status `offline` (unless `announce` is false) and disconnects. Resolves when nothing is left open. */
  async stop({ announce = true }: { announce?: boolean } = {}): Promise<void> {
    this.halt.abort();
    this.habits.stop();
    this.answers.stop();
    await Promise.all(this.links.splice(0).map((link) => link.stop(announce)));
  }

  counts(): FleetCounts {
    return { online: this.online, lost: this.lost, ...this.answers.counts };
  }

  /** Distinct screens that received the campaign's manifest. */
  manifests(campaignId: string): Tally {
    return this.answers.copiesOf(campaignId).manifests;
  }

  /** Distinct screens whose INSTALL_ACK the broker accepted. */
  installs(campaignId: string): Tally {
    return this.answers.copiesOf(campaignId).installs;
  }

  /** Distinct screens whose REVOKE_ACK the broker accepted. */
  revocations(campaignId: string): Tally {
    return this.answers.copiesOf(campaignId).revocations;
  }

  /** The campaign's manifest as it was received last, or undefined. */
  manifestBytes(campaignId: string): Buffer | undefined {
    return this.answers.bytesOf(campaignId);
  }

  /** What every screen knows of every campaign that it heard of. */
  ledgers(): Ledger[] {
    return this.answers.ledgers();
  }

  /** Switches screens on or off. Off they hear nothing; they keep what they have installed. */
  switchOn(deviceIds: readonly string[], on = true): void {
    this.turn(
      deviceIds.map((id) => this.indexes.get(id)).filter((screen) => screen !== undefined),
      on,
    );
  }

  /** Ends coming and going: every screen is on. */
  steady(): void {
    this.habits.stop();
    this.turn(
      [...this.isOff.keys()].filter((screen) => this.isOff[screen] === 1),
      true,
    );
  }

  /** From now on installed manifests are not acknowledged until `release`. */
  hold(): void {
    this.answers.hold();
  }

  /** Sends the acknowledgements kept back by `hold`, and holds no more. Answers how many they were. */
  release(): number {
    return this.answers.release();
  }

  /** Cuts the connection of a screen (and of those that share it) without a DISCONNECT; it comes back by itself. */
  cut(deviceId: string): void {
    this.linkOfScreen[this.indexes.get(deviceId) ?? -1]?.cut();
  }

  /** Opens the first connection, then the others at the planned pace, and waits for all of them or for `stop`. */
  private async connect(): Promise<void> {
    const aStep = Math.max(1, Math.round((this.plan.connectsPerSecond * STEP_MS) / 1000));
    const ready: Promise<void>[] = [];
    for (const [index, share] of this.plan.shares.entries()) {
      if (this.halt.signal.aborted) return;
      if (index === 0) {
        const first = new Promise<void>((resolve, reject) => {
          this.open(share, reject).ready.then(resolve, reject);
        });
        await Promise.race([first, this.stopped()]);
        continue;
      }
      ready.push(this.open(share).ready);
      if (index % aStep === 0) await pause(STEP_MS);
    }
    await Promise.race([Promise.all(ready), this.stopped()]);
  }

  private turn(screens: readonly number[], on: boolean): void {
    const turned = screens.filter((screen) => this.isOff[screen] !== Number(!on));
    for (const screen of turned) this.isOff[screen] = Number(!on);
    const byLink = new Map<Link | undefined, number[]>();
    for (const screen of turned) byLink.set(this.linkOfScreen[screen], [...(byLink.get(this.linkOfScreen[screen]) ?? []), screen]);
    for (const [link, some] of byLink) {
      // A connection that is lost meanwhile tells of all its screens as it comes back.
      link
        ?.turn(
          some.map((screen) => this.screens[screen] ?? ''),
          on,
        )
        .catch(() => undefined);
    }
    if (!on) return;
    for (const screen of turned) {
      for (const say of this.unsaid.get(screen) ?? []) say();
      this.unsaid.delete(screen);
    }
  }

  private post(screen: number, event: string, accepted: () => void): void {
    const say = (): void => this.linkOfScreen[screen]?.publish(deviceTopic(this.screens[screen] ?? '', 'acks'), event, accepted);
    if (this.isOff[screen] !== 1) say();
    else this.unsaid.set(screen, [...(this.unsaid.get(screen) ?? []), say]);
  }

  private statusOf(deviceId: string, status: ScreenStatus): string {
    const screen = this.indexes.get(deviceId) ?? -1;
    const skew = this.roles.skewMs[screen] ?? 0;
    const body = { deviceId, status, timestamp: Date.now() + skew };
    if (status === 'offline') return JSON.stringify(body);
    const clock = this.plan.skew === undefined ? {} : { clockOffsetMs: 0 - skew };
    return JSON.stringify({ ...body, installed: this.answers.installedOn(screen), events: this.answers.said.rangeOf(screen), ...clock });
  }

  private stopped(): Promise<void> {
    return new Promise((resolve) => this.halt.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  private open({ from, to }: { from: number; to: number }, onTrouble: (error: Error) => void = () => undefined): Link {
    const { broker, ownConnections, connectsPerSecond, random, names } = this.plan;
    const link = new Link({
      broker,
      screens: names.online.slice(from, to),
      own: ownConnections,
      isOn: (deviceId) => this.isOff[this.indexes.get(deviceId) ?? -1] !== 1,
      statusOf: (deviceId, status) => this.statusOf(deviceId, status),
      // Spread over the time that connecting all of them took, so that a broker that comes back is not run over.
      reconnectMs: 500 + Math.round(random() * Math.max(500, (this.connections * 1000) / connectsPerSecond)),
      onTrouble,
      onMessage: (topic, payload) => this.onMessage(topic, payload),
      onConnect: () => {
        this.online += to - from;
      },
      onClose: () => {
        this.online -= to - from;
        if (!this.halt.signal.aborted) this.lost += 1;
      },
    });
    this.links.push(link);
    for (let screen = from; screen < to; screen += 1) this.linkOfScreen[screen] = link;
    return link;
  }

  private onMessage(topic: string, payload: Buffer): void {
    // `devices/{id}/notifications` or `…/control`: nothing else is subscribed to.
    const slash = topic.lastIndexOf('/');
    const screen = this.indexes.get(topic.slice('devices/'.length, slash));
    if (screen === undefined || this.isOff[screen] === 1) return;
    if (topic.endsWith('notifications')) this.answers.onManifest(screen, payload);
    else this.answers.onControl(screen, payload);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
