import type { Schedule, ScreenLack } from '@marquee/contracts/player';
import { askServer, CorrectedClock } from './clock.js';
import { sha256Hex } from './digest.js';
import { gatherFacts, type LinkState } from './facts.js';
import { Installer } from './installer.js';
import { KeptPage } from './kept-page.js';
import { lacksOf, type Report } from './lacks.js';
import { Library } from './library.js';
import { Link } from './link.js';
import { type Offer, readControl, readOffer } from './manifest.js';
import { Outbox } from './outbox.js';
import { PlayLog } from './plays.js';
import { Programme } from './programme.js';
import { Prover } from './prover.js';
import { Room } from './room.js';
import { Screenshots } from './screenshot.js';
import type { Kept, Settings } from './settings.js';
import { Stage } from './stage.js';
import type { Store } from './store.js';
import { byId, type View } from './view.js';

/** How long the first picture waits for the server's time: a screen with a wrong clock must not show a wrong campaign first. */
const FIRST_ESTIMATE_MS = 1_000;
/** The retained status is brought up to date at most this often: every screen says it to the one server. */
const STATUS_AGAIN_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A start that is near is seen this often: what it needs must be in the store. */
const PROVE_MS = 20_000;
/** What an install left that was cut short is dropped this long after the page began: when it is offered again before, it goes on. */
const SWEEP_AFTER_MS = 5 * 60_000;
/** A fleet whose server was away asks for the time again over this long, not all at once. */
const SPREAD_MS = 20_000;
/** A newer player is loaded when nothing begins for this long. */
const QUIET_AHEAD_MS = 30_000;
/** As many campaigns as one status message may name. */
const MAX_LISTED = 1_000;

export function ownUrl(path: string): string {
  return new URL(path, location.href).href;
}

function quietly(task: Promise<unknown>): void {
  task.catch((error: unknown) => console.warn('not in order:', error));
}

/** One screen: builds its parts, and lets them run. The one place that knows every part. */
export class Screen {
  readonly #clock: CorrectedClock;
  readonly #page: KeptPage;
  readonly #room: Room;
  readonly #outbox: Outbox;
  readonly #library: Library;
  readonly #plays: PlayLog;
  readonly #stage: Stage;
  readonly #programme: Programme;
  readonly #prover: Prover;
  readonly #screenshots: Screenshots;
  #schedule: Schedule<Offer> | undefined;
  #brokerUrl: string;
  #link: LinkState = 'starting';

  constructor(
    private readonly view: View,
    private readonly settings: Settings,
    store: Store,
    kept: Kept,
  ) {
    const { deviceId, maxStorageBytes, brokerUrl } = settings;
    const clock = new CorrectedClock(askServer(ownUrl('/time')), { kept });
    this.#clock = clock;
    this.#brokerUrl = brokerUrl ?? 'its broker';
    this.#page = new KeptPage(import.meta.hot === undefined ? navigator.serviceWorker : undefined, location, () => this.#tell());
    // Without a secure context there is no StorageManager, whatever the types say.
    this.#room = new Room(isSecureContext ? navigator.storage : undefined, () => store.mediaBytes(), maxStorageBytes);
    this.#outbox = new Outbox(deviceId, store, clock);
    const installer = new Installer(store, this.#room, clock, sha256Hex);
    this.#library = new Library(store, installer, this.#outbox, clock, () => this.#programme.refresh());
    this.#plays = new PlayLog(store, this.#outbox, clock);
    this.#stage = new Stage(byId(document, 'display'), byId(document, 'wings'), window, {
      appeared: (act) => {
        this.#plays.appeared(act);
        // Once it has been told to play, which is not to wait for this.
        queueMicrotask(() => this.#tell());
      },
      slide: (act, assetId) => this.#plays.slide(act, assetId),
      left: () => this.#plays.end(),
      misbehaved: (act, reason) => this.#programme.bench(act, reason),
    });
    this.#programme = new Programme(this.#library, store, this.#stage, this.#outbox, clock, deviceId, (latest) => {
      this.#schedule = latest;
      this.#tell();
    });
    this.#prover = new Prover(this.#library, store, clock);
    this.#screenshots = new Screenshots(this.#stage, window, (playing) => ({
      title: deviceId,
      lines: playing ? ['A campaign is shown that gives no picture of itself'] : view.idleLines,
    }));
    store.onLost(() => void this.#page.reload());
    window.addEventListener('pagehide', () => this.#plays.end());
  }

  /** Plays what is stored, and connects as soon as it is known to where: a screen plays before it has found its broker. */
  async run(finding: Promise<string>): Promise<void> {
    const estimated = Promise.race([this.#clock.estimate(), new Promise((resolve) => setTimeout(resolve, FIRST_ESTIMATE_MS))]);
    await Promise.all([this.#library.load(), this.#outbox.load(), this.#plays.begin()]);
    this.#tell();
    const connecting = finding.then((url) => this.#connect(url));
    await estimated;
    this.#library.expire();
    await this.#programme.begin();
    this.#keepInOrder();
    await connecting;
  }

  #connect(url: string): void {
    this.#brokerUrl = url;
    const link = new Link(url, this.settings.deviceId, {
      report: () => this.#report(),
      onManifest: (text) => this.#takeManifest(text),
      onControl: (text) => this.#takeControl(text),
      onConnected: (connected) => {
        if (connected && this.#link === 'reconnecting') setTimeout(() => quietly(this.#clock.estimate()), Math.random() * SPREAD_MS);
        this.#link = connected ? 'connected' : 'reconnecting';
        this.#outbox.connect(connected ? (event) => link.publishEvent(event) : undefined);
        this.#tell();
      },
    });
    setInterval(() => quietly(this.#room.look().then(() => link.refreshStatus())), STATUS_AGAIN_MS);
  }

  /** What is seen to again and again for as long as the page lives. */
  #keepInOrder(): void {
    quietly(this.#page.begin(ownUrl('sw.js')));
    quietly(this.#room.ask());
    quietly(this.#room.look());
    quietly(this.#prover.look());
    setInterval(() => quietly(this.#prover.look()), PROVE_MS);
    setTimeout(() => quietly(this.#library.sweep()), SWEEP_AFTER_MS);
    setInterval(() => {
      if (this.#clock.trusted !== true) quietly(this.#clock.estimate());
    }, STATUS_AGAIN_MS);
    setInterval(() => {
      quietly(Promise.all([this.#library.sweep(), this.#outbox.prune(), this.#clock.estimate()]));
      setTimeout(() => quietly(this.#page.update()), Math.random() * SPREAD_MS);
    }, HOUR_MS);
  }

  get #lacks(): ScreenLack[] {
    return lacksOf({
      secure: isSecureContext,
      pageKept: this.#page.kept,
      persistent: this.#room.persistent,
      full: this.#library.full,
      timed: this.#clock.trusted,
    });
  }

  #tell(): void {
    this.view.show(
      gatherFacts({
        settings: this.settings,
        brokerUrl: this.#brokerUrl,
        link: this.#link,
        library: this.#library,
        outbox: this.#outbox,
        clock: this.#clock,
        schedule: this.#schedule,
        showing: this.#stage.showing,
        benched: this.#programme.benched,
        lacks: this.#lacks,
      }),
    );
    this.#page.renew(this.#quiet);
  }

  /** Nothing is shown, nothing is being installed, and nothing begins in a moment. */
  get #quiet(): boolean {
    const schedule = this.#schedule;
    if (schedule === undefined || schedule.shown !== undefined || this.#library.installing > 0) return false;
    return schedule.until - this.#clock.now() >= QUIET_AHEAD_MS;
  }

  #report(): Report {
    const { campaigns } = this.#library;
    return {
      installed: campaigns.slice(0, MAX_LISTED).map(({ campaignId, offer }) => ({ campaignId, version: offer.version })),
      clockOffsetMs: this.#clock.offsetMs,
      lacks: this.#lacks,
      ...(this.#room.used === undefined ? {} : { storage: this.#room.used }),
      events: this.#outbox.range,
    };
  }

  #takeManifest(text: string): void {
    const read = readOffer(text, location.href);
    if (read.ok) {
      this.#library.offer(read.offer);
      return;
    }
    console.warn('manifest refused:', read.reason);
    if (read.campaign !== undefined) void this.#outbox.recordError(read.campaign, read.reason);
  }

  #takeControl(text: string): void {
    const control = readControl(text);
    if (control?.type === 'revoke') void this.#library.revoke(control.campaignId);
    else if (control?.type === 'replay') this.#outbox.replay(control.fromSeq);
    else if (control?.type === 'identify') this.view.identify();
    else if (control?.type === 'reload') quietly(this.#page.reload());
    else if (control?.type === 'screenshot') void this.#screenshots.take(control.uploadUrl);
  }
}
