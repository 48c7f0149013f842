import { deviceTopic } from '@marquee/contracts/player';
import { type AnswerCounts, Answers } from './answers.js';
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
 * DISPLAY_COMPLETE, a revoke by REVOKE_ACK. A revoked campaign is not installed again. Unlike a player it fetches no asset and shows
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
  private readonly halt = new AbortController();

  /** Throws a RangeError that names the option when one cannot be. */
  constructor(options: FleetOptions) {
    this.plan = planFleet(options);
    const screens = this.plan.names.online;
    this.indexes = new Map(screens.map((id, index) => [id, index]));
    this.answers = new Answers({
      ...this.plan,
      screens,
      post: (screen, event, accepted) => this.linkOfScreen[screen]?.publish(deviceTopic(screens[screen] ?? '', 'acks'), event, accepted),
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
      await this.connect();
    } catch (error) {
      await this.stop({ announce: false });
      throw new Error(`The broker at ${this.plan.broker} could not be reached: ${reasonOf(error)}.`, { cause: error });
    }
  }

  /** Publishes every screen's status `offline` (unless `announce` is false) and disconnects. Resolves when nothing is left open. */
  async stop({ announce = true }: { announce?: boolean } = {}): Promise<void> {
    this.halt.abort();
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

  private stopped(): Promise<void> {
    return new Promise((resolve) => this.halt.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  private open({ from, to }: { from: number; to: number }, onTrouble: (error: Error) => void = () => undefined): Link {
    const { broker, ownConnections, connectsPerSecond, random, names } = this.plan;
    const link = new Link({
      broker,
      screens: names.online.slice(from, to),
      own: ownConnections,
      // Spread over the time that connecting all of them took, so that a broker that comes back is not run over.
      reconnectMs: 1000 + Math.round((random() * this.connections * 1000) / connectsPerSecond),
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
    if (screen === undefined) return;
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
