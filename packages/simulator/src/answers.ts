import type { Play, ScreenEventType } from '@marquee/contracts/player';
import { uuidv7 } from 'uuidv7';
import { Copies, type Ledger, type SAID, STAGE } from './copies.js';
import { ManifestReader, parseObject } from './manifest-reader.js';
import type { Range } from './options.js';
import { PlayLog } from './play-log.js';
import { Said } from './said.js';
import { Showtimes } from './showtimes.js';

/** A manifest that comes again so soon after its answer is not answered again. */
const ANSWER_AGAIN_MS = 5000;

/** What was received and said so far, over all campaigns and screens. */
export interface AnswerCounts {
  /** Manifests received, repeats included. */
  manifests: number;
  /** Manifests that came again within 5 s of their answer. */
  repeats: number;
  /** Manifests of a campaign that is revoked, over, or known in a newer version. */
  ignored: number;
  /** Manifests left without an answer, as `drop` and `silent` ask. */
  dropped: number;
  revokes: number;
  /** Messages that were neither a manifest nor a control message. */
  malformed: number;
  /** Events sent, and of those the ones that the broker accepted (PUBACK). */
  sent: number;
  accepted: number;
  installAcks: number;
  displayStarts: number;
  displayCompletes: number;
  revokeAcks: number;
  playLogs: number;
}

const COUNTED_AS = {
  INSTALL_ACK: 'installAcks',
  DISPLAY_START: 'displayStarts',
  DISPLAY_COMPLETE: 'displayCompletes',
  REVOKE_ACK: 'revokeAcks',
  PLAY_LOG: 'playLogs',
} as const satisfies Partial<Record<ScreenEventType, keyof AnswerCounts>>;
type SentEvent = keyof typeof COUNTED_AS;

export interface AnswersOptions {
  /** Device ids by index. */
  screens: readonly string[];
  ackDelayMs: Range;
  drop: number;
  hold: boolean;
  random: () => number;
  monotonic: () => number;
  /** Screens that never answer. */
  silent: ReadonlySet<number>;
  /** Ms that each screen's clock is ahead. */
  skewMs: Float64Array;
  playLogMs: number;
  /** False while an event of the screen would have to wait. */
  canSpeak: (screen: number) => boolean;
  /** Publishes an event of a screen; `accepted` when the broker answered. */
  post: (screen: number, event: string, accepted: () => void) => void;
}

/** What screens do with what they are told. Knows screens by index and nothing of connections. */
export class Answers {
  private readonly campaigns = new Map<string, Copies>();
  private readonly reader = new ManifestReader();
  private readonly showtimes: Showtimes;
  /** What was said, for `replay` and for the status. */
  readonly said: Said;
  private readonly playLog: PlayLog;
  private readonly delays = new Set<NodeJS.Timeout>();
  private held: (() => void)[] | undefined;
  readonly counts: AnswerCounts = {
    manifests: 0,
    repeats: 0,
    ignored: 0,
    dropped: 0,
    revokes: 0,
    malformed: 0,
    sent: 0,
    accepted: 0,
    installAcks: 0,
    displayStarts: 0,
    displayCompletes: 0,
    revokeAcks: 0,
    playLogs: 0,
  };

  constructor(private readonly options: AnswersOptions) {
    this.showtimes = new Showtimes(options.screens.length);
    this.said = new Said(options.screens.length);
    this.playLog = new PlayLog({
      screens: options.screens.length,
      everyMs: options.playLogMs,
      canSpeak: options.canSpeak,
      say: (screen, plays) => this.sayPlays(screen, plays),
    });
    this.held = options.hold ? [] : undefined;
  }

  /** From now on screens log what they show, when they are to. */
  start(): void {
    this.playLog.start();
  }

  copiesOf(campaignId: string): Copies {
    const known = this.campaigns.get(campaignId);
    if (known !== undefined) return known;
    const copies = new Copies(campaignId, this.options.screens.length);
    this.campaigns.set(campaignId, copies);
    return copies;
  }

  /** What a screen has installed, as its status lists it. */
  installedOn(screen: number): { campaignId: string; version: number }[] {
    return [...this.campaigns.values()]
      .filter((copies) => copies.has(screen))
      .map((copies) => ({ campaignId: copies.campaignId, version: copies.versionOn(screen) }));
  }

  ledgers(): Ledger[] {
    return [...this.campaigns.values()].map((copies) => copies.ledger());
  }

  bytesOf(campaignId: string): Buffer | undefined {
    return this.reader.bytesOf(campaignId);
  }

  onManifest(screen: number, payload: Buffer): void {
    const { counts, options } = this;
    const manifest = this.reader.read(payload);
    if (manifest === undefined) {
      counts.malformed += 1;
      return;
    }
    counts.manifests += 1;
    const copies = this.copiesOf(manifest.campaignId);
    const stage = copies.stageOf(screen);
    const scheduled = copies.startAt === manifest.startAt && copies.expireAt === manifest.expireAt;
    if (stage >= STAGE.over || Date.now() >= manifest.expireAt || !copies.learn(manifest)) {
      counts.ignored += 1;
      return;
    }
    copies.countManifest(screen);
    if (!scheduled) this.schedule(copies);
    if (stage === STAGE.none) {
      copies.move(screen, STAGE.received);
      copies.manifests.add();
    }
    const now = options.monotonic();
    if (options.silent.has(screen)) counts.dropped += 1;
    else if (copies.sinceAnswer(screen, now) <= ANSWER_AGAIN_MS) counts.repeats += 1;
    else if (options.drop > 0 && options.random() < options.drop) counts.dropped += 1;
    else {
      copies.answer(screen, now);
      this.later(() => this.install(copies, screen), this.held);
    }
  }

  onControl(screen: number, payload: Buffer): void {
    const message = parseObject(payload);
    if (message === undefined || typeof message['type'] !== 'string') {
      this.counts.malformed += 1;
      return;
    }
    const { type, campaignId, fromSeq } = message;
    if (type === 'replay' && typeof fromSeq === 'number')
      for (const event of this.said.from(screen, fromSeq)) this.options.post(screen, event, () => undefined);
    if (type !== 'revoke' || typeof campaignId !== 'string') return;
    this.counts.revokes += 1;
    const copies = this.copiesOf(campaignId);
    copies.countRevoke(screen);
    if (!this.options.silent.has(screen)) this.later(() => this.revoke(copies, screen));
  }

  hold(): void {
    this.held ??= [];
  }

  /** Sends the acknowledgements that `hold` kept back and holds no more; answers how many they were. */
  release(): number {
    const held = this.held ?? [];
    this.held = undefined;
    for (const send of held) send();
    return held.length;
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.playLog.stop();
    this.showtimes.stop();
    for (const timer of this.delays) clearTimeout(timer);
    this.delays.clear();
    this.held = undefined;
  }

  private later(work: () => void, held?: (() => void)[]): void {
    const { min, max } = this.options.ackDelayMs;
    if (held !== undefined) {
      held.push(work);
    } else if (max === 0) {
      work();
    } else {
      const timer = setTimeout(
        () => {
          this.delays.delete(timer);
          work();
        },
        Math.round(min + this.options.random() * (max - min)),
      );
      this.delays.add(timer);
    }
  }

  private install(copies: Copies, screen: number): void {
    const stage = copies.stageOf(screen);
    if (stage >= STAGE.over) return;
    copies.install(screen);
    this.say('INSTALL_ACK', copies, screen);
    if (stage !== STAGE.received) return;
    copies.move(screen, STAGE.installed);
    if (Date.now() >= copies.startAt) this.goOnAir(copies, screen);
  }

  private revoke(copies: Copies, screen: number): void {
    this.goOffAir(copies, screen);
    copies.move(screen, STAGE.revoked);
    this.say('REVOKE_ACK', copies, screen);
  }

  private schedule(copies: Copies): void {
    this.showtimes.set(copies, 'start', copies.startAt, (screen) => this.goOnAir(copies, screen));
    this.showtimes.set(
      copies,
      'end',
      copies.expireAt,
      (screen) => this.goOffAir(copies, screen),
      () => copies.end(),
    );
  }

  private goOnAir(copies: Copies, screen: number): void {
    if (copies.stageOf(screen) !== STAGE.installed) return;
    copies.move(screen, STAGE.onAir);
    this.playLog.began(copies, screen);
    this.say('DISPLAY_START', copies, screen);
  }

  private goOffAir(copies: Copies, screen: number): void {
    if (copies.stageOf(screen) !== STAGE.onAir) return;
    copies.move(screen, STAGE.over);
    this.playLog.over(copies, screen);
    this.say('DISPLAY_COMPLETE', copies, screen);
  }

  private say(type: keyof typeof SAID, copies: Copies, screen: number): void {
    this.send(type, screen, copies.quotedId, copies.version, '', () => copies.countSaid(type, screen));
  }

  private sayPlays(screen: number, plays: readonly [Play, ...Play[]]): void {
    const [{ campaignId, version }] = plays;
    this.send('PLAY_LOG', screen, JSON.stringify(campaignId), version, `,"plays":${JSON.stringify(plays)}`, (event) =>
      this.said.forget(screen, event),
    );
  }

  private send(type: SentEvent, screen: number, quotedId: string, version: number, more: string, accepted: (event: string) => void): void {
    const deviceId = this.options.screens[screen];
    if (deviceId === undefined) return;
    this.counts.sent += 1;
    this.counts[COUNTED_AS[type]] += 1;
    // Written by hand: a third of the time of JSON.stringify, and no value but the campaign's id can hold a quote.
    const event = this.said.add(
      screen,
      (numbers) =>
        `{"eventId":"${uuidv7()}","eventType":"${type}","deviceId":"${deviceId}","campaignId":${quotedId},"version":${version},"timestamp":${Date.now() + (this.options.skewMs[screen] ?? 0)},"payload":{${numbers}${more}}}`,
    );
    this.options.post(screen, event, () => {
      this.counts.accepted += 1;
      accepted(event);
    });
  }
}
